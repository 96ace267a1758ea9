"""Cells in phonopy's order of atoms: supercells, their matrices, and calculations on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms
from phonopy.structure.cells import get_supercell

from umklapp.crystals import frame_info
from umklapp.errors import InputError

SITE_TOLERANCE = 1e-3
"""Å; between a site and where phonopy puts it."""


def to_phonopy(atoms: Atoms) -> PhonopyAtoms:
    """The same cell as phonopy's own class; masses that were set by hand go along."""
    return PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        positions=atoms.positions,
        masses=atoms.get_masses() if atoms.has("masses") else None,
    )


def from_phonopy(cell: PhonopyAtoms) -> Atoms:
    """The same cell as ASE's own class, with its moments, and masses other than phonopy's own."""
    atoms = Atoms(cell.symbols, cell=cell.cell, positions=cell.positions, pbc=True)
    natural = PhonopyAtoms(symbols=cell.symbols, cell=cell.cell, positions=cell.positions).masses
    if not np.allclose(cell.masses, natural, rtol=0, atol=1e-6):
        atoms.set_masses(cell.masses)
    if cell.magnetic_moments is not None:
        atoms.set_initial_magnetic_moments(cell.magnetic_moments)
    return atoms


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
    frame_info.inherit(atoms, primitive)
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


def harmonic_calculation(primitive: Atoms, perfect: Atoms) -> Phonopy:
    """An empty phonopy calculation of a supercell.

    Args:
        primitive: primitive cell. perfect: a multiple of it, atoms in phonopy's order (up to
            vectors of the supercell).

    Raises:
        InputError: the supercell is no multiple of the primitive cell, or in another order.
    """
    matrix = supercell_matrix(primitive, perfect)
    phonon = Phonopy(to_phonopy(primitive), supercell_matrix=matrix.T, primitive_matrix="P")
    cell = perfect.cell.array
    offsets = (phonon.supercell.positions - perfect.positions) @ np.linalg.inv(cell)
    distances = np.linalg.norm((offsets - np.rint(offsets)) @ cell, axis=1)
    if distances.max() > SITE_TOLERANCE:
        raise InputError("the supercell has its atoms in another order than phonopy's")
    return phonon
