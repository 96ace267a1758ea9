"""How long a series remembers, where it becomes stationary, and how much it says."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterable, Sequence

import numpy as np

SHORTEST = 8
"""Steps of a series below which nothing is said about its memory."""

STARTS = 50
"""Places at which a series may become stationary, evenly over its first quarter."""


def correlation_time(series: np.ndarray) -> float:
    """Integrated autocorrelation time of a series, in steps (Sokal's window of 5 times itself).

    ½ for white noise; a series too short or too flat to tell counts as that.
    """
    return 0.5 if len(series) < SHORTEST else _correlation_time([series])


def _correlation_time(parts: Sequence[np.ndarray]) -> float:
    """Of all parts together, about their common mean."""
    mean, length = np.concatenate(parts).mean(), max(map(len, parts))
    size, function = 1 << (2 * length - 1).bit_length(), np.zeros(length)
    for part in parts:
        transform = np.fft.rfft(part - mean, size)
        function += np.fft.irfft(transform * transform.conj(), size)[:length]
    if all((part == parts[0][0]).all() for part in parts):
        return 0.5
    total = 0.5 + np.cumsum(function[1:] / function[0])
    window = np.flatnonzero(np.arange(1, length) >= 5 * total)
    return float(max(0.5, total[window[0]] if len(window) else total[-1]))


def independent_together(parts: Sequence[np.ndarray]) -> float:
    """Number of independent values in several series of one process, as `independent`.

    The memory is that about the mean of all (as in Gelman et al., Bayesian Data Analysis, 3rd ed.,
    11.5): a series that is shorter than its memory stays on one side of that mean, while about its
    own mean even a random walk of any length seems to have about nine independent values.
    """
    long = [part for part in parts if len(part) >= SHORTEST]
    short = float(sum(0 < len(part) < SHORTEST for part in parts))
    if not long:
        return short
    return short + sum(map(len, long)) / (2 * _correlation_time(long))


def independent(series: np.ndarray) -> float:
    """Length of a series in units of twice its correlation time: its number of independent values.

    A series too short to tell its memory counts as one value, an empty one as none.
    """
    if len(series) < SHORTEST:
        return float(len(series) > 0)
    return len(series) / (2 * correlation_time(series))


def equilibration(series: np.ndarray) -> int:
    """Steps at the beginning that are not stationary yet.

    What is left has the most independent values of all ends of the series (Chodera, J. Chem. Theory
    Comput. 12, 1799 (2016)): a drift at the beginning makes the memory long, so that leaving it out
    gains more than the frames it costs. At most a quarter is left out: a jump that comes later, an
    event, is part of the dynamics.
    """
    if len(series) < 2 * SHORTEST:
        return 0
    starts = np.unique(np.linspace(0, len(series) // 4, STARTS).astype(int))
    return int(max(starts, key=lambda start: independent(series[start:])))


def spaced(
    order: Iterable[int],
    replica: np.ndarray,
    time: np.ndarray,
    spacing: float,
    taken: Sequence[int] = (),
    count: int | None = None,
) -> list[int]:
    """Greedy choice in the given order: frames of a replica stay `spacing` fs apart.

    Args:
        taken: frames that are chosen already and keep their distance too; not in what is returned.
        count: most frames that are chosen.
    """
    kept: dict[int, list[float]] = {}
    for other in taken:
        insort(kept.setdefault(int(replica[other]), []), float(time[other]))
    chosen: list[int] = []
    for index in order:
        if count is not None and len(chosen) >= count:
            break
        times, moment = kept.setdefault(int(replica[index]), []), float(time[index])
        place = bisect(times, moment)
        beside = times[max(place - 1, 0) : place + 1]
        if not any(abs(other - moment) < spacing for other in beside):
            times.insert(place, moment)
            chosen.append(int(index))
    return chosen
