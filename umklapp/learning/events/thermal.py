"""The potential energy that N atoms have at a temperature: what a real state must be within."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import units

from umklapp.records import Part

ALLOWED = 4.0
"""Standard deviations above the thermal mean beyond which no state of that temperature lies."""

TOLERATED = 1.25
"""Of equipartition: a measured mean above that is not believed (the lattice may have collapsed)."""

SAME_TEMPERATURE = 0.3
"""Relative difference up to which dynamics is compared with a reference."""

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


def temperature_of(energies: np.ndarray, crystal: float, atoms: int) -> float:
    """Temperature (K) at which equipartition gives the median of potential energies (n,) eV.

    For trajectories that do not say theirs. The first half may be equilibration and is left out.

    Args:
        crystal: energy of the perfect cell, eV. atoms: N.
    """
    above = float(np.median(energies[len(energies) // 2 :])) - crystal
    return above / (1.5 * max(1, atoms - 1) * units.kB)


def nearest(temperature: float | None, targets: Sequence[float]) -> float | None:
    """The target (K) that is the same temperature within `SAME_TEMPERATURE`, None if none is."""
    if temperature is None or not len(targets):
        return None
    target = min(targets, key=lambda each: abs(each - temperature))
    return target if abs(target - temperature) <= SAME_TEMPERATURE * target else None
