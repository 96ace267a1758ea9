"""Explored frames as acquisition sees them, and the committee on its calibration split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umklapp.records import Part


class SpreadNumbers(Part):
    """A `Spread` in a file, where what is not known is None."""

    mean: float | None
    std: float | None


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a quantity on the calibration split."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        """Of the finite values; NaN where there is none."""
        finite = values[np.isfinite(values)]
        if not len(finite):
            return cls(float("nan"), float("nan"))
        return cls(float(finite.mean()), float(finite.std()))

    def numbers(self) -> SpreadNumbers:
        """For a record."""
        finite = np.isfinite(self.mean)
        return SpreadNumbers(mean=self.mean if finite else None, std=self.std if finite else None)

    @classmethod
    def of_numbers(cls, numbers: SpreadNumbers) -> Spread:
        """Inverse of `numbers`."""
        mean, std = numbers.mean, numbers.std
        return cls(float("nan") if mean is None else mean, float("nan") if std is None else std)


@dataclass(frozen=True)
class Candidates:
    """n explored frames, as arrays.

    uncertainty: (n,) the configured measure; expected: (n,) eV/Å, calibrated largest force error
    (NaN without calibration); energy: (n,) eV per atom above R0; atoms: (n,); target: (n,) K of
    the dynamics, NaN without; shortest: (n,) Å; replica: (n,); time: (n,) fs;
    descriptors: (n, d).
    """

    uncertainty: np.ndarray
    expected: np.ndarray
    energy: np.ndarray
    atoms: np.ndarray
    target: np.ndarray
    shortest: np.ndarray
    replica: np.ndarray
    time: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        return len(self.energy)


@dataclass(frozen=True)
class Knowledge:
    """Of the committee on the calibration split: the configured uncertainty, the energy per atom
    above R0 (eV); bond: nearest-neighbour distance of the crystal (Å); lower: eV/Å, expected errors
    below it are good enough."""

    uncertainty: Spread
    energy: Spread
    bond: float
    lower: float
