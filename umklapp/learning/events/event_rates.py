"""Exact tests of how often events begin and how soon they end, and the data that would decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta, binom, binomtest, chi2

SIGNIFICANT = 0.05

DRAWN_EVENTS = 1_000_000
"""Events drawn at most in all exchanges of a permutation test."""


def poisson_interval(count: int, exposure: float, confidence: float = 0.68) -> tuple[float, float]:
    """Garwood's interval of a rate: lower and upper end, per unit of `exposure`."""
    if exposure <= 0:
        return 0.0, float("inf")
    tail = (1 - confidence) / 2
    lower = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return float(lower / exposure), float(chi2.ppf(1 - tail, 2 * count + 2) / 2 / exposure)


def same_rate(first: int, exposure_one: float, second: int, exposure_two: float) -> float:
    """Two-sided p-value for equal Poisson rates (exact, conditional on the sum of the counts).

    Przyborowski and Wilenski, Biometrika 31, 313 (1940).
    """
    exposure = exposure_one + exposure_two
    if first + second == 0 or exposure <= 0:
        return 1.0
    share = float(np.clip(exposure_one / exposure, 1e-12, 1 - 1e-12))
    return float(binomtest(first, first + second, share).pvalue)


def same_rate_in_each(strata: Sequence[tuple[int, float, int, float]]) -> float:
    """Two-sided p-value for rates that are equal in every stratum, whatever they are there.

    As `same_rate` (whose arguments each stratum has), conditional on the sum of the counts of every
    stratum: the first counts add up as independent binomials do.
    """
    chances, first = np.ones(1), 0
    for one, exposure_one, two, exposure_two in strata:
        if one + two and exposure_one + exposure_two > 0:
            share = float(np.clip(exposure_one / (exposure_one + exposure_two), 1e-12, 1 - 1e-12))
            chances = np.convolve(chances, binom.pmf(np.arange(one + two + 1), one + two, share))
            first += one
    return float(min(1.0, chances[chances <= chances[first] * (1 + 1e-7)].sum()))


def same_dwell(one: Sequence[tuple[float, bool]], two: Sequence[tuple[float, bool]]) -> float:
    """Two-sided p-value for equal dwell times, whatever their distribution.

    Share of random exchanges of whole events between the sources that make the rates of leaving as
    different as they are. `same_rate` takes all events to end at one rate: where most return at
    once and a few stay, it finds equal sources different in half of all cases.

    Args:
        one, two: events of the sources: dwell time, ps, and whether the event was seen to end.
    """
    events = np.array([*one, *two], float)
    draws = int(np.clip(DRAWN_EVENTS / len(events), 199, 4999))
    generator = np.random.default_rng(0)
    orders = generator.permuted(np.tile(np.arange(len(events)), (draws, 1)), axis=1)
    first = np.zeros((draws + 1, len(events)), bool)
    first[0, : len(one)] = True
    np.put_along_axis(first[1:], orders[:, : len(one)], True, axis=1)
    rates = [(side @ events[:, 1] + 0.5) / (side @ events[:, 0] + 1e-3) for side in (first, ~first)]
    apart = np.abs(np.log(rates[0] / rates[1]))
    return float((apart >= apart[0] - 1e-9).mean())


def ratio_interval(
    first: int, exposure_one: float, second: int, exposure_two: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of (first rate)/(second rate), from the binomial interval of Clopper and Pearson."""
    if first + second == 0 or exposure_one <= 0 or exposure_two <= 0:
        return 0.0, float("inf")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, first, second + 1)) if first else 0.0
    high = float(beta.ppf(1 - tail, first + 1, second)) if second else 1.0
    scale = exposure_two / exposure_one
    return scale * low / (1 - low), scale * high / (1 - high) if high < 1 else float("inf")


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number: Holm, Scand. J. Stat. 6, 65 (1979)."""
    order = np.argsort(values, kind="stable")
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * float(values[place])))
        adjusted[int(place)] = largest
    return adjusted


def excluded_rate(exposure: float, significant: float = SIGNIFICANT) -> float:
    """Rate per ps of which `exposure` ps without an event leave only this probability."""
    return float(-np.log(significant) / exposure) if exposure > 0 else float("inf")


def exposure_to_see(rate: float, significant: float = SIGNIFICANT) -> float:
    """ps in which events of a rate per ps are missed with this probability only."""
    return float(-np.log(significant) / rate)


def exposure_to_deny(count: int, exposure: float, significant: float = SIGNIFICANT) -> float:
    """ps without an event that contradict `count` events in `exposure` ps."""
    if count < 1 or exposure <= 0:
        return float("inf")
    low, high = 0.0, exposure
    while same_rate(count, exposure, 0, high) >= significant:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        enough = same_rate(count, exposure, 0, middle) < significant
        low, high = (low, middle) if enough else (middle, high)
    return high
