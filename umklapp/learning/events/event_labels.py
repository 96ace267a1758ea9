"""Reference labels of explored frames that lie within events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp.crystals import frame_info
from umklapp.crystals.frames import read_labels
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import thermal
from umklapp.learning.events.event_record import LabelInEvent
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.reference_replay import frame_sigma
from umklapp.learning.events.thermal import ThermalEnergy
from umklapp.learning.sampling.exploration import Explored
from umklapp.potentials.committee import Committee


def labels_by_round(labels: Sequence[Path], rounds: int) -> list[list[Atoms]]:
    """Labels of every round.

    Args:
        labels: label files, equally many of every round, round after round.
    """
    chunks = len(labels) // rounds
    return [
        [frame for path in labels[chunks * n : chunks * (n + 1)] for frame in read_labels(path)]
        for n in range(rounds)
    ]


def labels_in_events(
    rounds: Sequence[tuple[Explored, Mapping[float, Observation], Sequence[Atoms]]],
    harmonic: HarmonicReference,
    before: Committee,
    after: Committee,
    energies: Sequence[ThermalEnergy],
    crystal: float,
) -> list[LabelInEvent]:
    """Reference labels of explored frames that lie within events.

    Args:
        rounds: of every round the exploration, its events by temperature, and its labels (whose
            `FrameInfo.explored` is their row in the exploration).
        before, after: the first and the last committee.
        energies: `thermal_energies`. crystal: energy of the perfect cell, eV.
    """
    rows = []
    thermals = {item.temperature: item for item in energies}
    for round_index, (explored, observed, labels) in enumerate(rounds):
        for label in labels:
            place = frame_info.explored_row(label)
            target = float(explored.target_temperature[place])
            event, began_inside = _event_of(
                int(explored.replica[place]), float(explored.time[place]), observed.get(target)
            )
            if event is None:
                continue
            energy = float(label.get_potential_energy()) - crystal
            belongs = thermals.get(target) or thermal.equipartition(len(label), target)
            errors = [_errors(committee, label) for committee in (before, after)]
            rows.append(
                LabelInEvent(
                    frame_id=frame_info.identity(label),
                    round=round_index,
                    replica=int(explored.replica[place]),
                    time=float(explored.time[place]),
                    temperature=target,
                    kind=event.kind,
                    motion=event.motion,
                    energy=energy,
                    thermal_mean=belongs.mean,
                    thermal_spread=belongs.spread,
                    sigma=float(frame_sigma([label], harmonic)[0]),
                    error_before=errors[0][0],
                    error_after=errors[1][0],
                    largest_before=errors[0][1],
                    largest_after=errors[1][1],
                    began_inside=began_inside,
                    learned=round_index + 1 < len(rounds),
                )
            )
    return rows


def _event_of(replica: int, time: float, observed: Observation | None) -> tuple[Event | None, bool]:
    if observed is None:
        return None, False
    for event in observed.apart:
        if event.holds(replica, time):
            return event, event.open_start
    for event in observed.real_events:
        if event.holds(replica, time):
            return event, False
    return None, False


def _errors(committee: Committee, label: Atoms) -> tuple[float, float]:
    difference = committee.evaluate([label]).forces[0] - label.get_forces()
    return float(np.abs(difference).mean()), float(np.linalg.norm(difference, axis=1).max())
