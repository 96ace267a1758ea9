"""Is this material done? Why? The assessment of a round, in numbers and in words.

A material is done when the committee that had *not* seen the new labels predicts them well
enough, its uncertainty is calibrated, and the physics asked for (the distribution of σᴬ in the
dynamics, κ) has stopped moving within its own error bar; a bounded search that found nothing worth
a label counts as a good prediction. At the cap it is reported as not converged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from scipy.stats import wasserstein_distance

from umklapp.config import Rounds
from umklapp.crystals import frame_info
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.sampling.calibration import error_over_expected
from umklapp.learning.sampling.exploration import Explored
from umklapp.wording import in_milli


@dataclass(frozen=True)
class Criterion:
    """One thing that must hold: what was found, what was asked, in words."""

    met: bool
    value: float | None
    limit: float | None
    words: str

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping for json."""
        return {"met": self.met, "value": self.value, "limit": self.limit, "words": self.words}


@dataclass(frozen=True)
class NewLabels:
    """Force errors of the old committee on the labels of its own round.

    errors: (n_components,) |F − F_ref| of all components, eV/Å; atom_errors, atom_spread:
    (n_atoms_total,) eV/Å; accepted: frames sent to the engine; failed: of these without a label;
    explored: frames judged; stopped: replicas that ended early because they had exploded.
    """

    errors: np.ndarray
    atom_errors: np.ndarray
    atom_spread: np.ndarray
    accepted: int
    failed: int
    explored: int
    stopped: int = 0


def new_labels(
    explored: Explored, labels: Sequence[Atoms], accepted: int, failed: int
) -> NewLabels:
    """Compare labels with what the exploring committee had said of the same frames.

    Args:
        explored: the exploration of the round.
        labels: labelled candidates; `FrameInfo.explored` is their row in the exploration.
        accepted: candidates sent to the engine. failed: of these without a label.
    """
    errors, atom_errors, spread = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for label in labels:
        number = frame_info.explored_row(label)
        difference = explored.forces[number] - label.get_forces()
        errors.append(np.abs(difference).ravel())
        atom_errors.append(np.linalg.norm(difference, axis=1))
        spread.append(explored.spread[number])
    return NewLabels(
        np.concatenate(errors),
        np.concatenate(atom_errors),
        np.concatenate(spread),
        accepted,
        failed,
        len(explored.frames),
        sum(reason.startswith("stopped") for reason in explored.ended),
    )


def force_criterion(labels: NewLabels, wanted: float) -> Criterion:
    """Force MAE on labels the committee had not seen, or an exhausted search."""
    if labels.accepted == 0:
        if labels.explored == 0 and labels.stopped:
            words = "nothing was explored: every replica ended before its first kept frame"
            return Criterion(False, None, wanted, words)
        words = f"nothing uncertain found in {labels.explored} explored frames"
        if labels.stopped:
            words += f", but {labels.stopped} replicas stopped early: see exploration.h5"
        return Criterion(labels.stopped == 0, None, wanted, words)
    if len(labels.errors) == 0:
        return Criterion(
            False, None, wanted, f"all {labels.failed} new labels failed: no error is known"
        )
    value = float(labels.errors.mean())
    n_labels = labels.accepted - labels.failed
    words = (
        f"force MAE {in_milli(value)} meV/Å on {n_labels} labels it had not seen "
        f"(wanted {in_milli(wanted)})"
    )
    if labels.failed:
        words += f"; {labels.failed} labels failed and are not counted"
    return Criterion(value <= wanted, value, wanted, words)


def calibration_criterion(labels: NewLabels, factor: float | None, band: float) -> Criterion:
    """rms(error / expected error) over atoms of the new labels, expected error = factor · u_I."""
    if factor is None:
        return Criterion(False, None, band, "calibration: the committee has no uncertainty")
    if len(labels.atom_errors) == 0:
        return Criterion(labels.accepted == 0, None, band, "calibration: no new labels to judge by")
    value = error_over_expected(labels.atom_errors, labels.atom_spread, factor)
    words = f"error is {value:.2f} times the expected one (wanted {1 / band:.2f} to {band:.2f})"
    return Criterion(1 / band <= value <= band, value, band, words)


PERMUTATIONS = 200
BLOCKS = 4
"""Least number of independent stretches of a round's dynamics; replicas are cut to get there."""


