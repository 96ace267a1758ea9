"""What the exploration says: how much of it is still uncertain, and whether it was long enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from umklapp.config import Rounds
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.assessment import Criterion
from umklapp.learning.events import replay
from umklapp.learning.sampling import correlation
from umklapp.learning.sampling.acquisition import share_above
from umklapp.learning.sampling.exploration import Explored
from umklapp.wording import counted, in_milli

SIGNIFICANT = 0.05

EXPECTED = 3
"""Events that an exploration must have seen where there are any: with three expected, none is seen
with probability e⁻³ = 5 %."""


@dataclass(frozen=True)
class Seen:
    """Events entered in an exploration, None where no σᴬ tells, and in how many ps of dynamics."""

    entries: int | None
    exposure: float


def events_seen(path: Path, harmonic: HarmonicReference | None, options: Mapping[str, Any]) -> Seen:
    """Events that began within the replicas of an exploration, by the definition of the verdict.

    Replicas that start inside an event are left out, and so are fluctuations of σᴬ in which no atom
    leaves its site.

    Args:
        path: of exploration.h5. options: of `events.Detector`.
    """
    if harmonic is None:
        return Seen(None, 0.0)
    observed = replay.scan_exploration(path, {}, harmonic, **options).values()
    return Seen(
        sum(observation.entries() for observation in observed),
        sum(observation.exposure for observation in observed),
    )


def length(explored: Explored) -> float:
    """Time of all replicas together, from their first kept frames to their last, in ps."""
    spans = [np.ptp(explored.time[explored.replica == n]) for n in np.unique(explored.replica)]
    return float(np.sum(spans)) / 1000


def independent_lengths(explored: Explored) -> float:
    """Length of an exploration in units of twice the slowest correlation time.

    Equilibration is left out. Slowest is, over all replicas, the series with the fewest independent
    values of σᴬ, the energy and the largest disagreement. Replicas of one temperature and kind of
    start are one process: where they differ, none of them has seen what the others have.
    """
    kinds: dict[tuple[str, str], list[int]] = {}
    for replica in np.unique(explored.replica):
        target = explored.target_temperature[explored.replica == replica][0]
        kinds.setdefault((explored.starts[int(replica)], str(target)), []).append(replica)
    series = [explored.sigma, explored.energy, explored.measures["force_max"]]
    totals = []
    for values in series:
        if not np.isfinite(values).any():
            continue
        totals.append(
            sum(
                correlation.independent_together(
                    [_stationary(values[explored.replica == replica]) for replica in replicas]
                )
                for replicas in kinds.values()
            )
        )
    return float(min(totals, default=0.0))


def _stationary(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return finite[correlation.equilibration(finite) :]


def still_uncertain(
    explored: Explored,
    factor: float | None,
    error_over_expected: float | None,
    bound: float,
    settings: Rounds,
) -> Criterion:
    """Share of the explored frames that acquisition would still want to label.

    Args:
        factor: that turns u_I into an expected error, None where the committee has none.
        error_over_expected: on the new labels; above 1 it raises all expected errors.
        bound: expected error of the worst atom (eV/Å) from which a frame is labelled.
    """
    limit = settings.share_above
    if factor is None:
        sentence = "how many frames are uncertain is not known: the committee has no uncertainty"
        return Criterion(met=False, limit=limit, words=sentence)
    if not len(explored.frames):
        sentence = "nothing was explored"
        if explored.ended:
            sentence += ": every replica ended before its first kept frame"
        return Criterion(met=False, limit=limit, words=sentence)
    raised = max(1.0, error_over_expected or 1.0)
    expected = raised * factor * explored.measures["force_max"]
    value = share_above(expected, bound)
    sentence = (
        f"{round(value * len(expected))} of {len(expected)} explored frames ({value:.1%}) have an "
        f"expected error above {in_milli(bound)} meV/Å on their worst atom (wanted {limit:.0%} or "
        "less)"
    )
    if raised > 1:
        sentence += f", expected errors multiplied by {raised:.2f} to agree with the new labels"
    return Criterion(met=value <= limit, value=value, limit=limit, words=sentence)


def long_enough(explored: Explored, seen: Seen, before: Seen | None, settings: Rounds) -> Criterion:
    """Whether what the exploration did not find can be taken as not being there.

    It must have no replica that ended early, `settings.independent` independent lengths, and, where
    there are events, enough of them. A pool is judged whole, so it is always long enough.

    Args:
        seen, before: events of this exploration and of that of the round before.
    """
    limit = settings.independent
    if not explored.dynamics:
        sentence = f"all {len(explored.frames)} frames of the pool were judged"
        return Criterion(met=True, limit=limit, words=sentence)
    if explored.stopped:
        sentence = (
            f"{explored.stopped} of {len(explored.ended)} replicas stopped early (exploration.h5 "
            "says why)"
        )
        return Criterion(met=False, limit=limit, words=sentence)
    value = independent_lengths(explored)
    sentence = (
        f"{length(explored):.3g} ps of dynamics contain {value:.0f} independent lengths "
        f"(wanted {limit:.0f})"
    )
    if value < limit:
        sentence += "; raise exploration.steps or exploration.replicas"
        return Criterion(met=False, value=value, limit=limit, words=sentence)
    enough, rare = enough_events(seen, before)
    return Criterion(met=enough, value=value, limit=limit, words=f"{sentence}, {rare}")


def enough_events(seen: Seen, before: Seen | None) -> tuple[bool, str]:
    """Whether events are as well known as the rest; and what can be said of them, in words.

    None at all, or `EXPECTED` of them. None after some in the round before is enough where that is
    unlikely at the same rate (exact, conditional on the sum of the counts).
    """
    if seen.entries is None:
        return True, "events were not looked for, because there is no σᴬ"
    if seen.exposure <= 0:
        return False, "every replica began within an event, so no event could be seen to begin"
    earlier = before.entries or 0 if before is not None else 0
    if seen.entries >= EXPECTED:
        return True, f"{counted(seen.entries, 'event')}"
    if seen.entries == 0 and earlier == 0:
        rate = EXPECTED / max(seen.exposure, 1e-12)
        return True, f"no event (with 95 % they are rarer than {rate:.2g} per ps)"
    exposure = before.exposure if before is not None else 0.0
    share = seen.exposure / max(seen.exposure + exposure, 1e-12)
    if seen.entries == 0 and binom.pmf(0, earlier, share) < SIGNIFICANT:
        return True, f"no event after {earlier} in the round before"
    rate = (seen.entries + earlier) / max(seen.exposure + exposure, 1e-12)
    return False, (
        f"{counted(seen.entries, 'event')} after {earlier} in the round before: too few for a "
        f"rate; {EXPECTED / rate:.3g} ps are needed (exploration.steps, exploration.replicas)"
    )
