"""Temperature of a trajectory, and the potential energy that N atoms have at a temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import units

from umklapp.learning.sampling import correlation
from umklapp.records import Part

ALLOWED = 4.0
"""Standard deviations above the thermal mean beyond which no state of that temperature lies."""

TOLERATED = 1.25
"""Of equipartition: a measured mean above that is not believed (the lattice may have collapsed)."""

SAME_TEMPERATURE = 0.1
"""Relative difference up to which dynamics is compared with a reference, beside its error.

An event of rate r has a barrier of kT ln(ν/r), so that a relative difference δ changes r by the
factor (ν/r)^δ: 1.5 for 0.1 per ps and ν = 5 THz. Rates agree within a factor of 10
(`sufficiency.POWER`). σᴬ, which goes with √T, changes by 5 %.
"""

FARTHEST = 0.3
"""Relative difference beyond which no statistical error makes two temperatures the same."""

ENOUGH = 20
"""Frames from which mean and spread are measured."""


class ThermalEnergy(Part):
    """Potential energy (eV) of `atoms` atoms above their perfect crystal at `temperature` K.

    mean, spread (standard deviation): eV; source: where they come from, in words.
    """

    temperature: float
    atoms: int
    mean: float
    spread: float
    source: str

    def score(self, energy: float) -> float:
        """Standard deviations of an energy (eV, of the cell above the crystal) above the mean."""
        return (energy - self.mean) / self.spread


def equipartition(atoms: int, temperature: float) -> ThermalEnergy:
    """A classical harmonic crystal: ⟨V⟩ = (3/2)(N − 1) k T, and its canonical spread.

    V is the sum of 3(N − 1) quadratic terms, so var V = (3/2)(N − 1)(k T)².

    Args:
        atoms: N. temperature: K.
    """
    quadratic, thermal = 1.5 * max(1, atoms - 1), units.kB * temperature
    return ThermalEnergy(
        temperature=temperature,
        atoms=atoms,
        mean=float(quadratic * thermal),
        spread=float(np.sqrt(quadratic) * thermal),
        source="equipartition",
    )


def measured(energies: np.ndarray, atoms: int, temperature: float, source: str) -> ThermalEnergy:
    """From the energies of quiet frames; equipartition where there are too few.

    The mean is not taken above `TOLERATED` times equipartition, and the spread not below it.

    Args:
        energies: (n,) eV of the cell above the perfect crystal. source: in words.
    """
    harmonic = equipartition(atoms, temperature)
    finite = energies[np.isfinite(energies)]
    if len(finite) < ENOUGH or finite.mean() > TOLERATED * harmonic.mean:
        return harmonic
    return ThermalEnergy(
        temperature=temperature,
        atoms=atoms,
        mean=float(finite.mean()),
        spread=max(float(finite.std(ddof=1)), harmonic.spread),
        source=f"{len(finite)} quiet frames of {source}",
    )


class Temperature(Part):
    """Of a trajectory, K, with its standard error (two of which are tolerated in `nearest`).

    error: None in records of before it was determined; nothing is tolerated for it then.
    """

    value: float
    error: float | None = None

    def __str__(self) -> str:
        if self.error is None:
            return f"{self.value:.0f} K (error unknown)"
        return f"{self.value:.0f} ± {self.error:.0f} K"


def virial_temperatures(displacements: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """T (n,) K of single frames by their virial: −Σ u·F = 3(N − 1) k T on average.

    The generalised equipartition theorem, ⟨x ∂V/∂x⟩ = kT for every coordinate of a classical
    system: no harmonic crystal, no velocity and no zero of energy is needed, and an atom in another
    well counts right, because the mean force on it vanishes there, too.

    Args:
        displacements: (n, N, 3) Å from the sites. forces: (n, N, 3) eV/Å.
    """
    freedom = 3 * max(1, displacements.shape[1] - 1)
    return np.asarray(-(displacements * forces).sum(axis=(1, 2)) / (freedom * units.kB))


def mean_temperature(series: Sequence[np.ndarray]) -> Temperature:
    """Of trajectories of one temperature; their equilibration is left out.

    Args:
        series: `virial_temperatures` of each, in order of time.
    """
    parts = [values[correlation.equilibration(values) :] for values in series]
    joined = np.concatenate(parts)
    count = correlation.independent_together(parts)
    return Temperature(
        value=float(joined.mean()), error=float(joined.std() / np.sqrt(max(1.0, count)))
    )


def nearest(temperature: Temperature | None, targets: Sequence[float]) -> float | None:
    """The target (K) that is the same temperature, None if none is.

    The same: within `SAME_TEMPERATURE` of the target and twice the standard error, and in no case
    farther than `FARTHEST`: a temperature that is hardly known is not the same either.
    """
    if temperature is None or not len(targets):
        return None
    target = min(targets, key=lambda kelvin: abs(kelvin - temperature.value))
    tolerated = min(SAME_TEMPERATURE * target + 2 * (temperature.error or 0.0), FARTHEST * target)
    return target if abs(target - temperature.value) <= tolerated else None
