"""The table of crystals, their prototypes, primitive cells and supercells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import spglib
import yaml
from ase import Atoms
from ase.io import read
from ase.spacegroup import crystal
from phonopy.structure.atoms import PhonopyAtoms
from phonopy.structure.cells import get_supercell

from umklapp.errors import InputError

SYMPREC = 1e-4
"""Å; two positions closer than this are one when symmetry is looked for."""

SUFFIXES = (".cif", ".vasp", ".extxyz")


@dataclass(frozen=True)
class Literature:
    """Published κ(300 K) in W/(m K), each with the column of the table it is from."""

    experiment: tuple[float, ...]
    green_kubo: tuple[float, ...]

    def describe(self) -> str:
        """Short text for tables: experiments first, then ab initio Green–Kubo."""
        parts = []
        if self.experiment:
            parts.append("exp. " + ", ".join(f"{value:g}" for value in self.experiment))
        if self.green_kubo:
            parts.append("aiGK " + ", ".join(f"{value:g}" for value in self.green_kubo))
        return "; ".join(parts) or "none in the table"


def read_table(path: Path) -> pd.DataFrame:
    """All known materials, indexed by key `{formula}-{space group}`.

    Raises:
        InputError: the file is missing, a column is missing or a key is not unique.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as csv: {error}") from None
    needed = {"material", "formula", "space_group", "prototype", "n_primitive"}
    missing = sorted(needed - set(table.columns))
    if missing:
        raise InputError(f"{path}: columns {missing} are missing")
    twice = sorted(table["material"][table["material"].duplicated()])
    if twice:
        raise InputError(f"{path}: keys {twice} appear more than once")
    return table.set_index("material", drop=False)


def species(path: Path, selection: Sequence[str]) -> dict[str, list[str]]:
    """Chemical species of the selected materials, sorted.

    Raises:
        InputError: as `read_table`.
    """
    table = read_table(path)
    formulas = table.loc[list(selection), "formula"]
    return {
        str(key): sorted(set(Atoms(text).get_chemical_symbols())) for key, text in formulas.items()
    }


def check_selection(table: pd.DataFrame, selection: Sequence[str], source: Path) -> None:
    """Raise `InputError` when a selected key is not in the table, naming the nearest ones."""
    for key in selection:
        if key not in table.index:
            near = [known for known in table.index if known.split("-")[0] == key.split("-")[0]]
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise InputError(f"materials.select: {key!r} is not in {source}{hint}")


def literature(row: pd.Series) -> Literature:
    """Published conductivities of one row of the table."""

    def numbers(column: str) -> tuple[float, ...]:
        return tuple(float(x) for x in re.findall(r"\d+(?:\.\d+)?", str(row.get(column, ""))))

    return Literature(numbers("kappa_exp_300K_WmK"), numbers("kappa_aiGK_300K_WmK"))


def space_group(atoms: Atoms, symprec: float = SYMPREC) -> int:
    """International space-group number (0 when spglib finds none)."""
    try:
        dataset = spglib.get_symmetry_dataset(_spglib_cell(atoms), symprec=symprec)
    except spglib.SpglibError:
        return 0
    return 0 if dataset is None else int(dataset.number)


def _spglib_cell(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def composition(atoms: Atoms) -> str:
    """Reduced formula in Hill order: the same for a cell and any of its supercells."""
    return str(atoms.symbols.formula.reduce()[0].format("hill"))


def primitive_cell(atoms: Atoms, symprec: float = SYMPREC) -> Atoms:
    """Standardised primitive cell (spglib setting, idealised positions)."""
    try:
        found = spglib.standardize_cell(
            _spglib_cell(atoms), to_primitive=True, no_idealize=False, symprec=symprec
        )
    except spglib.SpglibError as error:
        raise InputError(
            f"the structure has no space group that spglib can find: {error}"
        ) from None
    if found is None:
        raise InputError("the structure has no space group that spglib can find")
    cell, positions, numbers = found
    return Atoms(numbers=numbers, cell=cell, scaled_positions=positions, pbc=True)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as yaml: {error}") from None


def _from_prototype(row: pd.Series, folder: Path) -> Atoms:
    key = row["material"]
    prototypes = _yaml(folder / "prototypes.yaml")
    lattices = _yaml(folder / "lattices.yaml")
    if row["prototype"] not in prototypes:
        raise InputError(
            f"{key}: prototype {row['prototype']!r} is not built yet "
            f"(known: {', '.join(sorted(prototypes))}); put {key}.cif into {folder}"
        )
    if key not in lattices:
        raise InputError(
            f"{key}: no lattice parameters yet; add them with their source to "
            f"{folder / 'lattices.yaml'} or put {key}.cif there"
        )
    prototype, lattice = prototypes[row["prototype"]], lattices[key]
    lengths = [lattice.get(axis, lattice["a"]) for axis in ("a", "b", "c")]
    basis = [
        [lattice.get(value, 0.0) if isinstance(value, str) else value for value in site]
        for site in prototype["basis"]
    ]
    species = [lattice["species"][name] for name in prototype["sites"]]
    return crystal(
        species,
        basis,
        spacegroup=prototype["space_group"],
        setting=prototype.get("setting", 1),
        cellpar=[*lengths, *prototype["angles"]],
    )


def build_primitive(row: pd.Series, folder: Path) -> Atoms:
    """Primitive cell of one row: from `{key}.cif|vasp|extxyz` in `folder`, else its prototype.

    Raises:
        InputError: the row cannot be built yet, or does not have the space group or the
            number of atoms that the table states.
    """
    key = row["material"]
    own = [folder / f"{key}{suffix}" for suffix in SUFFIXES if (folder / f"{key}{suffix}").exists()]
    atoms = read(own[0]) if own else _from_prototype(row, folder)
    primitive = primitive_cell(atoms)
    found, wanted = space_group(primitive), int(row["space_group"])
    if found != wanted:
        raise InputError(f"{key}: built space group {found}, the table says {wanted}")
    if row["n_primitive"] and len(primitive) != int(row["n_primitive"]):
        raise InputError(
            f"{key}: built {len(primitive)} atoms, the table says {row['n_primitive']}"
        )
    if composition(primitive) != composition(Atoms(row["formula"])):
        raise InputError(f"{key}: built {primitive.symbols}, the table says {row['formula']}")
    primitive.info["material"] = key
    return primitive


def to_phonopy(atoms: Atoms) -> PhonopyAtoms:
    """The same cell as phonopy's own class."""
    return PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(), cell=atoms.cell.array, positions=atoms.positions
    )


