"""Events of two sources compared class by class: how often they begin, how soon they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from umklapp.learning.events import event_rates
from umklapp.learning.events.event_rates import SIGNIFICANT
from umklapp.learning.events.observations import ANY, Observation
from umklapp.records import Part


class Comparison(Part):
    """An exact two-sided test that two sources have the same rate; of leaving, the larger p of that
    test and of one that takes dwell times as they come (`event_rates.same_dwell`).

    quantity: `entering` (events per quiet time) or `leaving` (completed events per time in events);
    kind: class of event, or motion; motion: the motion behind it; counts and exposures (ps) of the
    first and second source; p: of this test, adjusted: for all tests of the verdict (Holm).
    """

    first: str
    second: str
    quantity: Literal["entering", "leaving"]
    kind: str
    motion: str
    counts: tuple[int, int]
    exposures: tuple[float, float]
    p: float
    adjusted: float = 1.0

    @property
    def significant(self) -> bool:
        """Whether the rates differ."""
        return self.adjusted < SIGNIFICANT

    @property
    def ratio(self) -> tuple[float, float]:
        """95 % interval of (first rate)/(second rate)."""
        return event_rates.ratio_interval(
            self.counts[0], self.exposures[0], self.counts[1], self.exposures[1]
        )

    @property
    def more(self) -> bool:
        """Whether the first source has more of it: events begin more often, or last longer."""
        first = self.counts[0] * self.exposures[1]
        second = self.counts[1] * self.exposures[0]
        return first > second if self.quantity == "entering" else first < second

    def __str__(self) -> str:
        ends = {("entering", True): "begins more often", ("entering", False): "begins less often"}
        ends |= {("leaving", True): "lasts longer", ("leaving", False): "ends sooner"}
        counts, exposures = self.counts, self.exposures
        what = "began" if self.quantity == "entering" else "ended"
        return (
            f"{self.kind} {ends[self.quantity, self.more]} in {self.first} than in {self.second} "
            f"({counts[0]} {what} in {exposures[0]:.3g} ps, {counts[1]} in {exposures[1]:.3g} ps; "
            f"p = {self.p:.2g}, {self.adjusted:.2g} with all tests counted)"
        )


def compare(first: str, one: Observation, second: str, two: Observation) -> list[Comparison]:
    """All tests between two observations, not yet adjusted for their number.

    Entering by class of event, and for any event where there are several classes or some whose
    class is not known; leaving by motion, where one could have ended in both.
    """
    kinds = sorted({*one.kinds, *two.kinds})
    unfinished = any(e.dwell == "unfinished" for e in (*one.real_events, *two.real_events))
    if len(kinds) > 1 or unfinished:
        kinds.append(ANY)
    tests = []
    for kind in kinds:
        numbers = (one.entries(kind), one.watched(kind), two.entries(kind), two.watched(kind))
        if numbers[0] + numbers[2]:
            motion = kind.split(": ", 1)[-1]
            tests.append(_test(first, second, "entering", kind, motion, numbers))
    for motion in sorted({*one.motions} & {*two.motions}):
        numbers = (*one.exits(motion), *two.exits(motion))
        if numbers[0] + numbers[2] and numbers[1] > 0 and numbers[3] > 0:
            test = _test(first, second, "leaving", motion, motion, numbers)
            if test.p < SIGNIFICANT:
                p = event_rates.same_dwell(one.dwells(motion), two.dwells(motion))
                test = test.model_copy(update={"p": max(test.p, p)})
            tests.append(test)
    return tests


def _test(
    first: str,
    second: str,
    quantity: Literal["entering", "leaving"],
    kind: str,
    motion: str,
    numbers: tuple[int, float, int, float],
) -> Comparison:
    return Comparison(
        first=first,
        second=second,
        quantity=quantity,
        kind=kind,
        motion=motion,
        counts=(numbers[0], numbers[2]),
        exposures=(numbers[1], numbers[3]),
        p=event_rates.same_rate(*numbers),
    )


def adjusted(tests: Sequence[Comparison]) -> list[Comparison]:
    """The tests with p-values for all of them together."""
    values = event_rates.holm([test.p for test in tests])
    return [
        test.model_copy(update={"adjusted": value})
        for test, value in zip(tests, values, strict=True)
    ]


def decisive(tests: Sequence[Comparison]) -> list[Comparison]:
    """Of the significant tests of each pair and motion the one that tells most.

    A state that is left too soon makes excursions more frequent and stays rarer: one finding, not
    two. How long it lasts comes first, then events that stay, then excursions, then all together.
    """
    chosen: dict[tuple[str, str, str], Comparison] = {}
    for test in sorted((test for test in tests if test.significant), key=_rank):
        chosen.setdefault((test.first, test.second, test.motion), test)
    specific = {(test.first, test.second) for test in chosen.values() if test.kind != ANY}
    return [
        test
        for test in chosen.values()
        if test.kind != ANY or (test.first, test.second) not in specific
    ]


def _rank(test: Comparison) -> int:
    if test.quantity == "leaving":
        return 0
    if test.kind == ANY:
        return 3
    return 1 if test.kind.startswith("stay") else 2
