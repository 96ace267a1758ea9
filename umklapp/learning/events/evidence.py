"""Pieces of evidence on rare events, each with its value, its test and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from umklapp.learning.events import comparisons, event_rates
from umklapp.learning.events.comparisons import Comparison
from umklapp.learning.events.event_record import Dynamics, Errors, EventRecord, Trial
from umklapp.learning.events.observations import Observation, join
from umklapp.learning.events.thermal import nearest
from umklapp.records import Part
from umklapp.wording import in_milli

Kind = Literal["sound", "missed event", "false event", "undecided"]

ERROR_RATIO = 2.0
"""Force error inside events over that outside, above which an event is not known."""

UNCERTAINTY_RATIO = 4.0
"""The same for the committee's own uncertainty, which looks at the worst atom."""

FEW = 5
"""Reference frames in events below which errors there are not judged."""


class Evidence(Part):
    """One thing that was looked at.

    points_to: the verdict it speaks for; `nothing` where it only informs. value, limit: of the
    test, in the units that the sentence names; sentence: what decides; details: further short
    sentences; needs: what would decide, where it does not.
    """

    name: str
    points_to: Literal["sound", "missed event", "false event", "undecided", "nothing"]
    value: float | None = None
    limit: float | None = None
    test: str
    sentence: str
    details: tuple[str, ...] = ()
    needs: str | None = None


@dataclass(frozen=True)
class Facts:
    """What a verdict is made of.

    record: events.json; trials: continued events with their audit; dynamics: ps that each committee
    needs at least; rarest: events per ps that must not be overlooked.
    """

    record: EventRecord
    trials: Sequence[Trial] = ()
    dynamics: float = 1.0
    rarest: float = 0.1

    @property
    def before(self) -> Observation:
        """Dynamics of the first committee, all temperatures."""
        return join([ensemble.before for ensemble in self.record.dynamics])

    @property
    def after(self) -> Observation:
        """Dynamics of the last committee, all temperatures."""
        return join([ensemble.after for ensemble in self.record.dynamics])

    def at_reference(self) -> tuple[Observation, Observation] | None:
        """First and last committee at the reference's temperature, None without such dynamics."""
        targets = [ensemble.temperature for ensemble in self.record.dynamics]
        target = nearest(self.record.reference_temperature, targets)
        for ensemble in self.record.dynamics:
            if self.record.reference is not None and ensemble.temperature == target:
                return ensemble.before, ensemble.after
        return None

    def real_motions(self) -> set[str]:
        """Motions that the reference's own dynamics has, stays that it begins with included."""
        reference = self.record.reference
        if reference is None:
            return set()
        return {
            event.motion
            for event in reference.real_events
            if not event.open_start or event.dwell == "stay"
        }


def tests_of(facts: Facts) -> list[Comparison]:
    """All rate tests, adjusted for their number."""
    tests = [
        _by_temperature(test, facts.record.dynamics)
        for test in comparisons.compare(
            "the first committee", facts.before, "the last", facts.after
        )
    ]
    pair, reference = facts.at_reference(), facts.record.reference
    if pair is not None and reference is not None:
        for name, observed in zip(("the first committee", "the last committee"), pair, strict=True):
            tests += comparisons.compare(name, observed, "the reference", reference)
    return comparisons.adjusted(tests)


def _by_temperature(test: Comparison, dynamics: Sequence[Dynamics]) -> Comparison:
    """A test of both committees that another mix of temperatures alone does not make significant.

    The larger p of all temperatures together and of rates that are equal at every temperature.
    """
    strata = []
    for ensemble in dynamics:
        one, two = ensemble.before, ensemble.after
        if test.quantity == "entering":
            kind = test.kind
            numbers = one.entries(kind), one.watched(kind), two.entries(kind), two.watched(kind)
        else:
            numbers = (*one.exits(test.motion), *two.exits(test.motion))
        strata.append(numbers)
    return test.model_copy(update={"p": max(test.p, event_rates.same_rate_in_each(strata))})


