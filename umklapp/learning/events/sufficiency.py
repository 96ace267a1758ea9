"""Is there enough data for a verdict, and if not, how many ps would decide?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from umklapp.learning.events import event_rates
from umklapp.learning.events.comparisons import Comparison
from umklapp.learning.events.evidence import Evidence, Facts
from umklapp.learning.events.label_evidence import status_of_motions
from umklapp.learning.events.observations import Observation
from umklapp.wording import counted

POWER = 10.0
"""Rates agree where their ratio is known to be within this factor."""


def open_questions(facts: Facts, tests: Sequence[Comparison]) -> list[Evidence]:
    """Events that are neither confirmed nor contradicted, and rates that are not known."""
    reference, pair = facts.record.reference, facts.at_reference()
    statuses = {motion: status for motion, (status, _) in status_of_motions(facts).items()}
    real = facts.real_motions()
    questions = []
    for motion in sorted({*facts.before.motions, *facts.after.motions, *real}):
        if statuses.get(motion) == "denied" and motion not in real:
            continue
        confirmed = statuses.get(motion) == "confirmed"
        second = "the reference" if reference is not None and pair is not None else "the last"
        if second == "the last" and not confirmed and motion not in real:
            questions.append(_unconfirmed(facts, motion))
            continue
        if second == "the reference" and motion not in real and confirmed:
            second = "the last"
        own = [
            test
            for test in tests
            if (test.second, test.motion, test.quantity) == (second, motion, "entering")
        ]
        vague = [test for test in own if not test.significant and not _known(test)]
        questions += [_vague(test) for test in vague[:1]] if own else [_never_begun(motion)]
    return [*questions, *_stuck(facts, statuses, real)]


def _stuck(facts: Facts, statuses: Mapping[str, str], real: Collection[str]) -> list[Evidence]:
    """Replicas that began in an event and stayed, where neither reference nor label knows it.

    They are counted apart and so are in no rate, but to stay in a state is to say that it is one.
    """
    questions = []
    for name, observed in (("first", facts.before), ("last", facts.after)):
        stays = [event.motion for event in observed.apart if event.dwell == "stay"]
        unknown = {*stays} - {*real, *observed.motions}
        questions += [
            _unknown_stay(motion, stays.count(motion), name)
            for motion in sorted(unknown)
            if statuses.get(motion, "open") == "open"
        ]
    return questions


def _unknown_stay(motion: str, count: int, committee: str) -> Evidence:
    return Evidence(
        name="replicas that stay in an event",
        points_to="undecided",
        value=float(count),
        test="dynamics of the reference, or labels that last",
        sentence=f"{motion}: {counted(count, 'replica')} of the {committee} committee stayed in it "
        "from the first frame on, and neither reference nor labels decide whether it is real",
        needs="runs of the reference engine from frames in that state",
    )


def _known(test: Comparison) -> bool:
    low, high = test.ratio
    return low >= 1 / POWER and high <= POWER


def _never_begun(motion: str) -> Evidence:
    return Evidence(
        name="rates that are not known",
        points_to="undecided",
        test="events that begin while they are watched",
        sentence=f"{motion}: a real event, but none was seen to begin",
        needs="longer dynamics of the reference and of the committees, begun in the crystal",
    )


def _unconfirmed(facts: Facts, motion: str) -> Evidence:
    count = facts.before.entries(motion) + facts.after.entries(motion)
    return Evidence(
        name="events without a label that decides",
        points_to="undecided",
        value=float(count),
        limit=None,
        test="dynamics of the reference, or labels that last",
        sentence=f"{motion}: {counted(facts.before.entries(motion), 'event')} before and "
        f"{facts.after.entries(motion)} after learning, which no reference and no label decides",
        needs=_reference_needed(facts.before, facts.after, motion, 0.0),
    )


def _reference_needed(
    before: Observation, after: Observation, motion: str, present: float
) -> str | None:
    source = before if before.entries(motion) else after
    count = source.entries(motion)
    if not count or source.quiet_ps <= 0:
        return None
    needed = event_rates.exposure_to_see(count / source.quiet_ps)
    return (
        f"about {max(0.0, needed - present):.2g} ps more of reference dynamics, in which such "
        "events would show"
    )


def _vague(test: Comparison) -> Evidence:
    (first, second), (one, two) = test.counts, test.exposures
    low, high = test.ratio
    upper = "∞" if np.isinf(high) else f"{high:.2g}"
    return Evidence(
        name="rates that are not known",
        points_to="undecided",
        value=None if np.isinf(high) else high,
        limit=POWER,
        test=f"95 % interval of the ratio of the rates within a factor {POWER:g}",
        sentence=(
            f"{test.kind}: {first} began in {one:.3g} ps of {test.first} and {second} in "
            f"{two:.3g} ps of {test.second}, too few to compare the rates"
        ),
        details=(
            f"{test.kind}: the ratio of these rates lies between {low:.2g} and {upper} (95 %)",
        ),
        needs=_needs_of_rates(test),
    )


def _needs_of_rates(test: Comparison) -> str:
    (first, second), (one, two) = test.counts, test.exposures
    if first and second:
        slower = min(first / one, second / two)
        return f"about {5 / slower:.3g} ps of {test.first} and of {test.second}"
    count, watched, empty, present = (
        (first, one, test.second, two) if first else (second, two, test.first, one)
    )
    show = event_rates.exposure_to_see(count / watched) - present
    deny = event_rates.exposure_to_deny(count, watched) - present
    if show <= 0 and deny <= 0:
        return f"longer dynamics of {test.first} and of {test.second}"
    if show <= 0:
        return f"{deny:.3g} ps more of {empty} without one would show that it has none"
    return (
        f"{show:.3g} ps more of {empty} would show such events if it has them, {deny:.3g} ps "
        "without one would show that it has none"
    )


def _telling_length(facts: Facts) -> float:
    """Quiet ps of a reference at a temperature of the dynamics, or hotter."""
    reference, record = facts.record.reference, facts.record
    if reference is None:
        return 0.0
    hottest = max((ensemble.temperature for ensemble in record.dynamics), default=0.0)
    temperature = record.reference_temperature
    hotter = temperature is not None and temperature.value >= hottest
    return reference.quiet_ps if hotter or facts.at_reference() is not None else 0.0


def enough_reference(facts: Facts) -> Evidence:
    """Whether an event that no committee shows would have been noticed at all.

    Dynamics of the reference tells: long enough, or with events whose rates are known. Labels do
    not, however many of them confirm: they are of events that a committee has shown.
    """
    length = _telling_length(facts)
    needed = event_rates.exposure_to_see(facts.rarest)
    confirmed = [m for m, (status, _) in status_of_motions(facts).items() if status == "confirmed"]
    excluded = event_rates.excluded_rate(length)
    if length > 0:
        text = (
            f"{length:.2g} quiet ps of reference: events rarer than {excluded:.2g} per ps would "
            "not show"
        )
    else:
        temperature = facts.record.reference_temperature
        its = "" if temperature is None else f" (the reference is at {temperature})"
        text = (
            f"no reference dynamics at this temperature{its}: events that no committee shows would "
            "not be noticed"
        )
    incomplete = ("labels confirm events that a committee shows, not that it shows all events",)
    compared = facts.at_reference() is not None and bool(facts.real_motions())
    enough = length >= needed or compared
    return Evidence(
        name="length of the reference",
        points_to="sound" if enough else "undecided",
        value=length,
        limit=needed,
        test=f"events of {facts.rarest:g} per ps (verdict.rarest) are seen with 95 % probability",
        sentence=text,
        details=incomplete if confirmed else (),
        needs=None
        if enough
        else f"{needed - length:.3g} ps more of reference dynamics (verdict.reference)",
    )
