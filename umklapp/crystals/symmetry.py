"""Symmetry of cells as spglib sees it: space group, rotations, the standard primitive cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import spglib
from ase import Atoms

from umklapp.errors import InputError

SYMPREC = 1e-4
"""Å; two positions closer than this are one when symmetry is looked for."""

TOLERANCES: tuple[float, ...] = (SYMPREC, 1e-3, 1e-2)
"""Å; for structures from files, which state positions with few digits."""

LEAST_ROOM, MOST_ROOM = 0.5, 1e5
"""Å³ per atom: diamond has 5.7, hydrogen under pressure 1.5, a molecule in a box some thousand."""


def space_group(atoms: Atoms, symprec: float = SYMPREC) -> int:
    """International space-group number (0 when spglib finds none)."""
    return _symmetry(*(array.tobytes() for array in _spglib_cell(atoms)), symprec)[0]


@lru_cache(maxsize=512)
def _symmetry(cell: bytes, sites: bytes, numbers: bytes, symprec: float) -> tuple[int, np.ndarray]:
    """Number and rotations of the space group; 0 and the identity when spglib finds none."""
    none = 0, np.eye(3, dtype=int)[None]
    lattice, positions = (np.frombuffer(buffer).reshape(-1, 3) for buffer in (cell, sites))
    crystal = lattice, positions, np.frombuffer(numbers, dtype=np.int64)
    try:
        dataset = spglib.get_symmetry_dataset(crystal, symprec=symprec)
    except spglib.SpglibError:
        return none
    if dataset is None:
        return none
    return int(dataset.number), np.unique(dataset.rotations, axis=0)


def _spglib_cell(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lattice, positions and numbers for spglib, which crashes the process on an absurd cell.

    Raises:
        InputError: numbers that are not finite, or a cell that holds no crystal.
    """
    cell = atoms.cell.array
    if not (np.isfinite(cell).all() and np.isfinite(atoms.positions).all()):
        raise InputError(f"{atoms.symbols}: cell or positions have values that are not finite")
    room = abs(np.linalg.det(cell)) / max(1, len(atoms))
    if len(atoms) == 0 or not LEAST_ROOM < room < MOST_ROOM:
        raise InputError(
            f"{atoms.symbols or 'no atoms'}: a cell of {room:.3g} Å³ per atom (lengths "
            f"{np.round(atoms.cell.lengths(), 4).tolist()} Å) holds no crystal; lengths are in Å"
        )
    numbers = np.asarray(atoms.numbers, dtype=np.int64)
    return atoms.cell.array, atoms.get_scaled_positions(), numbers


def primitive_cell(atoms: Atoms, symprec: float = SYMPREC) -> Atoms:
    """Standardised primitive cell (spglib setting, idealised positions).

    Raises:
        InputError: spglib finds no space group.
    """
    try:
        standard = spglib.standardize_cell(
            _spglib_cell(atoms), to_primitive=True, no_idealize=False, symprec=symprec
        )
    except spglib.SpglibError as error:
        raise InputError(
            f"the structure has no space group that spglib can find: {error}"
        ) from None
    if standard is None:
        raise InputError("the structure has no space group that spglib can find")
    cell, positions, numbers = standard
    return Atoms(numbers=numbers, cell=cell, scaled_positions=positions, pbc=True)


def rotations(atoms: Atoms, symprec: float = SYMPREC) -> np.ndarray:
    """Rotations of the space group, (r, 3, 3) integers for columns of coordinates."""
    return _symmetry(*(array.tobytes() for array in _spglib_cell(atoms)), symprec)[1].copy()
