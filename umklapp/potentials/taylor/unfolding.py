"""Force constants of a supercell as clusters of the infinite crystal, for dynamics in other cells.

A Taylor model knows which atoms of its supercell belong to an element, not which images of them.
Second order: the shortest images, in equal parts where several are equally short, as phonopy takes
them; the acoustic sum rule is a sum over all of them and still holds. Third and fourth order: the
clusters must be so short that every pair of their atoms has one shortest image and that these
images are those of one cluster. Then every sum over the atoms of the supercell is one over atoms of
the infinite crystal, and acoustic sum rules and the exchange of indices hold there exactly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from umklapp import hdf5
from umklapp.crystals import sites
from umklapp.errors import InputError
from umklapp.potentials.taylor.basis import TOLERANCE
from umklapp.potentials.taylor.model import TaylorModel

BEYOND = 0.01
"""Å; a cutoff lies so far beyond the last shell of neighbours that it takes in."""


@dataclass(frozen=True)
class Clusters:
    """Non-zero force constants of one order q in the infinite crystal, n elements.

    order: q; rows: (n,) which primitive site the first atom is; reach: (n, q − 1, 3) Å, from the
    site of the first atom to those of the others; axes: (n, q); values: (n,) eV/Å^q.
    """

    order: int
    rows: np.ndarray
    reach: np.ndarray
    axes: np.ndarray
    values: np.ndarray

    @property
    def longest(self) -> float:
        """Largest distance (Å) from a first atom; 0 without any element."""
        return float(np.linalg.norm(self.reach, axis=2).max(initial=0.0))


@dataclass(frozen=True)
class UnfoldedModel:
    """A Taylor model without its supercell.

    perfect: the supercell of N atoms that tiles the crystal; rows: (N,) primitive site of each;
    clusters: one for every order.
    """

    perfect: Atoms
    rows: np.ndarray
    clusters: tuple[Clusters, ...]


def shortest_images(vectors: np.ndarray, cell: np.ndarray) -> list[np.ndarray]:
    """For vectors (n, 3) Å all their equally short periodic images in a cell (3, 3) Å, (m, 3)."""
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = steps @ minkowski_reduce(cell)[0]
    images = sites.nearest_image(vectors, cell)[:, None] + lattice
    length = np.linalg.norm(images, axis=2)
    near = length < length.min(axis=1, keepdims=True) + TOLERANCE
    return [image[chosen] for image, chosen in zip(images, near, strict=True)]


def unique_images(perfect: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Shortest vectors (N, N, 3) Å from every site to every other, and which are unique (N, N)."""
    n = len(perfect)
    vectors = (perfect.positions[None] - perfect.positions[:, None]).reshape(-1, 3)
    images = shortest_images(vectors, perfect.cell.array)
    unique = np.array([len(image) == 1 for image in images])
    return np.array([image[0] for image in images]).reshape(n, n, 3), unique.reshape(n, n)


def closing_cutoff(perfect: Atoms, longest: float | None = None) -> float:
    """The longest pair distance (Å) with which clusters of a supercell unfold in one way.

    Args:
        perfect: supercell. longest: Å, where shorter clusters are asked for anyway.

    Raises:
        InputError: not even nearest neighbours do: the cell is too small.
    """
    vectors, unique = unique_images(perfect)
    distance = np.linalg.norm(vectors, axis=2)
    shells = np.unique(np.round(distance[distance > TOLERANCE], 3))
    shells = shells[shells <= (longest or np.inf)]
    count = bisect_left(shells, True, key=lambda r: not _closes(vectors, distance, unique, r))
    if not count:
        raise InputError(
            f"the phonon supercell of {len(perfect)} atoms is too small for a correction in "
            "dynamics: neighbours of an atom are images of one another, so that third-order "
            "constants do not say which atoms they join; take a larger materials.phonon_supercell"
        )
    return float(shells[count - 1] + BEYOND)


def _closes(vectors: np.ndarray, distance: np.ndarray, unique: np.ndarray, cutoff: float) -> bool:
    """Whether all pairs within the cutoff are unique and all triangles of them close."""
    near = distance < cutoff + BEYOND
    if not unique[near].all():
        return False
    for atom in range(len(vectors)):
        others = np.flatnonzero(near[atom])
        around = vectors[atom, others]
        sides = around[None] - around[:, None]
        joined = near[np.ix_(others, others)]
        wrong = np.abs(sides - vectors[np.ix_(others, others)]).max(axis=2) > TOLERANCE
        if (joined & wrong).any():
            return False
    return True


