"""phonons/thermodynamics.json: what a committee's harmonic phonons are worth. Units in names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umklapp.records import Part, Record


class MeanStd(Part):
    """Mean and population standard deviation over the members."""

    mean: float
    std: float

    @classmethod
    def over(cls, members: Sequence[float]) -> MeanStd:
        """Of the values (K,) of all members."""
        return cls(mean=float(np.mean(members)), std=float(np.std(members)))


class Curve(Part):
    """Mean and population standard deviation over the members, (n_T,)."""

    mean: list[float]
    std: list[float]

    @classmethod
    def over(cls, members: Sequence[np.ndarray]) -> Curve:
        """Of the curves (K, n_T) of all members."""
        mean, std = np.mean(members, axis=0), np.std(members, axis=0)
        return cls(mean=mean.tolist(), std=std.tolist())


class SoundSpeeds(Part):
    """Speeds of sound (`phonons.Sound`); `not_computed` says why there are none."""

    slow: MeanStd | None = None
    middle: MeanStd | None = None
    fast: MeanStd | None = None
    debye: MeanStd | None = None
    not_computed: str | None = None


class SoftModes(Part):
    """Frequencies below the gate, lowest first: share of all modes, q-points (fractional) and their
    lowest frequencies."""

    share_of_modes: float
    q: list[list[float]]
    frequency_THz: list[float]


class Imaginary(SoftModes):
    """Of one member."""

    member: int


class Curves(Part):
    """Thermal functions per primitive cell at the temperatures of the configuration."""

    temperature_K: list[float]
    entropy_J_per_K_mol: Curve
    free_energy_kJ_per_mol: Curve
    heat_capacity_J_per_K_mol: Curve


class ThermodynamicsRecord(Record):
    """The record, at `temperature_K` where nothing else is said, on the q-mesh `mesh`.

    stable: whether every member is; words: the same with the numbers.
    """

    stable: bool
    words: str
    temperature_K: float
    lowest_THz: MeanStd
    highest_THz: MeanStd
    entropy_J_per_K_mol: MeanStd
    free_energy_kJ_per_mol: MeanStd
    heat_capacity_J_per_K_mol: MeanStd
    imaginary: list[Imaginary]
    curves: Curves
    sound_m_per_s: SoundSpeeds
    mesh: list[int]
