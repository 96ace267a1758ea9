"""The distribution of σᴬ outside events, from what is known to be quiet.

A reference that is two thirds event has its median in the event. So the quiet band comes from seeds
before their first event and from the lowest values of all sources together; a source has a band of
its own only where its lowest values agree with that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umklapp.records import Part

ENTER, LEAVE = 6.0, 3.0
"""Widths of the quiet distribution above its median at which an event begins and ends."""

BLOCK = 8
"""Frames of a stretch whose median is ranked."""

LOWEST = 0.1
"""Share of the stretches at which the search for the quiet band begins; the rest may be events."""

ENOUGH = 40
"""Frames from which a source can have a band of its own."""


class Quiet(Part):
    """σᴬ outside events: median, and width as 1.4826 times the median absolute deviation."""

    median: float
    width: float

    @classmethod
    def of(cls, sigma: np.ndarray) -> Quiet | None:
        """From a quiet series; None where no value is finite.

        The lower half of the distribution gives the width, so that a tail of events does not.
        """
        values = np.sort(sigma[np.isfinite(sigma)])
        if not len(values):
            return None
        middle = float(np.median(values))
        below = middle - values[values <= middle]
        width = 1.4826 * float(np.median(below)) if len(below) > 1 else 0.0
        return cls(median=middle, width=max(width, 0.01 * abs(middle), 1e-9))

    def level(self, widths: float) -> float:
        """σᴬ so many widths above the median."""
        return self.median + widths * self.width


def lowest(series: Sequence[np.ndarray], enter: float = ENTER) -> Quiet | None:
    """The quiet band of series of which up to nine tenths may be events.

    Stretches of every series are ranked by their medians; from the lowest tenth on, all values
    below the level at which an event begins are taken in, until the band stays.

    Args:
        series: arrays (n,) of σᴬ in order of time, NaN where there is none.
    """
    finite = [values[np.isfinite(values)] for values in series]
    finite = [values for values in finite if len(values)]
    if not finite:
        return None
    stretches = [
        part for values in finite for part in np.array_split(values, max(1, len(values) // BLOCK))
    ]
    stretches.sort(key=lambda part: float(np.median(part)))
    start = stretches[: max(1, int(LOWEST * len(stretches)))]
    everything = np.concatenate(finite)
    band = Quiet.of(np.concatenate(start))
    for _ in range(20):
        if band is None:
            return None
        wider = Quiet.of(everything[everything <= band.level(enter)])
        if wider == band or wider is None:
            return band
        band = wider
    return band


def before_first_event(sigma: np.ndarray, enter: float = ENTER) -> np.ndarray:
    """The part (m,) of a series of σᴬ (n,) before its first value in an event."""
    band = lowest([sigma], enter)
    if band is None:
        return sigma[:0]
    inside = np.flatnonzero(sigma > band.level(enter))
    return sigma[: inside[0]] if len(inside) else sigma


def anchor(
    seeds: Sequence[np.ndarray], sources: Sequence[np.ndarray], enter: float = ENTER
) -> Quiet | None:
    """The band that all sources of one temperature are held to.

    Seeds before their first event, unless the lowest values of all sources together lie far below:
    seeds can begin in an event, too.

    Args:
        seeds, sources: series of σᴬ in order of time.
    """
    calm = np.concatenate([np.empty(0), *(before_first_event(series, enter) for series in seeds)])
    pooled = lowest([*seeds, *sources], enter)
    band = Quiet.of(calm) if np.isfinite(calm).sum() >= ENOUGH else None
    if band is None or pooled is None:
        return pooled
    return pooled if band.median > pooled.level(enter) else band


def of_source(
    series: Sequence[np.ndarray], held_to: Quiet | None, enter: float = ENTER
) -> Quiet | None:
    """The band of one source: its own where it is long enough and has quiet stretches at all.

    Args:
        series: of the source. held_to: `anchor` of its temperature.
    """
    own = lowest(series, enter)
    if held_to is None or own is None:
        return held_to or own
    count = sum(int(np.isfinite(values).sum()) for values in series)
    if count < ENOUGH or own.median > held_to.level(enter):
        return held_to
    return own