def unfold(model: TaylorModel) -> UnfoldedModel:
    """The clusters of a Taylor model.

    Raises:
        InputError: third or fourth order reaches farther than `closing_cutoff`.
    """
    first = _first_atoms(model)
    vectors, unique = unique_images(model.perfect)
    higher = [_third_order(model), _fourth_order(model)]
    clusters = [_second_order(model, first)]
    for rows, atoms, axes, values in higher:
        members = np.concatenate([first[rows][:, None], atoms], axis=1)
        clusters.append(_joined(rows, members, axes, values, vectors, unique))
    return UnfoldedModel(model.perfect, model.rows, tuple(clusters))


def _first_atoms(model: TaylorModel) -> np.ndarray:
    still = (model.permutations == np.arange(len(model.rows))).all(axis=1)
    return np.array(
        [np.flatnonzero(still & (model.rows == row))[0] for row in np.unique(model.rows)]
    )


def _second_order(model: TaylorModel, first: np.ndarray) -> Clusters:
    perfect, n = model.perfect, len(model.perfect)
    blocks = model.harmonic.reshape(n, 3, n, 3).transpose(0, 2, 1, 3)
    rows, reach, values = [], [], []
    for row, atom in enumerate(first):
        images = shortest_images(perfect.positions - perfect.positions[atom], perfect.cell.array)
        for other, image in enumerate(images):
            rows += [row] * len(image)
            reach.append(image)
            values += [blocks[atom, other] / len(image)] * len(image)
    count = len(rows)
    axes = np.tile(np.indices((3, 3)).reshape(2, 9).T, (count, 1))
    where = np.repeat(np.arange(count), 9)
    flat = np.reshape(values, -1)
    kept = flat != 0
    return Clusters(
        2,
        np.array(rows)[where][kept],
        np.concatenate(reach)[where][kept][:, None],
        axes[kept],
        flat[kept],
    )


Elements = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Rows (n,), other atoms (n, q − 1), axes (n, q) and values (n,) of one order."""


def _third_order(model: TaylorModel) -> Elements:
    row, j, k, *axes = np.nonzero(model.cubic)
    values = model.cubic[(row, j, k, *axes)]
    return row, np.stack([j, k], axis=1), np.stack(axes, axis=1), values


def _fourth_order(model: TaylorModel) -> Elements:
    row, j, k, last, *axes = model.quartic_index
    return row, np.stack([j, k, last], axis=1), np.stack(axes, axis=1), model.quartic


def _joined(
    rows: np.ndarray,
    members: np.ndarray,
    axes: np.ndarray,
    values: np.ndarray,
    vectors: np.ndarray,
    unique: np.ndarray,
) -> Clusters:
    order = members.shape[1]
    reach = vectors[members[:, :1], members[:, 1:]]
    for one in range(order):
        for two in range(one + 1, order):
            pair = members[:, one], members[:, two]
            start = reach[:, one - 1] if one else 0.0
            side = reach[:, two - 1] - start
            if not unique[pair].all() or np.abs(side - vectors[pair]).max(initial=0) > TOLERANCE:
                raise InputError(
                    f"force constants of order {order} reach farther than the supercell of "
                    f"{len(vectors)} atoms tells apart: fit them with a shorter cubic_cutoff"
                )
    return Clusters(order, rows, reach, axes, values)


def write(path: Path, models: Sequence[UnfoldedModel]) -> None:
    """Write the models of all members to one hdf5 file, atomically; none makes an empty one."""
    with hdf5.writing(path) as file:
        file.attrs["units"] = "values eV/Å^order, reach and positions Å"
        for member, model in enumerate(models):
            group = file.create_group(f"members/{member:04d}")
            group["numbers"], group["cell"] = model.perfect.numbers, model.perfect.cell.array
            group["positions"], group["rows"] = model.perfect.positions, model.rows
            for clusters in model.clusters:
                own = group.create_group(f"orders/{clusters.order}")
                for name in ("rows", "reach", "axes", "values"):
                    own.create_dataset(name, data=getattr(clusters, name), compression="gzip")


def read(path: Path) -> list[UnfoldedModel]:
    """What `write` wrote, in the order of the members."""
    with h5py.File(path) as file:
        return [_read(group) for _, group in sorted(file.get("members", {}).items())]


def _read(group: h5py.Group) -> UnfoldedModel:
    perfect = Atoms(
        group["numbers"][()], cell=group["cell"][()], positions=group["positions"][()], pbc=True
    )
    clusters = tuple(
        Clusters(int(order), *(own[name][()] for name in ("rows", "reach", "axes", "values")))
        for order, own in sorted(group["orders"].items())
    )
    return UnfoldedModel(perfect, group["rows"][()], clusters)
