"""Cells that the user gives: of a phono3py params file, or of a trajectory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.spacegroup.symmetrize import prep_symmetry, symmetrize_rank1

from umklapp.config import LabelKeys, Materials
from umklapp.crystals import materials, phonopy_cells, registration, sites, symmetry
from umklapp.crystals.formats import force_sets, given
from umklapp.crystals.orientations import lattice_maps
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.crystals.sites import polar
from umklapp.errors import InputError

VARIANTS = 24
"""Supercells of one shape that are tried: they differ where the crystal is less symmetric than its
lattice."""


def of_material(chosen: Materials, row: pd.Series) -> tuple[Atoms, Atoms, str]:
    """Primitive cell, supercell in phonopy's order, and where they are from, in words.

    Args:
        chosen: section `materials` whose `cells` is a phono3py params file, or labelled frames of
            a trajectory in any format of `given.read`. row: of the table.

    Raises:
        InputError: naming the file: unreadable, or not of this crystal.
    """
    path = chosen.cells
    if path is None:
        raise InputError("materials.cells: no file is named")
    if not path.exists() or force_sets.is_params(path):
        params = force_sets.load_params(path)
        cells = [from_phonopy(params.primitive), from_phonopy(params.supercell)]
        for cell in cells:
            materials.refuse_dropped(cell, str(path))
            cell.arrays.pop("masses", None)  # natural ones, of another table
        return cells[0], cells[1], str(path)
    built = materials.build_primitive(row, chosen.structures, chosen.downloads)
    return of_trajectory(path, built, chosen.cells_keys)


def of_trajectory(
    path: Path, built: Atoms, keys: LabelKeys = given.ASE_NAMES
) -> tuple[Atoms, Atoms, str]:
    """Cells of a trajectory: the crystal of the table with its mean cell and mean positions.

    The mean strain and the median displacements are symmetrised with the crystal's space group.

    Args:
        path: labelled frames in one supercell. built: primitive cell of the table. keys: names of
            the labels in extxyz.

    Raises:
        InputError: no frames, several cells, or another crystal.
    """
    frames, _ = given.inspected(path, keys=keys)
    return of_frames(frames, built, path)


def of_frames(frames: list[Atoms], built: Atoms, path: Path) -> tuple[Atoms, Atoms, str]:
    """Cells of frames that have been read already, as `of_trajectory`; path: named in messages.

    Raises:
        InputError: no frames, several cells, or another crystal.
    """
    if not frames:
        raise InputError(f"{path}: no frames in the file")
    if materials.composition(frames[0]) != materials.composition(built):
        held, wanted = (atoms.get_chemical_formula() for atoms in (frames[0], built))
        raise InputError(f"{path}: holds {held}, the table says {wanted}")
    placed, matrix, report = _registered(frames, built, path)
    perfect = phonopy_cells.supercell(built, matrix)
    cell = np.mean([frame.cell.array for frame in placed], axis=0)
    strain = _symmetric_strain(polar(np.linalg.solve(perfect.cell.array, cell))[0], built)
    motion = np.median(sites.of_frames(placed, perfect), axis=0)
    primitive = built.copy()
    primitive.positions += _symmetric_displacements(motion, perfect, built)
    primitive.set_cell(built.cell.array @ strain, scale_atoms=True)
    largest = float(np.abs(strain - np.eye(3)).max())
    note = f"{path}: mean of {len(frames)} frames, strain {largest:.1e} against the table; {report}"
    return primitive, phonopy_cells.supercell(primitive, matrix), note


def _registered(
    frames: list[Atoms], built: Atoms, path: Path
) -> tuple[list[Atoms], list[list[int]], registration.Report]:
    """Frames on the sites of the supercell that they are in, its matrix, and how they lie."""
    cell, count = frames[0].cell.array, len(frames[0]) // len(built)
    maps = lattice_maps(built.cell.array, cell, count)
    proper = [matrix for matrix in maps if np.linalg.det(matrix) > 0]
    turned = [polar(np.linalg.solve(cell, m @ built.cell.array))[1] for m in proper]
    change = [round(float(np.linalg.norm(rotation - np.eye(3))), 6) for rotation in turned]
    refused = InputError(
        f"{path}: the cell of {len(frames[0])} atoms is no supercell of the table's "
        f"{built.symbols} (up to a strain of a few per cent)"
    )
    for index in np.argsort(change, kind="stable")[:VARIANTS]:
        matrix = proper[index].tolist()
        try:
            perfect = phonopy_cells.supercell(built, matrix)
            placed, report = registration.register(frames, perfect, str(path))
        except InputError as error:
            refused = error
            continue
        if report.other_cells:
            raise InputError(
                f"{path}: {report.other_cells} of {len(frames)} frames are in another cell than "
                "the first: give a trajectory of one cell"
            )
        return placed, matrix, report
    raise refused


def _symmetric_strain(stretch: np.ndarray, primitive: Atoms) -> np.ndarray:
    """Mean of S (3, 3) over the rotations W of a crystal: ⟨W S Wᵀ⟩."""
    cell = primitive.cell.array.T
    turns = [cell @ turn @ np.linalg.inv(cell) for turn in symmetry.rotations(primitive)]
    return np.asarray(np.mean([turn @ stretch @ turn.T for turn in turns], axis=0))


def _symmetric_displacements(motion: np.ndarray, perfect: Atoms, primitive: Atoms) -> np.ndarray:
    """Displacements (n, 3) Å of the primitive cell's atoms that the space group allows.

    Args:
        motion: (N, 3) Å of the atoms of the supercell; its mean over copies counts.
    """
    apart = perfect.positions[:, None] - primitive.positions
    lengths = np.linalg.norm(sites.nearest_image(apart, primitive.cell.array), axis=-1)
    site = lengths.argmin(axis=1)
    folded = np.array(
        [motion[site == site_index].mean(axis=0) for site_index in range(len(primitive))]
    )
    rotations, translations, maps = prep_symmetry(primitive, symprec=symmetry.SYMPREC)
    cell = primitive.cell.array
    return np.asarray(
        symmetrize_rank1(cell, np.linalg.inv(cell), folded, rotations, translations, maps)
    )
