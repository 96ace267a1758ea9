"""Which explored frames go to the reference engine: P = P_U · P_E, spacing, a diverse batch.

After Kang et al. (arXiv:2409.11808), with the energetic viability falling with energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

MIN_SPREAD = 1e-9
"""Floor for standard deviations of the calibration split: equal frames give a step, no NaN."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of U and of the energy on the calibration split.

    u_mean, u_std: in the unit of the chosen uncertainty; e_mean, e_std: eV per atom above R0.
    """

    u_mean: float
    u_std: float
    e_mean: float
    e_std: float

    @classmethod
    def of(cls, uncertainty: np.ndarray, energy: np.ndarray) -> Statistics:
        """Statistics of the calibration frames, both (n,)."""
        return cls(
            float(np.mean(uncertainty)),
            float(np.std(uncertainty)),
            float(np.mean(energy)),
            float(np.std(energy)),
        )


def uncertainty_probability(
    u: np.ndarray, statistics: Statistics, shift: float, width: float
) -> np.ndarray:
    """P_U = ½ [1 + erf((U − Ū − a s_U) / (b s_U √0.2))]; never falls with U."""
    spread = max(statistics.u_std, MIN_SPREAD)
    argument = (u - statistics.u_mean - shift * spread) / (width * spread * np.sqrt(0.2))
    return np.asarray(0.5 * (1 + erf(argument)))


def energy_probability(energy: np.ndarray, statistics: Statistics) -> np.ndarray:
    """P_E = min(1, 0.2^((E − Ē − s_E) / (0.8 s_E))); never rises with E.

    1 up to Ē + s_E, 0.2 at Ē + 1.8 s_E. Energies in eV per atom above the perfect crystal.
    """
    spread = max(statistics.e_std, MIN_SPREAD)
    exponent = (energy - statistics.e_mean - spread) / (0.8 * spread)
    return np.asarray(0.2 ** np.clip(exponent, 0, 300))


def spaced(
    order: Sequence[int], replica: np.ndarray, time: np.ndarray, spacing: float
) -> list[int]:
    """Greedy choice in the given order: frames of a replica stay `spacing` fs apart."""
    chosen: list[int] = []
    for index in order:
        clash = [
            other
            for other in chosen
            if replica[other] == replica[index] and abs(time[other] - time[index]) < spacing
        ]
        if not clash:
            chosen.append(int(index))
    return chosen


def farthest_points(descriptors: np.ndarray, count: int) -> list[int]:
    """Farthest-point sampling from row 0; (n, d) → at most `count` different row numbers.

    Rows equal to a chosen one are never taken.
    """
    chosen = [0]
    distance = np.linalg.norm(descriptors - descriptors[0], axis=1)
    while len(chosen) < min(count, len(descriptors)):
        best = int(np.argmax(distance))
        if distance[best] <= 1e-6:
            break
        chosen.append(best)
        new = np.linalg.norm(descriptors - descriptors[best], axis=1)
        distance = np.minimum(distance, new)
    return chosen


def select(
    uncertainty: np.ndarray,
    energy: np.ndarray,
    replica: np.ndarray,
    time: np.ndarray,
    descriptors: np.ndarray,
    statistics: Statistics,
    generator: np.random.Generator,
    *,
    shift: float,
    width: float,
    spacing: float,
    batch_size: int,
) -> tuple[list[int], np.ndarray]:
    """The frames to label, and the acceptance probability of every frame.

    Args:
        uncertainty, energy: (n,) U and energy (eV per atom above R0) of the explored frames.
        replica, time: (n,) number of the trajectory and time (fs) in it.
        descriptors: (n, d) what makes frames different.
        statistics: of the calibration split with the same committee.
        generator: the random generator of this material and round.
        shift, width: a and b of P_U. spacing: fs. batch_size: most frames chosen.

    Returns:
        Sorted indices of chosen frames; (n,) probabilities. Frames with a value that is not
        finite have probability 0.
    """
    finite = np.isfinite(uncertainty) & np.isfinite(energy)
    probability = np.zeros(len(uncertainty))
    probability[finite] = uncertainty_probability(
        uncertainty[finite], statistics, shift, width
    ) * energy_probability(energy[finite], statistics)
    accepted = np.flatnonzero(generator.random(len(probability)) < probability)
    if not len(accepted):
        return [], probability
    order = accepted[np.argsort(-uncertainty[accepted], kind="stable")]
    apart = np.array(spaced(order.tolist(), replica, time, spacing))
    batch = farthest_points(descriptors[apart], batch_size)
    return sorted(int(index) for index in apart[batch]), probability
