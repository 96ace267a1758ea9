"""The verdict on a material: sound, a missed event, a false event; with its evidence.

The question of Kang et al. (arXiv:2409.11808). A *missed* event is real, but the dynamics of the
potential before learning does not show it; a *false* event is in the dynamics before learning, and
the reference says that there is none, fewer, or that the state does not last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from umklapp.learning.events import Record

SIGNIFICANT = 0.05
CONTRADICTED = 3.0
"""Errors in events this many times the quiet ones: the reference contradicts the potential."""


@dataclass(frozen=True)
class Labels:
    """Reference labels of explored frames that lie within events.

    sigma_reference: (n,) σᴬ by reference forces;
    error_before, error_after: (n,) force MAE of the first and of the last committee, eV/Å;
    quiet_error: force MAE of the first committee on quiet reference frames, eV/Å;
    threshold: σᴬ at which an event begins.
    """

    sigma_reference: np.ndarray
    error_before: np.ndarray
    error_after: np.ndarray
    quiet_error: float
    threshold: float

    def __len__(self) -> int:
        return len(self.error_before)

    @property
    def real(self) -> float:
        """Share of the labels in which the reference, too, is anharmonic as in an event."""
        return float((self.sigma_reference > self.threshold).mean()) if len(self) else float("nan")

    @property
    def contradicted(self) -> bool:
        """Whether the first committee was far off where it saw events."""
        return bool(
            len(self) and np.median(self.error_before) > CONTRADICTED * max(self.quiet_error, 1e-6)
        )


@dataclass(frozen=True)
class Verdict:
    """kind: `sound`, `missed event`, `false event` or `undecided`; words: why, with numbers."""

    kind: str
    words: str
    evidence: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For json."""
        return {"verdict": self.kind, "reason": self.words, **self.evidence}


def compare(one: Record, two: Record) -> float:
    """p-value for equal rates of entering events (exact, conditional on the sum of the counts)."""
    return _same_rate(len(one.events), one.exposure, len(two.events), two.exposure)


def compare_exits(one: Record, two: Record) -> float:
    """p-value for equal rates of leaving events: completed ones against the time spent in all."""
    return _same_rate(*_exits(one), *_exits(two))


def _exits(record: Record) -> tuple[int, float]:
    return sum(not each.cut for each in record.events), record.share() * record.exposure


def _same_rate(first: int, exposure_one: float, second: int, exposure_two: float) -> float:
    exposure = exposure_one + exposure_two
    if first + second == 0 or exposure == 0:
        return 1.0
    share = float(np.clip(exposure_one / exposure, 1e-12, 1 - 1e-12))
    return float(binomtest(first, first + second, share).pvalue)


def invented(reference: Record | None, before: Record) -> bool:
    """Whether events come significantly more often, or last significantly longer, than in the
    reference."""
    if reference is None or not reference.events or not before.events:
        return False
    often = before.rate()[0] > reference.rate()[0] and compare(before, reference) < SIGNIFICANT
    (left, inside), (real_left, real_inside) = _exits(before), _exits(reference)
    longer = left * real_inside < real_left * inside
    return often or (longer and compare_exits(before, reference) < SIGNIFICANT)


def rates(record: Record | None) -> str:
    """Events and rate in words."""
    if record is None:
        return "none known"
    value, lower, upper = record.rate()
    return (
        f"{len(record.events)} events in {record.exposure:.1f} ps "
        f"({value:.2g} per ps, {lower:.2g} to {upper:.2g}; {record.share():.1%} of the time)"
    )


def judge(
    reference: Record | None,
    before: Record,
    after: Record,
    labels: Labels | None = None,
    shortest: float = 1.0,
) -> Verdict:
    """What the first potential did to the events of this crystal.

    Args:
        reference: ab initio MD, None where there is none.
        before, after: dynamics of the first and of the last committee.
        labels: reference labels inside events of the explorations, None where there are none.
        shortest: ps of dynamics below which nothing can be said.
    """
    real = reference is not None and len(reference.events) > 0
    confirmed = labels is not None and len(labels) > 0 and labels.real >= 0.5
    denied = labels is not None and len(labels) > 0 and labels.real < 0.5
    p_after = compare(before, after)
    p_reference = compare(before, reference) if reference is not None else 1.0
    evidence = {
        "reference": None if reference is None else reference.as_dict(),
        "before": before.as_dict(),
        "after": after.as_dict(),
        "p_before_after": p_after,
        "p_before_reference": p_reference,
        "p_exits_before_reference": 1.0 if reference is None else compare_exits(before, reference),
        "labels_in_events": 0 if labels is None else len(labels),
        "labels_that_confirm": None if not labels else labels.real,
    }
    told = f"before learning {rates(before)}, after {rates(after)}, reference {rates(reference)}"
    if labels:
        told += (
            f"; of {len(labels)} labels in events {labels.real:.0%} are anharmonic in the "
            f"reference too; force MAE there {1e3 * np.median(labels.error_before):.0f} meV/Å "
            f"before and {1e3 * np.median(labels.error_after):.0f} after learning "
            f"({1e3 * labels.quiet_error:.0f} outside)"
        )
    if min(before.exposure, after.exposure) < shortest:
        words = (
            f"undecided: less than {shortest:g} ps of dynamics; raise exploration.steps ({told})"
        )
        return Verdict("undecided", words, evidence)
    fewer = len(before.events) / before.exposure < len(after.events) / after.exposure
    gone = len(before.events) > 0 and not fewer and (p_after < SIGNIFICANT or not after.events)
    unreal = (
        before.events
        and not real
        and (gone or denied)
        and (denied or (labels is not None and labels.contradicted) or p_after < SIGNIFICANT)
    )
    if unreal or invented(reference, before):
        return Verdict("false event", f"false event: {told}", evidence)
    more = (fewer and p_after < SIGNIFICANT) or (
        reference is not None
        and p_reference < SIGNIFICANT
        and len(reference.events) / max(reference.exposure, 1e-9)
        > len(before.events) / before.exposure
    )
    if (real or confirmed) and (
        more or not before.events or (labels is not None and labels.contradicted)
    ):
        return Verdict("missed event", f"missed event: {told}", evidence)
    if fewer and p_after < SIGNIFICANT:
        words = f"undecided: events appeared with learning, but no label lies within one ({told})"
        return Verdict("undecided", words, evidence)
    return Verdict("sound", f"sound: {told}", evidence)