def enough_dynamics(facts: Facts) -> Evidence | None:
    """Whether both committees ran long enough for anything to be said."""
    shortest = min(facts.before.exposure, facts.after.exposure)
    if shortest >= facts.dynamics:
        return None
    return Evidence(
        name="length of the dynamics",
        points_to="undecided",
        value=shortest,
        limit=facts.dynamics,
        test="ps of dynamics that did not begin in an event",
        sentence=f"a committee has only {shortest:.2g} ps of dynamics",
        needs=f"{facts.dynamics:g} ps for each committee (raise exploration.steps)",
    )


def reference_rates(tests: Sequence[Comparison]) -> list[Evidence]:
    """Where rates contradict the reference: too much is false, too little is missed."""
    contradictions = []
    for test in comparisons.decisive(tests):
        if test.second != "the reference":
            continue
        contradictions.append(
            Evidence(
                name=f"{test.quantity} against the reference",
                points_to="false event" if test.more else "missed event",
                value=test.adjusted,
                limit=event_rates.SIGNIFICANT,
                test="two-sided exact binomial test of two Poisson rates (of leaving also "
                "exchanges of events between the sources), Holm-adjusted",
                sentence=str(test),
            )
        )
    return contradictions


def errors_along_reference(facts: Facts) -> list[Evidence]:
    """Error and uncertainty of both committees inside the reference's events and outside."""
    along, reference = facts.record.along, facts.record.reference
    if along is None or reference is None:
        return []
    stays = any(event.dwell == "stay" for event in reference.real_events)
    before, after = _ratios(along.before), _ratios(along.after)
    worst = max(ratio.excess for ratio in before)
    still = max(ratio.excess for ratio in after[:2]) > 1
    wrong = worst > 1 and along.inside >= FEW
    few = along.inside < FEW
    details = [
        f"{', '.join(map(str, ratios))} meV/Å {when} learning (inside events against outside)"
        for ratios, when in ((before, "before"), (after, "after"))
    ]
    if wrong and still:
        details.insert(0, "learning has not repaired it: force errors inside events are still more "
                       f"than {ERROR_RATIO:g} times those outside")  # fmt: skip
    frames = (
        f"{along.inside} frames of the reference lie inside its events, {along.outside} outside"
    )
    return [
        Evidence(
            name="errors along the reference",
            points_to=_of_errors(wrong or still, stays, few),
            value=worst,
            limit=1.0,
            test=(
                f"force error (mean, and of the worst atom) inside at most {ERROR_RATIO:g} times "
                f"that outside, uncertainty at most {UNCERTAINTY_RATIO:g} times"
            ),
            sentence="inside the reference's events, against outside, the first committee has "
            f"{max(before, key=lambda ratio: ratio.excess)} meV/Å",
            details=(*details, frames),
            needs=_needs_of_errors(few, wrong and not stays),
        )
    ]


def _needs_of_errors(few: bool, excursions: bool) -> str | None:
    if few:
        return f"{FEW} reference frames within events"
    return "labels within such excursions, to learn from" if excursions else None


def _of_errors(
    wrong: bool, stays: bool, few: bool
) -> Literal["missed event", "undecided", "nothing"]:
    if few or (wrong and not stays):
        return "undecided"
    return "missed event" if wrong else "nothing"


@dataclass(frozen=True)
class _Ratio:
    """A quantity (eV/Å) inside the reference's events and outside; allowed: ratio of them."""

    quantity: str
    inside: float
    outside: float
    allowed: float

    @property
    def excess(self) -> float:
        """The ratio over the allowed one."""
        return self.inside / max(self.outside, 1e-6) / self.allowed

    def __str__(self) -> str:
        return f"{self.quantity} {in_milli(self.inside)} against {in_milli(self.outside)}"


def _ratios(errors: Errors) -> tuple[_Ratio, _Ratio, _Ratio]:
    """Mean force error, that of the worst atom, and uncertainty."""
    return (
        _Ratio("force MAE", errors.force_inside, errors.force_outside, ERROR_RATIO),
        _Ratio("worst atom", errors.largest_inside, errors.largest_outside, ERROR_RATIO),
        _Ratio(
            "uncertainty", errors.uncertainty_inside, errors.uncertainty_outside, UNCERTAINTY_RATIO
        ),
    )