def blocks(sigma: np.ndarray, replica: np.ndarray) -> list[np.ndarray]:
    """σᴬ in stretches that are taken as independent: replicas, cut in time where they are few.

    Args:
        sigma: (n,) in order of time within a replica; NaN where there is none.
        replica: (n,) number of the replica.
    """
    parts = [sigma[replica == number] for number in np.unique(replica)]
    parts = [part[np.isfinite(part)] for part in parts]
    cuts = -(-BLOCKS // max(1, len(parts)))
    found = [piece for part in parts for piece in np.array_split(part, cuts)]
    return [piece for piece in found if len(piece)]


def sigma_criterion(
    now: Sequence[np.ndarray], before: Sequence[np.ndarray] | None, settings: Rounds
) -> Criterion:
    """Has the distribution of σᴬ in the dynamics stopped moving, within its own error bar?

    The distance is the area between the two cumulative distributions (first Wasserstein); its
    error bar what exchanging stretches between the rounds gives in 95 % of all draws.

    Args:
        now, before: stretches of σᴬ of this round and of the one before (`blocks`); None in the
            first round.
    """
    if not now:
        words = "σᴬ is not judged: there is no harmonic reference, or nothing was explored"
        return Criterion(True, None, None, words)
    joined = np.concatenate(list(now))
    text = f"σᴬ = {joined.mean():.3f} ± {joined.std():.3f} in the dynamics"
    if before is None:
        return Criterion(False, None, None, f"{text}; no earlier round to compare with")
    if not before:
        return Criterion(False, None, None, f"{text}; the round before has no σᴬ")
    distance = float(wasserstein_distance(joined, np.concatenate(list(before))))
    pool, generator = [*now, *before], np.random.default_rng(0)
    drawn = []
    for _ in range(PERMUTATIONS):
        order = generator.permutation(len(pool))
        one, two = order[: len(now)], order[len(now) :]
        drawn.append(
            wasserstein_distance(
                np.concatenate([pool[i] for i in one]), np.concatenate([pool[i] for i in two])
            )
        )
    limit = settings.sigma_change + float(np.quantile(drawn, 0.95))
    words = f"{text}, its distribution moved by {distance:.3f} (wanted {limit:.3f})"
    return Criterion(distance <= limit, distance, limit, words)


def kappa_criterion(
    members: Sequence[float | None], previous: Sequence[float | None] | None, settings: Rounds
) -> Criterion:
    """Has κ(300 K), averaged over the members, stopped moving, and do the members agree?

    Args:
        members: κ(300 K) of every member in W/(m K), None where it was not computed.
        previous: of the round before; None in the first round.
    """
    if any(value is None for value in members):
        missing = sum(value is None for value in members)
        return Criterion(False, None, None, f"κ was not computed for {missing} members")
    now = np.array(members, float)
    mean, spread = float(now.mean()), float(now.std())
    text = f"κ = {mean:.3g} ± {spread:.2g} W/(m K)"
    if previous is None:
        return Criterion(False, None, None, f"{text}; no earlier round to compare with")
    if any(value is None for value in previous):
        return Criterion(False, None, None, f"{text}; the round before has no κ")
    move = abs(mean - float(np.mean(np.array(previous, float))))
    limit = max(settings.kappa_change * mean, spread)
    agree = spread <= settings.kappa_spread * mean
    words = f"{text}, moved by {move:.2g} (wanted {limit:.2g})"
    if not agree:
        words += f"; members differ by {spread / mean:.0%} (wanted {settings.kappa_spread:.0%})"
    return Criterion(move <= limit and agree, move, limit, words)


def forgetting_criterion(finetune: CommitteeFinetuning) -> Criterion:
    """Has fine-tuning left every member its forces on the frames held back from it?

    Args:
        finetune: of the committee's record.
    """
    value, limit, words = finetune.forgetting, finetune.limit, finetune.words
    if value > limit:
        words += (
            f" (wanted {limit:.2f}): it forgets too much; raise finetune.cotraining or "
            "finetune.cotraining_weights, or lower finetune.learning_rate"
        )
    return Criterion(value <= limit, value, limit, words)


def assess(
    number: int,
    labels: NewLabels,
    factor: float | None,
    physics: Mapping[str, Criterion],
    settings: Rounds,
) -> dict[str, Any]:
    """The verdict of round `number` (from 0) with every number used and the reason in words.

    Args:
        factor: calibration factor of the committee, None where it has none.
        physics: criteria by name, of the quantities in `settings.physics`.

    Returns:
        `converged` (all criteria hold), `finished` (converged, or the last round of the cap),
        `reason`, `criteria`, and the counts of frames.
    """
    criteria = {
        "force": force_criterion(labels, settings.force_error),
        "calibration": calibration_criterion(labels, factor, settings.calibration_band),
        **physics,
    }
    converged = all(item.met for item in criteria.values())
    finished = converged or number + 1 >= settings.max
    open_points = "; ".join(item.words for item in criteria.values() if not item.met)
    if converged:
        reason = "converged: " + "; ".join(item.words for item in criteria.values())
    elif finished:
        reason = f"NOT converged at the cap of {settings.max} rounds: {open_points}"
    else:
        reason = f"another round: {open_points}"
    return {
        "round": number,
        "converged": converged,
        "finished": finished,
        "reason": reason,
        "criteria": {name: item.as_dict() for name, item in criteria.items()},
        "explored": labels.explored,
        "accepted": labels.accepted,
        "failed": labels.failed,
        "stopped": labels.stopped,
    }
