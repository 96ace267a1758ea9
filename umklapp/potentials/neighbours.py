"""Neighbours of every atom in slots: the dense layout that the compiled graph works on.

Slot m of atom n holds one neighbour; every edge has its reverse in the list. Slots that are not
needed hold vectors beyond the cutoff, where all radial functions are zero.

Lists, the test whether they still hold, and the vectors stay on the device of the network. Lists
are searched on the host, of those frames alone that need a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from matscipy.neighbours import neighbour_list


@dataclass(frozen=True)
class Slots:
    """Graph of n frames with N atoms in all and M slots.

    vectors: (N, M, 3) Å from the atom to its neighbour; lengths: (N, M) Å; source: (N, M) number
    of the neighbour; frame_of: (N,) number of the frame; shortest: (n,) Å, the shortest distance
    of every frame, beyond the cutoff where nothing is near.
    """

    vectors: torch.Tensor
    lengths: torch.Tensor
    source: torch.Tensor
    frame_of: torch.Tensor
    shortest: torch.Tensor


class _Lists:
    """What the last search of every frame has found.

    source: (N, W) neighbours, numbered within their frame; shift: (N, W, 3) lattice vectors to
    them; far: (N,) lattice vectors to where a slot without neighbour points; fractional: (N, 3)
    places of the atoms; inverse: (n, 3, 3) of the cells, 1/Å; shortest: (n,) Å, of the last step;
    parts: frames that were asked about together.
    """

    TENSORS = ("source", "shift", "far", "fractional", "inverse", "shortest", "unit")

    def __init__(self, cutoff: float, skin: float, sizes: Sequence[int]) -> None:
        self.cutoff, self.skin = cutoff, skin
        self.starts = np.cumsum((0, *sizes))
        atoms, frames, real = int(self.starts[-1]), len(sizes), torch.float64
        self.source = torch.zeros((atoms, 0), dtype=torch.long)
        self.shift = torch.zeros((atoms, 0, 3), dtype=real)
        self.far = torch.ones(atoms, dtype=real)
        self.fractional = torch.zeros((atoms, 3), dtype=real)
        self.inverse = torch.zeros((frames, 3, 3), dtype=real)
        self.shortest = torch.full((frames,), torch.inf, dtype=real)
        self.unit = torch.eye(3, dtype=real)
        self.parts: dict[tuple[int, ...], Neighbours] = {}

    def move(self, device: torch.device) -> None:
        """To the device of the positions, once."""
        if self.source.device != device:
            for name in self.TENSORS:
                setattr(self, name, getattr(self, name).to(device))

    def search(self, frame: int, positions: torch.Tensor, cell: torch.Tensor) -> None:
        """A new list of one frame; positions (N, 3) and cell (3, 3) in Å."""
        place, box = positions.cpu().numpy(), cell.cpu().numpy()
        reach = self.cutoff + self.skin
        centre, neighbour, shift = neighbour_list(
            "ijS", positions=place, cell=box, pbc=np.ones(3, bool), cutoff=reach
        )
        count = np.bincount(centre, minlength=len(place))
        slot = np.arange(len(centre)) - (np.cumsum(count) - count)[centre]
        self._widen(max(2, int(count.max(initial=0))))
        width, far = self.source.shape[1], 1 + np.ceil(self.cutoff / np.linalg.norm(box[0]))
        sources = np.repeat(np.arange(len(place))[:, None], width, axis=1)
        sources[centre, slot] = neighbour
        shifts = np.zeros((*sources.shape, 3))
        shifts[..., 0] = far
        shifts[centre, slot] = shift
        rows = slice(self.starts[frame], self.starts[frame + 1])
        self.source[rows] = torch.from_numpy(sources).to(self.source.device)
        self.shift[rows] = torch.from_numpy(shifts).to(self.source.device)
        self.far[rows] = float(far)
        self.inverse[frame] = torch.linalg.inv_ex(cell).inverse
        self.fractional[rows] = positions @ self.inverse[frame]

    def _widen(self, width: int) -> None:
        atoms, before = self.source.shape
        if width <= before:
            return
        own = np.arange(atoms) - np.repeat(self.starts[:-1], np.diff(self.starts))
        alone = torch.from_numpy(own).to(self.source.device)[:, None].expand(-1, width - before)
        away = self.shift.new_zeros((atoms, width - before, 3))
        away[..., 0] = self.far[:, None]
        self.source = torch.cat([self.source, alone], dim=1)
        self.shift = torch.cat([self.shift, away], dim=1)


class Neighbours:
    """Neighbours of the atoms of n frames as they move.

    Args:
        cutoff: Å. sizes: atoms of every frame.
        skin: a frame is searched again only after an atom has moved by half of it, or the cell has
            strained by as much (Å); 0 searches every time.
    """

    def __init__(self, cutoff: float, sizes: Sequence[int], skin: float = 0.0) -> None:
        self._choose(_Lists(cutoff, skin, sizes), list(range(len(sizes))))

    def _choose(self, lists: _Lists, frames: list[int]) -> None:
        self._lists, self._frames = lists, frames
        sizes = np.diff(lists.starts)[frames]
        self.sizes = tuple(int(size) for size in sizes)
        starts = np.cumsum((0, *self.sizes))
        inside = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        rows = torch.from_numpy(inside + np.repeat(lists.starts[:-1][frames], sizes))
        first, last = frames[0], frames[-1]
        together = frames == list(range(first, last + 1))
        block = slice(int(lists.starts[first]), int(lists.starts[last + 1]))
        self._rows: torch.Tensor | slice = block if together else rows
        self._first = torch.from_numpy(np.repeat(starts[:-1], sizes))[:, None]
        self._frame_of = torch.from_numpy(np.repeat(np.arange(len(frames)), sizes))
        self._own = torch.tensor(frames)

    def select(self, frames: Sequence[int]) -> Neighbours:
        """Neighbours of some of the frames, by their numbers; lists are shared with these."""
        chosen = tuple(self._frames[index] for index in frames)
        parts = self._lists.parts
        if chosen not in parts:
            parts[chosen] = Neighbours.__new__(Neighbours)
            parts[chosen]._choose(self._lists, list(chosen))
        return parts[chosen]

    def shortest(self) -> np.ndarray:
        """Shortest distances (n,) Å of the last step; beyond the cutoff where nothing is near."""
        return self._lists.shortest[self._own].cpu().numpy()

    def of(self, frames: Sequence[Atoms], device: str = "cpu") -> Slots:
        """Slots of the frames as they are now, on a device."""
        cells = [frame.cell.array for frame in frames]
        places = np.concatenate([frame.positions for frame in frames] + cells)
        on_device = torch.from_numpy(places).to(device)
        atoms = len(places) - 3 * len(cells)
        return self.update(on_device[:atoms], on_device[atoms:].reshape(-1, 3, 3))

    def update(self, positions: torch.Tensor, cells: torch.Tensor) -> Slots:
        """Slots of the frames as they are now; M is the largest number of neighbours.

        Args:
            positions: (N, 3) Å, wrapped or not. cells: (n, 3, 3) Å, rows are vectors.
        """
        lists = self._lists
        lists.move(positions.device)
        self._move(positions.device)
        edges = self._edges(self._unwrapped(positions, cells), cells)
        lists.shortest[self._own] = edges.shortest
        near = edges.lengths < lists.cutoff
        width = max(2, int(near.sum(dim=1).amax()))
        return edges if width == near.shape[1] else _packed(edges, near, width)

    def _edges(self, place: torch.Tensor, cells: torch.Tensor) -> Slots:
        """All slots of the lists; place: (N, 3) Å, where the lists hold."""
        lists = self._lists
        source = lists.source[self._rows] + self._first
        shift = torch.bmm(lists.shift[self._rows], cells[self._frame_of])
        vectors = place[source] - place[:, None] + shift
        lengths = vectors.norm(dim=2)
        shortest = lengths.new_full((len(cells),), torch.inf)
        shortest.scatter_reduce_(0, self._frame_of, lengths.amin(dim=1), "amin")
        return Slots(vectors, lengths, source, self._frame_of, shortest)

    def _move(self, device: torch.device) -> None:
        if self._frame_of.device != device:
            for name in ("_first", "_frame_of", "_own"):
                setattr(self, name, getattr(self, name).to(device))
            if isinstance(self._rows, torch.Tensor):
                self._rows = self._rows.to(device)

    def _unwrapped(self, positions: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Positions (N, 3) Å in the images where the lists hold; what is old is searched again."""
        lists = self._lists
        if not lists.skin:
            for index in range(len(cells)):
                self._search(index, positions, cells)
            return positions
        of_atoms = cells[self._frame_of]
        moved = positions - _times(lists.fractional[self._rows], of_atoms)
        image = _times(moved, lists.inverse[self._own][self._frame_of]).round()
        image = _times(image, of_atoms)
        old = self._old(moved - image, cells)
        for index in old:
            image[self._search(index, positions, cells)] = 0.0
        return positions - image

    def _old(self, moved: torch.Tensor, cells: torch.Tensor) -> list[int]:
        """Frames whose list no longer holds.

        Args:
            moved: (N, 3) Å since the search, without the strain. cells: (n, 3, 3) Å.
        """
        lists = self._lists
        longest = moved.new_zeros(len(cells))
        longest.scatter_reduce_(0, self._frame_of, moved.norm(dim=1), "amax")
        # Without a list the inverse is zero: a strain of one.
        deformed = torch.bmm(lists.inverse[self._own], cells) - lists.unit
        strain = deformed.abs().sum(dim=2).amax(dim=1)
        holds = 2 * longest + strain * (lists.cutoff + lists.skin) < lists.skin
        return [index for index, still in enumerate(holds.tolist()) if not still]

    def _search(self, index: int, positions: torch.Tensor, cells: torch.Tensor) -> slice:
        """A new list of one of these frames; the rows of its atoms."""
        first = sum(self.sizes[:index])
        rows = slice(first, first + self.sizes[index])
        self._lists.search(self._frames[index], positions[rows], cells[index])
        return rows


def _times(vectors: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Row vectors (N, 3) times a matrix each, (N, 3, 3)."""
    return torch.bmm(vectors[:, None], matrices)[:, 0]


def _packed(edges: Slots, near: torch.Tensor, width: int) -> Slots:
    """With `width` slots, those that are `near` (N, W) first."""
    order = torch.argsort(near.logical_not(), dim=1, stable=True)[:, :width]
    return Slots(
        edges.vectors.gather(1, order[..., None].expand(-1, -1, 3)),
        edges.lengths.gather(1, order),
        edges.source.gather(1, order),
        edges.frame_of,
        edges.shortest,
    )
