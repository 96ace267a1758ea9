"""A committee of K potentials: one call evaluates all members on a batch of frames.

Members are evaluated one after the other here; how is an implementation matter behind `evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp import provenance
from umklapp.errors import InputError
from umklapp.potentials import loading
from umklapp.potentials.contract import Potential, Prediction


@dataclass(frozen=True)
class CommitteePrediction:
    """Predictions of K members for n frames.

    energy: (K, n) eV; forces: n arrays (K, n_atoms, 3) eV/Å; stress: (K, n, 6) eV/Å³.
    """

    energy: np.ndarray
    forces: list[np.ndarray]
    stress: np.ndarray

    @property
    def mean(self) -> Prediction:
        """The committee mean, itself a conservative potential."""
        forces = [each.mean(axis=0) for each in self.forces]
        return Prediction(self.energy.mean(axis=0), forces, self.stress.mean(axis=0))


class Committee:
    """K members; as a potential it is their mean."""

    def __init__(self, members: Sequence[Potential]) -> None:
        if not members:
            raise InputError("a committee needs at least one member")
        self.members = list(members)

    @classmethod
    def load(cls, paths: Sequence[Path]) -> Committee:
        """Committee of trained models (`loading.load`), in the order of the paths."""
        return cls([loading.load(Path(path)) for path in paths])

    def __len__(self) -> int:
        return len(self.members)

    def evaluate_members(self, frames: Sequence[Atoms]) -> CommitteePrediction:
        """Predictions of every member for every frame."""
        single = [member.evaluate(frames) for member in self.members]
        return CommitteePrediction(
            energy=np.stack([each.energy for each in single]),
            forces=[
                np.stack([each.forces[number] for each in single]) for number in range(len(frames))
            ],
            stress=np.stack([each.stress for each in single]),
        )

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """The committee mean for every frame."""
        return self.evaluate_members(frames).mean


def subsample(
    n_frames: int, fraction: float, seed: int, member: int, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation frames of one member.

    Members share a subsample in groups of `seeds`: member k has subsample k // seeds.

    Args:
        n_frames: frames in the training set.
        fraction: share of frames that a subset trains on; the rest is its validation set.
        seed: root seed of the material and round.
        member: number k of the member.
        seeds: initialisations per subsample.

    Returns:
        Sorted indices to train on and to validate on (at least one each).

    Raises:
        InputError: fewer than two frames.
    """
    if n_frames < 2:
        raise InputError(f"{n_frames} training frames: at least 2 are needed")
    order = provenance.generator(seed, "subsample", member // seeds).permutation(n_frames)
    n_train = min(n_frames - 1, max(1, round(fraction * n_frames)))
    return np.sort(order[:n_train]), np.sort(order[n_train:])
