"""Displacements of atoms from the sites of a crystal, at the nearest image, without drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from matscipy.neighbours import neighbour_list

SMALL_STRAIN = 0.01
"""Largest strain component that is taken out of a frame for its displacements. Beyond it the
harmonic forces of the perfect cell say little about the frame."""

SAME_CELL = 1e-3
"""Strain component below which two cells are the same crystal relaxed twice (0.01 Å in 10 Å)."""

LEFT = 0.5
"""Of a bond: an atom farther than that from its site has left it."""


def nearest_image(vectors: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The shortest periodic images of vectors (…, 3) Å in a cell (3, 3) Å, skewed ones too."""
    flat = np.reshape(vectors, (-1, 3))
    return np.asarray(find_mic(flat, cell, pbc=True)[0]).reshape(np.shape(vectors))


def without_drift(fractional: np.ndarray) -> np.ndarray:
    """Fractional displacements (n, N, 3) without their common drift, within [−½, ½].

    The drift is the circular mean: it does not matter that atoms have crossed borders of the cell.
    """
    phase = np.exp(2j * np.pi * fractional).mean(axis=-2, keepdims=True)
    fractional = fractional - np.angle(phase) / (2 * np.pi)
    return np.asarray(fractional - np.rint(fractional))


def displacements(
    positions: np.ndarray, perfect: Atoms, cells: np.ndarray | None = None
) -> np.ndarray:
    """Displacements u (n, N, 3) Å from the sites of a supercell: nearest image, Σ u = 0.

    Homogeneous strain is taken out: a strained cell is mapped on the perfect one through
    fractional coordinates.

    Args:
        positions: (n, N, 3) Å, in the order of the sites. perfect: supercell of N atoms.
        cells: (n, 3, 3) Å of the frames; None where all are in the perfect cell.
    """
    cell = perfect.cell.array
    inverse = np.linalg.inv(cell if cells is None else cells)
    fractional = positions @ inverse - perfect.positions @ np.linalg.inv(cell)
    shift = nearest_image(without_drift(fractional) @ cell, cell)
    return np.asarray(shift - shift.mean(axis=-2, keepdims=True))


def of_frames(frames: Sequence[Atoms], perfect: Atoms) -> np.ndarray:
    """Displacements (n, N, 3) Å of frames whose atoms are in the order of the sites."""
    if not frames:
        return np.empty((0, len(perfect), 3))
    cells = np.array([frame.cell.array for frame in frames])
    return displacements(np.array([frame.positions for frame in frames]), perfect, cells)


def strain(cell: np.ndarray, perfect: np.ndarray) -> np.ndarray:
    """Strain ε (3, 3) that makes one cell of the other, without the rotation.

    With row vectors cell = perfect (1 + ε) Q, ε symmetric and Q orthogonal (polar decomposition).

    Args:
        cell, perfect: (3, 3) Å, corresponding rows.
    """
    return polar(np.linalg.solve(perfect, cell))[0] - np.eye(3)


def polar(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric positive S and orthogonal Q with matrix = S Q, all (3, 3)."""
    left, values, right = np.linalg.svd(matrix)
    return np.asarray((left * values) @ left.T), np.asarray(left @ right)


def in_cell(frame: Atoms, perfect: Atoms, largest: float = SMALL_STRAIN) -> bool:
    """Whether a frame has the atoms of a supercell in its order, and its cell up to small strain.

    Args:
        largest: strain component. A rotated cell is another cell.
    """
    if len(frame) != len(perfect) or (frame.numbers != perfect.numbers).any():
        return False
    gradient = np.linalg.solve(perfect.cell.array, frame.cell.array) - np.eye(3)
    return bool(np.abs(gradient).max() <= largest)


def bond_length(atoms: Atoms) -> float:
    """Distance of nearest neighbours in Å, periodic images included."""
    return closest_pair(atoms)[0]


def closest_pair(atoms: Atoms) -> tuple[float, tuple[str, str]]:
    """The shortest distance (Å) in a crystal, and the elements it joins in alphabetic order."""
    cutoff = 2.0 * (atoms.cell.volume / len(atoms)) ** (1 / 3)
    while not len((pairs := neighbour_list("ijd", atoms, cutoff))[0]):
        cutoff *= 2
    nearest = int(pairs[2].argmin())
    first, second = sorted(str(atoms.symbols[ends[nearest]]) for ends in pairs[:2])
    return float(pairs[2][nearest]), (first, second)


def shortest_distance(atoms: Atoms, search: float = 4.0) -> float:
    """Shortest interatomic distance (Å), periodic images included, of any frame.

    `inf` beyond `search` (Å), NaN where positions are not finite.
    """
    if not np.isfinite(atoms.positions).all():
        return float("nan")
    distances = neighbour_list("d", atoms, search)
    return float(distances.min()) if len(distances) else float("inf")


def hopped(displacements: np.ndarray, perfect: Atoms, limit: float = LEFT) -> np.ndarray:
    """Whether an atom has left its site, (n,) bool.

    Args:
        displacements: (n, N, 3) Å from the sites of `perfect`.
        limit: distance from the site, in bonds.
    """
    length = np.linalg.norm(displacements, axis=2).max(axis=1, initial=0.0)
    return ~np.asarray(length <= limit * bond_length(perfect))