def from_phonopy(cell: PhonopyAtoms) -> Atoms:
    """The same cell as ASE's own class."""
    return Atoms(cell.symbols, cell=cell.cell, positions=cell.positions, pbc=True)


def check_matrix(matrix: Sequence[Sequence[int]], key: str) -> None:
    """Raise `InputError` naming `key` for a matrix that makes no supercell."""
    determinant = np.linalg.det(np.array(matrix, float))
    if abs(determinant) < 0.5:
        raise InputError(f"{key}: the matrix {matrix} is singular")
    if determinant < 0:
        raise InputError(
            f"{key}: the matrix {matrix} makes a left-handed cell (determinant {determinant:.0f}); "
            "swap two of its rows or change the sign of one"
        )


def supercell(primitive: Atoms, matrix: Sequence[Sequence[int]]) -> Atoms:
    """Supercell with rows `matrix @ primitive.cell`, atoms in phonopy's order.

    Args:
        primitive: the primitive cell.
        matrix: (3, 3) integers, rows of new lattice vectors in old ones.

    Raises:
        InputError: the matrix is singular or turns a right-handed cell into a left-handed one.
    """
    check_matrix(matrix, "supercell")
    cell = get_supercell(to_phonopy(primitive), np.array(matrix).T)
    atoms = from_phonopy(cell)
    atoms.info.update(primitive.info)
    return atoms


def supercell_matrix(primitive: Atoms, atoms: Atoms, tolerance: float = 1e-3) -> np.ndarray:
    """Integer (3, 3) matrix of `atoms.cell` in primitive vectors.

    Raises:
        InputError: the cell is no multiple of the primitive cell (strain beyond `tolerance`
            counts as none), or the number of atoms does not match.
    """
    matrix = atoms.cell.array @ np.linalg.inv(primitive.cell.array)
    rounded = np.rint(matrix).astype(int)
    if np.abs(matrix - rounded).max() > tolerance:
        raise InputError(
            f"the cell is no multiple of the primitive cell: {np.round(matrix, 4).tolist()} "
            "in primitive vectors"
        )
    n_cells = abs(round(np.linalg.det(rounded)))
    if len(atoms) != n_cells * len(primitive):
        raise InputError(
            f"{len(atoms)} atoms, but {n_cells} primitive cells hold {n_cells * len(primitive)}"
        )
    return rounded


def is_multiple(primitive: Atoms, atoms: Atoms, tolerance: float = 0.08) -> bool:
    """Whether a cell is an integer supercell of the primitive one, in any orientation.

    Lengths and angles of the cell are compared with those of integer combinations of primitive
    vectors of the right volume.

    Args:
        tolerance: of c_i·c_j relative to |c_i||c_j|; lets through strains of a few per cent.
    """
    n_cells = len(atoms) // len(primitive)
    if n_cells * len(primitive) != len(atoms):
        return False
    lengths = atoms.cell.lengths()
    reach = np.ceil(1.1 * lengths.max() * np.linalg.norm(primitive.cell.reciprocal(), axis=1))
    ranges = [np.arange(-count, count + 1) for count in reach.astype(int)]
    integers = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = integers @ primitive.cell.array
    norms = np.linalg.norm(vectors, axis=1)
    fits = [np.flatnonzero(np.abs(norms**2 / x**2 - 1) < tolerance) for x in lengths]
    wanted = atoms.cell.array @ atoms.cell.array.T / np.outer(lengths, lengths)

    def angle(i: int, j: int, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        cosine = vectors[one] @ vectors[two].T / np.outer(norms[one], norms[two])
        return np.abs(cosine - wanted[i, j]) < tolerance

    for first in fits[0]:
        alone = np.array([first])
        second = fits[1][angle(0, 1, alone, fits[1])[0]]
        third = fits[2][angle(0, 2, alone, fits[2])[0]]
        for b, c in np.argwhere(angle(1, 2, second, third)):
            matrix = integers[[first, second[b], third[c]]]
            if round(abs(np.linalg.det(matrix))) == n_cells:
                return True
    return False
