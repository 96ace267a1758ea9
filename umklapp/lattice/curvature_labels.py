"""Second derivatives of perfect supercells as labels: from displaced cells, or from files.

A label is the full array Φ_ij = ∂²E/∂R_i∂R_j of a supercell in eV/Å². Nothing is symmetrised beyond
what phonopy does to fill the array from displaced cells.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.crystals import frame_info, frames, materials, phonopy_cells
from umklapp.crystals.curvature import CurvatureLabel
from umklapp.crystals.frame_info import Origin
from umklapp.errors import CalculationError, InputError
from umklapp.reference.contract import Engine
from umklapp.reference.ledger import Ledger, label_frames

log = logging.getLogger(__name__)

CELL_TOLERANCE = 0.01
"""Of the vectors of a cell in those of another: lattice constants of two programs differ."""

SITE_TOLERANCE = 0.1
"""Å; between a site and its copy in another cell."""


def by_displacements(
    primitive: Atoms,
    perfect: Atoms,
    engine: Engine,
    settings: config.CurvatureFinetune,
    ledger: Ledger,
    workdir: Path,
    timeout: float,
    relaxed: bool,
) -> CurvatureLabel:
    """Force constants of a supercell from displaced cells that the engine labels.

    One atom is displaced at a time, as few times as symmetry allows (both signs where they are
    not equivalent); every displaced cell counts as a label. The net force of a cell, which an
    engine's grid leaves, is removed.

    Args:
        primitive: primitive cell. perfect: its supercell, atoms in phonopy's order.
        relaxed: whether the crystal was relaxed with this engine, so that its stress is zero.

    Raises:
        CalculationError: a displaced cell could not be labelled.
    """
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    phonon.generate_displacements(distance=settings.displacement)
    cells = [phonopy_cells.from_phonopy(cell) for cell in phonon.supercells_with_displacements]
    if settings.equilibrium == "label":
        cells.insert(0, perfect.copy())
    asked = []
    for cell_index, atoms in enumerate(cells):
        frame_info.inherit(atoms, perfect)
        frame_info.mark(atoms, origin=Origin(kind="curvature", index=cell_index))
        asked.append(frames.strip(atoms))
    labels, failures = label_frames(asked, engine, ledger, workdir, timeout)
    if failures:
        raise CalculationError(
            f"finetune.labels: displaced cell {failures[0].frame_id} got no label "
            f"({failures[0].reason}: {failures[0].message}); all of the {len(asked)} are needed: "
            "mend the engine's settings, or give finetune.labels a file of force constants"
        )
    still = labels.pop(0) if settings.equilibrium == "label" else None
    rest = np.zeros((len(perfect), 3)) if still is None else still.get_forces()
    forces = np.array([label.get_forces() - rest for label in labels])
    phonon.forces = forces - forces.mean(axis=1, keepdims=True)
    phonon.produce_force_constants(calculate_full_force_constants=True)
    stress = np.zeros(6) if relaxed else None
    return CurvatureLabel(
        perfect,
        np.array(phonon.force_constants),
        np.array(phonon.primitive.p2s_map),
        rest,
        None if still is None else float(still.get_potential_energy()),
        frames.stress_of(still) if still is not None and frames.has_stress(still) else stress,
        len(asked),
        f"displaced cells ({len(labels)} of {len(perfect)} atoms, {settings.displacement:g} Å) by "
        f"{engine.name}",
    )


def fold(array: np.ndarray, large: Atoms, small: Atoms) -> np.ndarray:
    """Force constants of a supercell from those of the same cell or of a multiple of it.

    Φ_ij of the small cell is the sum of Φ_iJ over the images J of j: what atom i feels when j moves
    in every copy of the small cell. This is exact for periodic displacements.

    Args:
        array: (M, M, 3, 3) of `large`. large, small: perfect supercells of one crystal, in any
            order and with any common shift, N atoms in `small`.

    Returns:
        (N, N, 3, 3).

    Raises:
        InputError: the cells are not of one crystal in one orientation; both are named.
    """
    images = _images(large, small)
    first = [int(np.flatnonzero(images == atom)[0]) for atom in range(len(small))]
    folded = np.zeros((len(small), len(small), 3, 3))
    np.add.at(folded.transpose(1, 0, 2, 3), images, array[first].transpose(1, 0, 2, 3))
    return folded


def _images(large: Atoms, small: Atoms) -> np.ndarray:
    """For every atom of `large` the atom of `small` that it is a copy of."""
    matrix = large.cell.array @ np.linalg.inv(small.cell.array)
    whole = np.rint(matrix)
    count = abs(round(float(np.linalg.det(whole))))
    fits = np.abs(matrix - whole).max() < CELL_TOLERANCE and len(large) == count * len(small)
    if fits and materials.composition(large) == materials.composition(small):
        fractional = large.get_scaled_positions() @ whole
        targets = small.get_scaled_positions()
        same = large.numbers[:, None] == small.numbers
        for start in np.flatnonzero(large.numbers == small.numbers[0]):
            apart = (fractional - fractional[start] + targets[0])[:, None] - targets
            apart -= np.rint(apart)
            near = same & (np.linalg.norm(apart @ small.cell.array, axis=2) < SITE_TOLERANCE)
            if (near.sum(axis=1) == 1).all() and (near.sum(axis=0) == count).all():
                return np.asarray(near.argmax(axis=1))
    raise InputError(
        f"force constants of another cell: {_cell(large)}, but the supercell of the campaign is "
        f"{_cell(small)}; they must be of the same crystal, in the same orientation, in this "
        "supercell or in a multiple of it: change materials.*_supercell (finetune.supercell says "
        "which), or give force constants of this cell"
    )


def _cell(atoms: Atoms) -> str:
    rows = "; ".join(" ".join(f"{x:.3f}" for x in row) for row in atoms.cell.array)
    return f"{atoms.symbols} with rows [{rows}] Å"
