"""κ from the linearised Boltzmann equation in the relaxation-time approximation (phono3py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from phono3py import Phono3py

from umklapp import config


@dataclass(frozen=True)
class Kappa:
    """κ of one model.

    temperatures: (n_T,) K; kappa: (n_T, 6) W/(m K) in the order xx yy zz yz xz xy, None when it
    was not computed; reason: why not; lowest_frequency: THz over the mesh.
    """

    temperatures: list[float]
    kappa: np.ndarray | None
    reason: str | None
    lowest_frequency: float

    def scalar(self) -> np.ndarray | None:
        """A third of the trace, (n_T,) W/(m K)."""
        return None if self.kappa is None else self.kappa[:, :3].mean(axis=1)

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping for json."""
        scalar = self.scalar()
        return {
            "temperatures_K": self.temperatures,
            "kappa_W_per_mK": None if scalar is None else scalar.tolist(),
            "kappa_tensor_W_per_mK": None if self.kappa is None else self.kappa.tolist(),
            "not_computed": self.reason,
            "lowest_frequency_THz": self.lowest_frequency,
        }


def solve(
    phonon: Phono3py,
    settings: config.Conductivity,
    mesh: list[int],
    imaginary: float,
) -> Kappa:
    """RTA conductivity from the fc2 and fc3 in `phonon`, tetrahedron integration.

    Args:
        phonon: with force constants.
        settings: temperatures and isotopes.
        mesh: q-mesh.
        imaginary: gate in THz; a lower frequency on the mesh means no κ, with the reason.
    """
    phonon.mesh_numbers = mesh
    phonon.init_phph_interaction()
    phonon.run_phonon_solver()
    frequencies, _, _ = phonon.get_phonon_data()
    temperatures = list(settings.temperatures)
    lowest = float(frequencies.min())
    if lowest < imaginary:
        where = np.unravel_index(int(np.argmin(frequencies)), frequencies.shape)
        address = phonon.grid.addresses[where[0]] / np.array(mesh)
        reason = (
            f"not dynamically stable: {lowest:.3f} THz at q = "
            f"({', '.join(f'{x:.3f}' for x in address)}), gate {imaginary:g} THz"
        )
        return Kappa(temperatures, None, reason, lowest)
    phonon.run_thermal_conductivity(temperatures=temperatures, is_isotope=settings.isotopes)
    kappa = np.array(phonon.thermal_conductivity.kappa)[0]
    if not np.isfinite(kappa).all() or (kappa[:, :3] <= 0).any():
        return Kappa(temperatures, None, "κ is not positive and finite", lowest)
    return Kappa(temperatures, kappa, None, lowest)
