"""Is this material done? Every criterion of a round, from the files of that round.

A material is done when little of what was explored is still above the bound of acquisition, labels
that the committee had *not* seen (some drawn at random) find no atom more wrong than that allows,
its expected errors are not too small, the exploration was long enough to be believed, and the
physics asked for has stopped moving within its own error bar. What cannot be measured is not met.
At the cap it is reported as not converged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from umklapp.config import Rounds
from umklapp.learning.assessment import Assessment, Criterion, conclude
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.sampling.exploration import Explored
from umklapp.learning.stopping import labels, physics, search, training
from umklapp.learning.stopping.labels import NewLabels
from umklapp.learning.stopping.search import Seen
from umklapp.potentials.training_residuals import Left


@dataclass(frozen=True)
class Evidence:
    """What a round is judged by.

    explored, before: exploration of this round, and of the round before (None in the first); seen,
    seen_before: events of the two; labels: of frames of `explored`; factor: calibration factor of
    the committee, None where it has none; bound: expected error of the worst atom (eV/Å) from which
    a frame is labelled; kappa, kappa_before: κ(300 K) of the members in W/(m K), None where it was
    not computed; finetune, left: of `committee.json`.
    """

    explored: Explored
    before: Explored | None
    seen: Seen
    seen_before: Seen | None
    labels: NewLabels
    factor: float | None
    bound: float
    kappa: Sequence[float | None] = ()
    kappa_before: Sequence[float | None] | None = None
    finetune: CommitteeFinetuning | None = None
    left: Sequence[Sequence[Left]] = ()


def assess(
    round_index: int, evidence: Evidence, settings: Rounds, accepted: int, training: int
) -> Assessment:
    """The assessment of a round (from 0).

    Args:
        accepted: frames sent to the engine. training: frames of the committee that is judged.
    """
    counts = {
        "explored": len(evidence.explored.frames),
        "accepted": accepted,
        "failed": evidence.labels.failed,
        "checks": evidence.labels.checks,
        "stopped": evidence.explored.stopped,
        "training_frames": training,
    }
    return conclude(round_index, criteria(evidence, settings), settings.max, counts)


def criteria(evidence: Evidence, settings: Rounds) -> dict[str, Criterion]:
    """All criteria of a round by name; `settings.physics` says which physics is among them."""
    trained = training.trained_out(evidence.left, settings) if any(evidence.left) else None
    return {
        **_of_search(evidence, settings),
        **({"training": trained} if trained else {}),
        **labels.criteria(evidence.labels, evidence.factor, evidence.bound, settings),
        **_of_physics(evidence, settings),
    }


def _of_search(evidence: Evidence, settings: Rounds) -> dict[str, Criterion]:
    ratio = evidence.labels.error_over_expected(evidence.factor)
    return {
        "still_uncertain": search.still_uncertain(
            evidence.explored, evidence.factor, ratio, evidence.bound, settings
        ),
        "search": search.long_enough(
            evidence.explored, evidence.seen, evidence.seen_before, settings
        ),
    }


def _of_physics(evidence: Evidence, settings: Rounds) -> dict[str, Criterion]:
    criteria: dict[str, Criterion] = {}
    if "anharmonicity" in settings.physics:
        before = evidence.before
        criteria["anharmonicity"] = physics.sigma(
            physics.stationary_stretches(evidence.explored),
            None if before is None else physics.stationary_stretches(before),
            settings,
        )
    if "kappa" in settings.physics:
        criteria["kappa"] = physics.kappa(evidence.kappa, evidence.kappa_before, settings)
    if evidence.finetune is not None:
        criteria["finetune"] = physics.forgetting(evidence.finetune)
    return criteria
