"""What every potential promises, so that committees, phonons and κ need not know which it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms


@dataclass(frozen=True)
class Prediction:
    """Energies, forces and stresses of a batch of frames by one model.

    energy: (n_frames,) eV; forces: n_frames arrays of (n_atoms, 3) eV/Å;
    stress: (n_frames, 6) eV/Å³, ASE sign and Voigt order (NaN where the model has none).
    """

    energy: np.ndarray
    forces: list[np.ndarray]
    stress: np.ndarray


@dataclass(frozen=True)
class CommitteePrediction:
    """Predictions of K members for n frames.

    energy: (K, n) eV; forces: n arrays (K, n_atoms, 3) eV/Å; stress: (K, n, 6) eV/Å³ (NaN where
    there is none or nobody asked); spread: n arrays (n_atoms,) eV/Å, `spread_of_forces`.
    """

    energy: np.ndarray
    forces: list[np.ndarray]
    stress: np.ndarray
    spread: list[np.ndarray]

    @classmethod
    def of_members(cls, single: Sequence[Prediction]) -> CommitteePrediction:
        """Of K members' predictions for the same frames."""
        forces = [
            np.stack(of_frame)
            for of_frame in zip(*(prediction.forces for prediction in single), strict=True)
        ]
        return cls(
            np.stack([prediction.energy for prediction in single]),
            forces,
            np.stack([prediction.stress for prediction in single]),
            [spread_of_forces(of_frame) for of_frame in forces],
        )

    @property
    def mean(self) -> Prediction:
        """The committee mean, itself a conservative potential."""
        forces = [of_frame.mean(axis=0) for of_frame in self.forces]
        return Prediction(self.energy.mean(axis=0), forces, self.stress.mean(axis=0))

    def frame(self, index: int) -> CommitteePrediction:
        """Of one frame alone."""
        one = slice(index, index + 1)
        return CommitteePrediction(
            self.energy[:, one], self.forces[one], self.stress[:, one], self.spread[one]
        )


def spread_of_forces(forces: np.ndarray) -> np.ndarray:
    """u_I = sqrt(mean_k |F_kI − ⟨F_I⟩|²); forces: (K, n_atoms, 3) eV/Å → (n_atoms,) eV/Å."""
    deviation = forces - forces.mean(axis=0)
    return np.asarray(np.sqrt((deviation**2).sum(axis=-1).mean(axis=0)))


class Potential(Protocol):
    """An energy model of atoms with conservative forces."""

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames."""


class HessianPotential(Potential, Protocol):
    """A potential that also has second derivatives."""

    def hessian_vector_product(self, atoms: Atoms, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector; vector and result: (n_atoms, 3), result in eV/Å² times vector."""
