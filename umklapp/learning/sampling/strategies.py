"""Which explored frames may be labelled at all, and how much each is wanted.

A strategy gives for every candidate the probability of being accepted, and how much it is wanted.
"""

from __future__ import annotations

import numpy as np
from ase import units
from scipy.special import erf

from umklapp import config
from umklapp.learning.sampling.candidates import Candidates, Knowledge, Spread

MIN_SPREAD = 1e-9
"""Floor for standard deviations of the calibration split: equal frames give a step, no NaN."""


def uncertainty_probability(
    u: np.ndarray, calibrated: Spread, shift: float, width: float
) -> np.ndarray:
    """P_U = ½ [1 + erf((U − Ū − a s_U) / (b s_U √0.2))]; never falls with U."""
    spread = max(calibrated.std, MIN_SPREAD)
    argument = (u - calibrated.mean - shift * spread) / (width * spread * np.sqrt(0.2))
    return np.asarray(0.5 * (1 + erf(argument)))


def energy_probability(energy: np.ndarray, calibrated: Spread) -> np.ndarray:
    """P_E = min(1, 0.2^((E − Ē − s_E) / (0.8 s_E))); never rises with E.

    1 up to Ē + s_E, 0.2 at Ē + 1.8 s_E. Energies in eV per atom above the perfect crystal.
    """
    return _falling(energy, calibrated.mean, calibrated.std)


def _falling(
    energy: np.ndarray, mean: float | np.ndarray, spread: float | np.ndarray
) -> np.ndarray:
    spread = np.maximum(spread, MIN_SPREAD)
    exponent = (energy - mean - spread) / (0.8 * spread)
    return np.asarray(0.2 ** np.clip(exponent, 0, 300))


def energy_band(
    atoms: np.ndarray, target: np.ndarray, calibrated: Spread, band: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest viable energy of every frame, (n,) eV per atom above R0.

    The calibration frames may be quieter than the dynamics, so the upper end is at least what a
    harmonic crystal has at the target temperature: mean 3/2 kT per atom, standard deviation
    kT sqrt(3/(2N)); `band` standard deviations are allowed beyond the mean, below it from the
    lower of zero (the crystal) and the calibration mean.
    """
    thermal = np.nan_to_num(units.kB * target)
    own = thermal * np.sqrt(1.5 / atoms)
    highest = np.maximum(calibrated.mean + band * calibrated.std, 1.5 * thermal + band * own)
    lowest = min(calibrated.mean, 0.0) - band * np.maximum(calibrated.std, own)
    return lowest, highest


def viability(
    candidates: Candidates, knowledge: Knowledge, settings: config.Acquisition
) -> list[str]:
    """For every frame why it must not be labelled, in words; empty where it may."""
    lowest, highest = energy_band(
        candidates.atoms, candidates.target, knowledge.energy, settings.viability_band
    )
    checks = {
        "not finite": ~(np.isfinite(candidates.uncertainty) & np.isfinite(candidates.energy)),
        "atoms too close": ~(candidates.shortest >= settings.min_distance * knowledge.bond),
        "energy too high": candidates.energy > highest,
        "energy too low": candidates.energy < lowest,
    }
    reasons = np.full(len(candidates), "", dtype=object)
    for reason, bad in reversed(checks.items()):
        reasons[bad] = reason
    return [str(reason) for reason in reasons]


def almomd(
    candidates: Candidates, knowledge: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """P = P_U · P_E of Kang et al. (arXiv:2409.11808); the more uncertain the more wanted."""
    probability = uncertainty_probability(
        candidates.uncertainty, knowledge.uncertainty, settings.shift, settings.width
    ) * energy_probability(candidates.energy, knowledge.energy)
    return probability, candidates.uncertainty


def threshold(
    candidates: Candidates, knowledge: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """Every frame whose expected largest force error is above `lower`.

    Wanted by that error times the viability of its energy: P_E with the statistics of the
    calibration frames or of a harmonic crystal at the target temperature, whichever are larger.
    """
    thermal = np.nan_to_num(units.kB * candidates.target)
    mean = np.maximum(knowledge.energy.mean, 1.5 * thermal)
    spread = np.maximum(knowledge.energy.std, thermal * np.sqrt(1.5 / candidates.atoms))
    wanted = candidates.expected * _falling(candidates.energy, mean, spread)
    return (candidates.expected > knowledge.lower).astype(float), wanted


def at_random(
    candidates: Candidates, knowledge: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """The control: every viable frame, none more wanted than another."""
    return np.ones(len(candidates)), np.ones(len(candidates))


STRATEGIES = {"almomd": almomd, "threshold": threshold, "random": at_random}
