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


class Potential(Protocol):
    """An energy model of atoms with conservative forces."""

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames."""


class HessianPotential(Potential, Protocol):
    """A potential that also has second derivatives."""

    def hessian_vector_product(self, atoms: Atoms, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector; vector and result: (n_atoms, 3), result in eV/Å² times vector."""
