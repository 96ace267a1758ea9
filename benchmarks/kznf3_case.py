"""KZnF3: a false event of a real campaign, judged from its files.

The first committee let a quiet lattice collapse, six labels taught it better, and the verdict of
that time was *missed event*. The files (`../shared/cases/23-false-event`) hold the labels, the old
verdict.json with the events of both explorations, and two runs of the reference: from the crystal,
and from the fifth label. No foundation model is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read

from umklapp.lattice import harmonic_reference
from umklapp.learning.events import (
    event_survey,
    persistence,
    quiet,
    reference_replay,
    thermal,
    verdict,
)
from umklapp.learning.events.event_record import Dynamics, EventRecord, LabelInEvent
from umklapp.learning.events.evidence import Facts
from umklapp.learning.events.moves import Move, Site
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.verdict import Verdict

TEMPERATURE = 600.0
"""K, of the replicas in which it happened."""

KEPT, STEP = 50, 80.0
"""Frames of a replica, and the fs between them."""

FORCE_MAE = {"before": 0.585, "after": 0.088, "test": 0.018}
"""eV/Å, on the labels in the event by both committees, and on test frames (old verdict.json)."""

CONTINUED = 4
"""The label from which the reference ran."""


def judged(folder: Path) -> Verdict:
    """The verdict on the case by today's rules."""
    return verdict.judge(facts(folder))


def facts(folder: Path) -> Facts:
    """What that campaign knew, with the reference runs that were made afterwards."""
    perfect = read(folder / "crystal.extxyz")
    calm, back, labels = (
        read(folder / f"{name}.extxyz", ":") for name in ("quiet", "return", "labels")
    )
    then = json.loads((folder / "verdict.json").read_text())
    still, moving = calm[0], calm[1:]
    harmonic = harmonic_reference.from_fit(perfect, moving, 0.7)
    band = quiet.lowest([reference_replay.frame_sigma(moving, harmonic)])
    if band is None:
        raise ValueError(f"{folder}: no σᴬ")
    before, after = (events_of(then[name]["events"]) for name in ("before", "after"))
    exposure = {name: then[name]["exposure_ps"] for name in ("before", "after")}
    inside = sum(event.duration for event in before) / 1000
    dynamics = Dynamics(
        temperature=TEMPERATURE,
        before=Observation(events=before, quiet_ps=exposure["before"] - inside, replicas=4),
        after=Observation(  # two of its four replicas began in the collapsed lattice
            quiet_ps=exposure["after"] / 2,
            apart=tuple(event.model_copy(update={"open_start": True}) for event in after),
            apart_ps=exposure["after"] / 2,
            replicas=4,
            began_inside=2,
            quiet=band,
        ),
    )
    record = EventRecord(
        reference=reference_replay.scan_reference(
            reference_replay.trajectories(moving), band, harmonic, gap=200.0
        ),
        reference_temperature=event_survey.temperature_of([moving], harmonic),
        dynamics=(dynamics,),
        labels=labels_in(before, labels, float(still.get_potential_energy())),
        quiet_error_before=FORCE_MAE["test"],
        quiet_error_after=FORCE_MAE["test"],
    )
    trial = persistence.judge_run(
        name_of(CONTINUED),
        record.labels[CONTINUED].motion,
        TEMPERATURE,
        np.array([frame.info["time"] for frame in back]),
        reference_replay.frame_sigma(back, harmonic),
        np.array([frame.positions for frame in back]),
        labels[CONTINUED].positions,
        band,
        harmonic,
        "reference",
    )
    return Facts(record, [trial])


def events_of(written: list[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Events as they were written then: without the kind of site, and `cut` for either end."""
    return tuple(
        Event(
            **{name: event[name] for name in ("replica", "start", "end", "peak", "mean")},
            open_end=event["end"] == KEPT * STEP,
            moves=tuple(Move(**move, site=site_of(move["to"])) for move in event["moves"]),
        )
        for event in written
    )


def site_of(text: str) -> Site:
    """What an atom reached, by the words of then."""
    if text.startswith("the site of"):
        return "other"
    return "interstitial" if text.startswith("interstitial") else "own"


def name_of(number: int) -> str:
    """A name for a label in this case."""
    return f"label_{number}"


def labels_in(
    events: tuple[Event, ...], labels: list[Atoms], crystal: float
) -> tuple[LabelInEvent, ...]:
    """The labels within events; crystal: energy of the perfect cell by the reference, eV."""
    found = []
    for number, label in enumerate(labels):
        replica, place = divmod(int(label.info["explored"]), KEPT)
        time = STEP * (place + 1)
        inside = [event for event in events if event.moves and event.holds(replica, time)]
        if not inside:
            continue
        belongs = thermal.equipartition(len(label), TEMPERATURE)
        largest = float(np.linalg.norm(label.get_forces(), axis=1).max())
        found.append(
            LabelInEvent(
                frame_id=name_of(number),
                round=0,
                replica=replica,
                time=time,
                temperature=TEMPERATURE,
                kind=inside[0].kind,
                motion=inside[0].motion,
                energy=float(label.get_potential_energy()) - crystal,
                thermal_mean=belongs.mean,
                thermal_spread=belongs.spread,
                sigma=0.0,
                error_before=FORCE_MAE["before"],
                error_after=FORCE_MAE["after"],
                largest_before=largest,
                largest_after=largest,
                began_inside=False,
                learned=True,
            )
        )
    return tuple(found)
