"""Whether the physics asked for has stopped moving: σᴬ in the dynamics, κ, forces before tuning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import wasserstein_distance

from umklapp.config import Rounds
from umklapp.learning.assessment import Criterion
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.sampling import correlation
from umklapp.learning.sampling.exploration import Explored

PERMUTATIONS = 200

DRAWS = 20
"""Ways to exchange stretches between two rounds, below which no 95 % quantile exists."""

STRETCHES = 4
"""Wanted of every kind of replica; few replicas are cut in time to get there."""

VALUES = 4
"""Least number of independent values in a stretch that is cut off, so that what neighbouring
stretches share is little."""

Kind = tuple[str, float | None]
"""How a replica started (`exploration.CRYSTAL`, `exploration.HOPPED`) and its temperature in K."""

Stretches = Mapping[Kind, Sequence[np.ndarray]]


def stationary_stretches(explored: Explored) -> dict[Kind, list[np.ndarray]]:
    """σᴬ in stretches that are taken as independent, by kind of replica.

    What a replica needs to become stationary is left out (`correlation.equilibration`); kinds with
    few replicas are cut in time, no stretch into less than `VALUES` independent values.
    """
    parts: dict[Kind, list[np.ndarray]] = {}
    for replica in np.unique(explored.replica):
        own = explored.replica == replica
        sigma = explored.sigma[own]
        sigma = sigma[np.isfinite(sigma)]
        if len(sigma):
            target = float(explored.target_temperature[own][0])
            kind = explored.starts[int(replica)], None if math.isnan(target) else target
            parts.setdefault(kind, []).append(sigma[correlation.equilibration(sigma) :])
    return {
        kind: [piece for part in series for piece in _cut(part, -(-STRETCHES // len(series)))]
        for kind, series in parts.items()
    }


def _cut(series: np.ndarray, pieces: int) -> list[np.ndarray]:
    most = max(1, int(correlation.independent(series) / VALUES))
    return np.array_split(series, min(pieces, most))


def sigma(now: Stretches, before: Stretches | None, settings: Rounds) -> Criterion:
    """Has the distribution of σᴬ in the dynamics stopped moving, within its own error bar?

    Replicas of one temperature and one kind of start are compared with their like in the round
    before. The distance is the area between the two cumulative distributions (first Wasserstein),
    averaged over the kinds; its error bar what exchanging stretches between the rounds gives in
    95 % of all draws. An error bar above `settings.sigma_error` of σᴬ decides nothing: not met.

    Args:
        now, before: of `stationary_stretches`; None in the first round.
    """
    if not now:
        sentence = (
            "σᴬ cannot be judged: there is no harmonic reference, or nothing was explored; add a "
            "seed of kind harmonic, or leave anharmonicity out of rounds.physics"
        )
        return Criterion(met=False, words=sentence)
    text = _in_words(now, list(now))
    if before is None:
        return Criterion(met=False, words=f"{text}; no earlier round to compare with")
    if not before:
        return Criterion(met=False, words=f"{text}; the round before has no σᴬ")
    kinds = [kind for kind in now if kind in before]
    if not kinds:
        sentence = f"{text}; no replicas of the round before started in the same way as these"
        return Criterion(met=False, words=sentence)
    text = _in_words(now, kinds)
    draws = math.prod(
        math.comb(len(now[kind]) + len(before[kind]), len(now[kind])) for kind in kinds
    )
    if draws < DRAWS:
        sentence = f"{text}; undecided: too few independent stretches; raise exploration.steps"
        return Criterion(met=False, words=sentence)
    value, error = _shift({kind: (list(now[kind]), list(before[kind])) for kind in kinds})
    mean = float(np.concatenate([piece for kind in kinds for piece in now[kind]]).mean())
    allowed = settings.sigma_error * mean
    if error > allowed:
        sentence = (
            f"the distribution of σᴬ moved by {value:.3f} ± {error:.3f}, undecided (wanted ± "
            f"{allowed:.3f} or less): raise exploration.steps or exploration.replicas; {text}"
        )
        return Criterion(met=False, value=value, words=sentence)
    limit = settings.sigma_change + error
    sentence = f"{text}, its distribution moved by {value:.3f} (wanted {limit:.3f})"
    return Criterion(met=value <= limit, value=value, limit=limit, words=sentence)


def _in_words(now: Stretches, kinds: Sequence[Kind]) -> str:
    """σᴬ of the kinds of replicas that are judged, and how much of the dynamics is not."""
    joined = np.concatenate([piece for kind in kinds for piece in now[kind]])
    text = f"σᴬ = {joined.mean():.3f} ± {joined.std():.3f} in the dynamics"
    frames = sum(len(piece) for pieces in now.values() for piece in pieces)
    if len(joined) == frames:
        return text
    return (
        f"{text} of the replicas that can be compared with the round before "
        f"({1 - len(joined) / frames:.0%} of the dynamics started in another way or at another "
        "temperature)"
    )


def _shift(pairs: Mapping[Kind, tuple[list[np.ndarray], list[np.ndarray]]]) -> tuple[float, float]:
    """Mean distance between two rounds over kinds, weighed by frames, and its 95 % error bar."""
    weights = np.array([sum(map(len, now)) for now, _ in pairs.values()], float)
    weights /= weights.sum()
    generator = np.random.default_rng(0)
    drawn = np.zeros(PERMUTATIONS)
    distance = 0.0
    for weight, (now, before) in zip(weights, pairs.values(), strict=True):
        distance += weight * _distance(now, before)
        pool = [*now, *before]
        for draw in range(PERMUTATIONS):
            order = generator.permutation(len(pool))
            one, two = order[: len(now)], order[len(now) :]
            drawn[draw] += weight * _distance([pool[i] for i in one], [pool[i] for i in two])
    return float(distance), float(np.quantile(drawn, 0.95))


def _distance(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> float:
    return float(wasserstein_distance(np.concatenate(one), np.concatenate(two)))


def kappa(
    members: Sequence[float | None], previous: Sequence[float | None] | None, settings: Rounds
) -> Criterion:
    """Has κ(300 K), averaged over the members, stopped moving, and do the members agree?

    Args:
        members: κ(300 K) of every member in W/(m K), None where it was not computed.
        previous: of the round before; None in the first round.
    """
    now = np.array(members, float)  # None is not finite
    missing = int((~np.isfinite(now)).sum())
    if missing or not len(now):
        which = f"{missing} members" if len(now) else "any member"
        return Criterion(met=False, words=f"κ was not computed for {which}")
    mean, spread = float(now.mean()), float(now.std(ddof=1)) if len(now) > 1 else 0.0
    text = f"κ = {mean:.3g} ± {spread:.2g} W/(m K)"
    if previous is None:
        return Criterion(met=False, words=f"{text}; no earlier round to compare with")
    if not np.isfinite(np.array(previous, float)).all():
        return Criterion(met=False, words=f"{text}; the round before has no κ")
    move = abs(mean - float(np.mean(np.array(previous, float))))
    limit = max(settings.kappa_change * mean, spread)
    agree = spread <= settings.kappa_spread * mean
    sentence = f"{text}, moved by {move:.2g} (wanted {limit:.2g})"
    if not agree:
        sentence += f"; members differ by {spread / mean:.0%} (wanted {settings.kappa_spread:.0%})"
    return Criterion(met=move <= limit and agree, value=move, limit=limit, words=sentence)


def forgetting(finetune: CommitteeFinetuning) -> Criterion:
    """Has fine-tuning left every member its forces on the frames held back from it?

    Args:
        finetune: of the committee's record.
    """
    value, limit, sentence = finetune.forgetting, finetune.limit, finetune.words
    if value > limit:
        sentence += (
            f" (wanted {limit:.2f}): it forgets too much; raise finetune.cotraining or "
            "finetune.cotraining_weights, or lower finetune.learning_rate"
        )
    return Criterion(met=value <= limit, value=value, limit=limit, words=sentence)
