"""How much a committee disagrees: energies, forces and σᴬ, absolute and relative.

All standard deviations are population ones over the K members (ddof 0). Relative measures divide
by the size of the thing itself; where that is close to zero the denominator is held at a floor, so
that an atom at rest or a perfect crystal is not taken for the most uncertain thing there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from umklapp.lattice.sigma_a import sigma
from umklapp.potentials.contract import CommitteePrediction

KINDS = ("energy", "force_mean", "force_max", "sigma")
NAMES = (*KINDS, *(f"{kind}_relative" for kind in KINDS))

FORCE_FLOOR = 0.1
"""Of the rms force of the frame: smaller forces count as that in relative measures."""

ENERGY_FLOOR = 1e-3
"""eV per atom above R0."""

SIGMA_FLOOR = 1e-3


@dataclass(frozen=True)
class Uncertainty:
    """Disagreement of a committee on n frames.

    per_atom: n arrays (n_atoms,) of u_I = sqrt(mean_k |F_kI − ⟨F_I⟩|²), eV/Å;
    per_atom_relative: u_I / |⟨F_I⟩|; sigma: (n,) σᴬ of the mean force, NaN without harmonic
    forces; values: name in `NAMES` → (n,). `energy` is std_k(E_k − E_k(R0)) in eV per atom,
    `force_mean` and `force_max` are mean and maximum of u_I in eV/Å, `sigma` is std_k σᴬ_k.
    """

    per_atom: list[np.ndarray]
    per_atom_relative: list[np.ndarray]
    sigma: np.ndarray
    values: dict[str, np.ndarray]

    def of(self, name: str) -> np.ndarray:
        """One measure, (n,)."""
        return self.values[name]


def per_atom_relative(forces: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """u_I / |⟨F_I⟩|, the denominator not below `FORCE_FLOOR` of the frame's rms force.

    Args:
        forces: (K, n_atoms, 3) eV/Å. spread: (n_atoms,) u_I, eV/Å.
    """
    lengths = np.linalg.norm(forces.mean(axis=0), axis=-1)
    floor = max(FORCE_FLOOR * float(np.sqrt((lengths**2).mean())), 1e-12)
    return spread / np.maximum(lengths, floor)


def measure(
    prediction: CommitteePrediction,
    reference_energy: np.ndarray,
    harmonic: Sequence[np.ndarray | None] | None = None,
) -> Uncertainty:
    """All uncertainties of a batch.

    Args:
        prediction: of K members on n frames.
        reference_energy: (K,) eV per atom of each member on the perfect crystal R0.
        harmonic: harmonic forces (n_atoms, 3) eV/Å of every frame, None where there are none.
    """
    relative = _above_crystal(prediction, reference_energy)
    energy = relative.std(axis=0)
    spread = prediction.spread
    spread_relative = [
        per_atom_relative(forces, of_frame)
        for forces, of_frame in zip(prediction.forces, spread, strict=True)
    ]
    none = [None] * len(spread) if harmonic is None else list(harmonic)
    sigmas = [
        sigma(forces, own_harmonic) if own_harmonic is not None else np.full(len(forces), np.nan)
        for forces, own_harmonic in zip(prediction.forces, none, strict=True)
    ]
    mean_sigma = [
        float(sigma(forces.mean(axis=0), own_harmonic)) if own_harmonic is not None else np.nan
        for forces, own_harmonic in zip(prediction.forces, none, strict=True)
    ]
    doubt = np.array([members.std() for members in sigmas])
    size = np.array([members.mean() for members in sigmas])
    values = {
        "energy": energy,
        "energy_relative": energy / np.maximum(np.abs(relative.mean(axis=0)), ENERGY_FLOOR),
        "force_mean": np.array([u.mean() for u in spread]),
        "force_mean_relative": np.array([u.mean() for u in spread_relative]),
        "force_max": np.array([u.max() for u in spread]),
        "force_max_relative": np.array([u.max() for u in spread_relative]),
        "sigma": doubt,
        "sigma_relative": doubt / np.maximum(size, SIGMA_FLOOR),
    }
    return Uncertainty(spread, spread_relative, np.array(mean_sigma, float), values)


def relative_energy(prediction: CommitteePrediction, reference_energy: np.ndarray) -> np.ndarray:
    """Committee-mean energy above the perfect crystal, (n,) eV per atom."""
    return np.asarray(_above_crystal(prediction, reference_energy).mean(axis=0))


def _above_crystal(prediction: CommitteePrediction, reference_energy: np.ndarray) -> np.ndarray:
    atoms = np.array([forces.shape[1] for forces in prediction.forces])
    return np.asarray(prediction.energy / atoms - reference_energy[:, None])
