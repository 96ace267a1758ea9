"""Neighbours of every atom in slots: the dense layout that the compiled graph works on.

Slot m of atom n holds one neighbour; every edge has its reverse in the list. Slots that are not
needed hold vectors beyond the cutoff, where all radial functions are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list


@dataclass(frozen=True)
class Slots:
    """Graph of one or several frames with N atoms in all and M slots.

    vectors: (N, M, 3) Å from the atom to its neighbour; lengths: (N, M) Å; source: (N, M) number
    of the neighbour; frame_of: (N,) number of the frame; sizes: atoms of every frame.
    """

    vectors: np.ndarray
    lengths: np.ndarray
    source: np.ndarray
    frame_of: np.ndarray
    sizes: tuple[int, ...]


class Neighbourhood:
    """Neighbours of the atoms of one frame as it moves.

    Args:
        cutoff: Å.
        skin: the search is repeated only after an atom has moved by half of it, or the cell has
            strained by as much (Å); 0 searches every time.
    """

    def __init__(self, cutoff: float, skin: float = 0.0) -> None:
        self.cutoff, self.skin = cutoff, skin
        self.shortest = float("inf")
        self._built: tuple[np.ndarray, np.ndarray] | None = None
        self._source = np.empty((0, 0), int)
        self._shift = np.empty((0, 0, 3))

    def update(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors (N, M, 3), lengths (N, M) and neighbours (N, M) of the frame as it is now.

        M is the largest number of neighbours within the cutoff. `shortest` is set to the
        shortest distance (Å), `inf` without a neighbour.
        """
        positions, cell = atoms.positions, atoms.cell.array
        if not self._holds(positions, cell):
            self._search(atoms)
        vectors = positions[self._source] - positions[:, None] + self._shift @ cell
        lengths = np.sqrt(np.einsum("nmc,nmc->nm", vectors, vectors))
        near = lengths < self.cutoff
        self.shortest = float(lengths.min()) if lengths.size else float("inf")
        width = max(2, int(near.sum(axis=1).max(initial=0)))
        if width > near.shape[1]:
            return self._padded(vectors, lengths, width)
        first = np.argsort(~near, axis=1, kind="stable")[:, :width]
        return (
            np.take_along_axis(vectors, first[..., None], axis=1),
            np.take_along_axis(lengths, first, axis=1),
            np.take_along_axis(self._source, first, axis=1),
        )

    def _holds(self, positions: np.ndarray, cell: np.ndarray) -> bool:
        if self._built is None or self.skin == 0 or len(self._built[0]) != len(positions):
            return False
        old_positions, old_cell = self._built
        strain = np.abs(np.linalg.solve(old_cell, cell) - np.eye(3)).sum(axis=1).max()
        affine = old_positions @ np.linalg.solve(old_cell, cell) if strain else old_positions
        moved = np.linalg.norm(positions - affine, axis=1).max()
        return bool(2 * moved + strain * (self.cutoff + self.skin) < self.skin)

    def _search(self, atoms: Atoms) -> None:
        centre, neighbour, shift = neighbour_list("ijS", atoms, self.cutoff + self.skin)
        size = len(atoms)
        count = np.bincount(centre, minlength=size)
        slot = np.arange(len(centre)) - (np.cumsum(count) - count)[centre]
        width = int(count.max(initial=0))
        self._source = np.repeat(np.arange(size)[:, None], width, axis=1)
        self._source[centre, slot] = neighbour
        self._shift = np.zeros((size, width, 3))
        self._shift[..., 0] = 1 + np.ceil(self.cutoff / np.linalg.norm(atoms.cell.array[0]))
        self._shift[centre, slot] = shift
        self._built = (atoms.positions.copy(), atoms.cell.array.copy())

    def _padded(
        self, vectors: np.ndarray, lengths: np.ndarray, width: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size, filled = lengths.shape
        far = np.zeros((size, width, 3))
        far[..., 0] = 2 * self.cutoff
        far[:, :filled] = vectors
        source = np.repeat(np.arange(size)[:, None], width, axis=1)
        source[:, :filled] = self._source
        return far, np.sqrt((far**2).sum(axis=-1)), source


def join(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], cutoff: float) -> Slots:
    """One graph of several frames: neighbours are numbered through, slots filled up."""
    sizes = tuple(len(lengths) for _, lengths, _ in parts)
    atoms, width = sum(sizes), max(lengths.shape[1] for _, lengths, _ in parts)
    if len(parts) == 1:
        return Slots(*parts[0], frame_of=np.zeros(atoms, int), sizes=sizes)
    vectors = np.zeros((atoms, width, 3))
    vectors[..., 0] = 2 * cutoff
    lengths = np.full((atoms, width), 2 * cutoff)
    source = np.repeat(np.arange(atoms)[:, None], width, axis=1)
    start = 0
    for part_vectors, part_lengths, part_source in parts:
        rows, slots = slice(start, start + len(part_lengths)), slice(part_lengths.shape[1])
        vectors[rows, slots] = part_vectors
        lengths[rows, slots] = part_lengths
        source[rows, slots] = part_source + start
        start += len(part_lengths)
    frame_of = np.repeat(np.arange(len(parts)), sizes)
    return Slots(vectors, lengths, source, frame_of, sizes)
