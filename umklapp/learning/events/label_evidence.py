"""What labels within events say: is such a state one of this crystal at that temperature?

A label confirms an event when its energy is one that N atoms have at the temperature *and* the
event lasts when it is continued. That the reference is anharmonic there, too, confirms nothing:
every frame far from the crystal is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from umklapp.learning.events import comparisons
from umklapp.learning.events.comparisons import Comparison
from umklapp.learning.events.event_record import LabelInEvent, Trial
from umklapp.learning.events.evidence import Evidence, Facts
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.thermal import ALLOWED
from umklapp.wording import counted, in_milli

LABEL_RATIO = 3.0
"""Force MAE on labels in events over that on test frames, above which the event was not known."""

Status = Literal["confirmed", "denied", "open"]


def status_of_label(label: LabelInEvent, trials: Sequence[Trial]) -> Status:
    """Whether a label shows that its event is real.

    Confirmed: its energy, or that of the continued run by the engine, is one of the temperature,
    and the event lasts. Denied: no such energy; or the event returns, by a committee that is
    audited there, which says nothing of an excursion. Open: it was not continued, or nobody who may
    has said that it lasts or returns.
    """
    own = [trial for trial in trials if trial.label == label.frame_id]
    thermal = label.score() <= ALLOWED
    if any(trial.lasts and (thermal or _thermal_end(label, trial)) for trial in own):
        return "confirmed"
    if thermal:
        returned = any(trial.returns and trial.audited for trial in own)
        return "denied" if returned and not label.kind.startswith("excursion") else "open"
    return "open" if any(trial.stayed for trial in own) else "denied"


def _thermal_end(label: LabelInEvent, trial: Trial) -> bool:
    return trial.end_energy is not None and label.score(trial.end_energy) <= ALLOWED


def status_of_motions(facts: Facts) -> dict[str, tuple[Status, tuple[str, ...]]]:
    """Of every motion that has labels: confirmed, denied or open, and what they show.

    A motion is denied when all its labels are, and at least one event was seen to return: continued
    from a label, or in a replica of the last committee that began in a chosen frame. One label of a
    thermal energy that returns is not enough: it may have been on its way.
    """
    by_motion: dict[str, tuple[Status, tuple[str, ...]]] = {}
    for motion in sorted({label.motion for label in facts.record.labels}):
        labels = [label for label in facts.record.labels if label.motion == motion]
        statuses = [status_of_label(label, facts.trials) for label in labels]
        names = {label.frame_id for label in labels}
        trials = [trial for trial in facts.trials if trial.label in names]
        status: Status = "open"
        if "confirmed" in statuses:
            status = "confirmed"
        elif set(statuses) == {"denied"} and _seen_to_return(labels, trials, facts):
            status = "denied"
        by_motion[motion] = status, _sentences(labels, trials, facts)
    return by_motion


def _seen_to_return(labels: Sequence[LabelInEvent], trials: Sequence[Trial], facts: Facts) -> bool:
    returns = sum(trial.returns for trial in trials)
    if any(label.score() <= ALLOWED for label in labels):
        return returns > 1
    return returns > 0 or _returned(facts.after, labels[0].motion) > 0


def _returned(observed: Observation, motion: str) -> int:
    """Replicas that began in an event of this motion and were soon back at the sites."""
    return sum(event.returned and (event.began_as or event.motion) == motion
               for event in observed.apart)  # fmt: skip


def _sentences(
    labels: Sequence[LabelInEvent], trials: Sequence[Trial], facts: Facts
) -> tuple[str, ...]:
    """What the labels of one motion show; how many have a thermal energy comes first."""
    scores = [label.score() for label in labels]
    thermal = sum(score <= ALLOWED for score in scores)
    said = [
        f"labels with an energy of their temperature: {thermal} of {len(labels)}",
        f"the lowest energy lies {min(scores):.1f} standard deviations above the thermal mean",
    ]
    if trials:
        returns, lasts = sum(t.returns for t in trials), sum(t.lasts for t in trials)
        sources = " and ".join(sorted({f"the {trial.source}" for trial in trials}))
        said.append(
            f"{sources} continued {len(trials)} of them: {lasts} lasted, {returns} returned"
        )
        errors = [trial.error for trial in trials if trial.error is not None]
        if errors:
            text = f"{in_milli(max(errors))} meV/Å"
            said.append(f"where the runs ended, the force on the worst atom is wrong by {text}")
    else:
        said.append("none was continued")
    returned = _returned(facts.after, labels[0].motion)
    if returned:
        said.append(
            f"{counted(returned, 'replica')} of the last committee that began in such an event "
            "returned"
        )
    return tuple(said)


def labels_in_events(facts: Facts, tests: Sequence[Comparison]) -> list[Evidence]:
    """What labels say of the events that the committees' dynamics has."""
    real = facts.real_motions()
    pieces = []
    for motion, (status, shown) in status_of_motions(facts).items():
        labels = [label for label in facts.record.labels if label.motion == motion]
        if status == "confirmed":
            pieces.append(_confirmed(facts, tests, motion, labels, shown))
        elif status == "denied" and motion not in real:
            pieces.append(
                Evidence(
                    name="labels in events",
                    points_to="false event" if _has(facts, motion) else "nothing",
                    value=min(label.score() for label in labels),
                    limit=ALLOWED,
                    test="energy within the thermal distribution, and the event lasts",
                    sentence=f"{motion}: no state of this crystal, {shown[0]}",
                    details=tuple(f"{motion}: {sentence}" for sentence in shown[1:]),
                )
            )
        elif motion not in real:
            pieces.append(
                Evidence(
                    name="labels in events",
                    points_to="undecided",
                    value=min(label.score() for label in labels),
                    limit=ALLOWED,
                    test="energy within the thermal distribution, and the event lasts",
                    sentence=f"{motion}: labels neither confirm nor deny it, {shown[0]}",
                    details=tuple(f"{motion}: {sentence}" for sentence in shown[1:]),
                    needs="runs of the reference engine from these frames "
                    "(raise verdict.persistence.frames)",
                )
            )
    return pieces


def _has(facts: Facts, motion: str) -> bool:
    everything = [*facts.before.real_events, *facts.before.apart]
    stays = [event for event in facts.after.apart if event.dwell == "stay"]
    everything += [*facts.after.real_events, *stays]
    return any(event.motion == motion for event in everything)


def _confirmed(
    facts: Facts,
    tests: Sequence[Comparison],
    motion: str,
    labels: Sequence[LabelInEvent],
    shown: tuple[str, ...],
) -> Evidence:
    error = float(np.median([label.error_before for label in labels]))
    after = float(np.median([label.error_after for label in labels]))
    calm = facts.record.quiet_error_before or 0.0
    contradicted = error > LABEL_RATIO * max(calm, 1e-6)
    rarer = [
        test
        for test in comparisons.decisive(tests)
        if test.second == "the last" and test.motion == motion and not test.more
    ]
    said = [
        f"on its labels the first committee has a force MAE of {in_milli(error)} meV/Å "
        f"({in_milli(calm)} on test frames), the last of {in_milli(after)}",
        *map(str, rarer),
    ]
    if rarer and not contradicted:
        said = [*said[1:], said[0]]
    return Evidence(
        name="labels in events",
        points_to="missed event" if contradicted or rarer else "nothing",
        value=error,
        limit=LABEL_RATIO * calm,
        test=f"force MAE of the first committee at most {LABEL_RATIO:g} times that on test frames",
        sentence=f"{motion} is a real event: {said[0]}",
        details=(*said[1:], *(f"{motion}: {sentence}" for sentence in shown)),
    )
