"""What makes explored frames different from each other, in numbers, batch by batch of frames.

Networks: the members' last-layer features, their mean over the atoms of each species and those of
the atom the members disagree about most; a symmetry-equivalent event looks the same. Potentials
without features: displacements from the sites of the perfect cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms

from umklapp import hdf5
from umklapp.crystals import sites
from umklapp.potentials.committee import Committee

ATOMS = 4096
"""Of the frames whose features of all atoms are in memory at a time."""


def of_frames(
    committee: Committee, frames: Sequence[Atoms], spread: Sequence[np.ndarray], perfect: Atoms
) -> np.ndarray:
    """Descriptors (n, d) of frames.

    Args:
        frames: n of them. spread: n arrays (N,) eV/Å, u_I. perfect: the perfect supercell.
    """
    if not frames:
        return np.empty((0, 1))
    species = sorted(set(perfect.get_atomic_numbers()))
    size, rows = max(1, ATOMS // max(map(len, frames))), []
    for first in range(0, len(frames), size):
        part = frames[first : first + size]
        features = committee.features(part)
        if features is None:
            rows.append(displacements(part, perfect))
            continue
        of_part = []
        for frame, values, doubt in zip(part, features, spread[first : first + size], strict=True):
            means = [values[frame.numbers == element].mean(axis=0) for element in species]
            of_part.append(np.concatenate([*means, values[int(np.argmax(doubt))]]))
        rows.append(np.array(of_part))
    return np.concatenate(rows)


def add(path: Path, committee: Committee, perfect: Atoms) -> None:
    """Add the descriptors to an exploration on disk (`exploration.write`).

    Args:
        perfect: the perfect supercell.
    """
    with hdf5.changing(path) as file:
        for groups in _together(file):
            frames = [frame for group in groups for frame in _frames(group)]
            spread = [per_atom for group in groups for per_atom in group["spread"][()]]
            descriptors, first = of_frames(committee, frames, spread, perfect), 0
            for group in groups:
                if "descriptors" in group:  # of an attempt before
                    del group["descriptors"]
                last = first + len(group["time"])
                group["descriptors"] = descriptors[first:last]
                first = last


def _together(file: h5py.File) -> Iterator[list[h5py.Group]]:
    """Replicas in order, short ones together: a pool is replicas of one frame."""
    groups: list[h5py.Group] = []
    for name in sorted(file):
        groups.append(file[name])
        if (
            sum(group["positions"].shape[0] * group["positions"].shape[1] for group in groups)
            >= ATOMS
        ):
            yield groups
            groups = []
    if groups:
        yield groups


def _frames(group: h5py.Group) -> list[Atoms]:
    numbers = group["numbers"][()]
    pairs = zip(group["positions"][()], group["cells"][()], strict=True)
    return [Atoms(numbers, positions=positions, cell=cell, pbc=True) for positions, cell in pairs]


def displacements(frames: Sequence[Atoms], perfect: Atoms) -> np.ndarray:
    """Displacements from the sites of the perfect cell, (n, 3N) Å, without strain and drift."""
    return sites.of_frames(frames, perfect).reshape(len(frames), -1)
