"""How much a committee disagrees, and what error to expect from it.

All standard deviations are population ones over the K members (ddof 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp.potentials.committee import CommitteePrediction


@dataclass(frozen=True)
class Uncertainty:
    """Disagreement of a committee on n frames.

    energy: (n,) eV per atom, std_k(E_k − E_k(R0)) / N;
    force_mean, force_max: (n,) eV/Å, mean and maximum over atoms of
    u_I = sqrt(mean_k |F_kI − ⟨F_I⟩|²); per_atom: n arrays (n_atoms,) of u_I.
    """

    energy: np.ndarray
    force_mean: np.ndarray
    force_max: np.ndarray
    per_atom: list[np.ndarray]

    def of(self, kind: str) -> np.ndarray:
        """The measure named `force_max`, `force_mean` or `energy`, (n,)."""
        return np.asarray(getattr(self, kind))


def per_atom(forces: np.ndarray) -> np.ndarray:
    """u_I = sqrt(mean_k |F_kI − ⟨F_I⟩|²); forces: (K, n_atoms, 3) eV/Å → (n_atoms,) eV/Å."""
    deviation = forces - forces.mean(axis=0)
    return np.sqrt((deviation**2).sum(axis=-1).mean(axis=0))


def measure(prediction: CommitteePrediction, reference_energy: np.ndarray) -> Uncertainty:
    """All uncertainties of a batch.

    Args:
        prediction: of K members on n frames.
        reference_energy: (K,) eV per atom of each member on the perfect crystal R0.
    """
    atoms = np.array([each.shape[1] for each in prediction.forces])
    relative = prediction.energy / atoms - reference_energy[:, None]
    spread = [per_atom(each) for each in prediction.forces]
    return Uncertainty(
        energy=relative.std(axis=0),
        force_mean=np.array([each.mean() for each in spread]),
        force_max=np.array([each.max() for each in spread]),
        per_atom=spread,
    )


def relative_energy(prediction: CommitteePrediction, reference_energy: np.ndarray) -> np.ndarray:
    """Committee-mean energy above the perfect crystal, (n,) eV per atom."""
    atoms = np.array([each.shape[1] for each in prediction.forces])
    return np.asarray((prediction.energy / atoms - reference_energy[:, None]).mean(axis=0))


def force_errors(prediction: CommitteePrediction, frames: Sequence[Atoms]) -> list[np.ndarray]:
    """|⟨F_I⟩ − F_I(reference)| per atom: n arrays (n_atoms,) eV/Å."""
    return [
        np.linalg.norm(mean - frame.get_forces(), axis=1)
        for mean, frame in zip(prediction.mean.forces, frames, strict=True)
    ]


def calibration_factor(errors: Sequence[np.ndarray], spread: Sequence[np.ndarray]) -> float:
    """Factor α that turns u_I into an expected error: α² = mean(error² / u²).

    The maximum-likelihood scale of a Gaussian of width α u_I; errors and spreads as n arrays
    (n_atoms,) eV/Å.
    """
    return error_over_expected(np.concatenate(list(errors)), np.concatenate(list(spread)), 1.0)


def error_over_expected(errors: np.ndarray, spread: np.ndarray, factor: float) -> float:
    """rms(error / (factor · u)) over atoms, both (n_atoms,) eV/Å; 1 where the expectation is right.

    Spreads below 1 % of their median count as that, so that no atom decides alone.
    """
    floor = max(0.01 * float(np.median(spread)), 1e-12)
    return float(np.sqrt(np.mean((errors / (factor * np.maximum(spread, floor))) ** 2)))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman rank correlation; 0 when one side is constant."""
    from scipy.stats import spearmanr

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)
