"""All events of a material: in explorations, reference and labels, as one record and one series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.crystals import sites
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import event_labels, quiet, reference_replay, replay, thermal
from umklapp.learning.events.event_record import Dynamics, EventRecord, LabelInEvent
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.thermal import Temperature, ThermalEnergy
from umklapp.learning.sampling import exploration
from umklapp.potentials.committee import Committee

EMPTY = ("source", "replica", "time_ps")


@dataclass(frozen=True)
class Material:
    """What has been run for one material.

    explorations: of all rounds; labels: files, equally many of every round, round after round;
    first, last: committees; quiet_errors: their test force MAE, eV/Å; reference: labelled frames of
    reference MD and seeds: of seed dynamics, both in the sampling cell with their times, fs.
    """

    explorations: Sequence[Path]
    labels: Sequence[Path]
    first: Committee
    last: Committee
    quiet_errors: tuple[float, float]
    harmonic: HarmonicReference
    reference: Sequence[Atoms] = ()
    seeds: Sequence[Atoms] = ()


def none(harmonic_missing: str) -> tuple[EventRecord, pd.DataFrame]:
    """The survey of a material without σᴬ."""
    return EventRecord(missing=harmonic_missing), pd.DataFrame(columns=list(EMPTY))


def survey(
    material: Material, options: Mapping[str, Any], sigma_atoms: int
) -> tuple[EventRecord, pd.DataFrame]:
    """The record, and the series behind the figure (`reference_replay.reference_series`).

    Args:
        options: of `detection.Detector`: enter, leave (widths), shortest, gap (fs).
        sigma_atoms: with fewer, σᴬ of the dynamics is not reported.
    """
    harmonic, perfect = material.harmonic, material.harmonic.perfect
    paths = material.explorations
    crystal = float(material.last.evaluate([perfect]).energy[0])
    runs = reference_replay.trajectories(material.reference)
    held_to = _anchors(material, runs, options["enter"])
    runs, left_out = of_one_temperature(runs, harmonic, list(held_to))
    observed = [replay.scan_exploration(path, held_to, harmonic, **options) for path in paths]
    energies = replay.thermal_energies(paths[-1], observed[-1], len(perfect))
    ends = {"before": paths[0], "after": paths[-1]}
    record = EventRecord(
        dynamics=_dynamics(material, runs, observed, held_to, options),
        labels=_labels(material, observed, energies, crystal),
        thermal=tuple(energies),
        crystal_energy=crystal,
        quiet_error_before=material.quiet_errors[0],
        quiet_error_after=material.quiet_errors[1],
        sigma={
            name: replay.overall_sigma(path, harmonic, sigma_atoms) for name, path in ends.items()
        },
        harmonic=harmonic.source,
        reference_left_out=left_out,
    )
    series = [replay.exploration_series(path, name) for name, path in ends.items()]
    if not runs:
        return record, pd.concat(series)
    of_reference, table = _reference(material, runs, held_to, options)
    return record.model_copy(update=of_reference), pd.concat([table, *series])


def _anchors(
    material: Material, runs: Sequence[Sequence[Atoms]], enter: float
) -> dict[float, Quiet]:
    after = replay.sigma_by_temperature(material.explorations[-1])
    seeds, reference = (
        _by_target(part, material.harmonic, list(after))
        for part in (reference_replay.trajectories(material.seeds), runs)
    )
    return replay.anchors(seeds, reference, after, enter)


def _labels(
    material: Material,
    observed: Sequence[Mapping[float, Observation]],
    energies: Sequence[ThermalEnergy],
    crystal: float,
) -> tuple[LabelInEvent, ...]:
    labelled = event_labels.labels_by_round(material.labels, len(observed))
    rounds = [
        (exploration.read(path), events, labels)
        for path, events, labels in zip(material.explorations, observed, labelled, strict=True)
    ]
    committees = (material.first, material.last)
    return tuple(
        event_labels.labels_in_events(rounds, material.harmonic, *committees, energies, crystal)
    )


def _reference(
    material: Material,
    runs: Sequence[Sequence[Atoms]],
    held_to: Mapping[float, Quiet],
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fields of the record about the reference, and its series."""
    temperature = temperature_of(runs, material.harmonic)
    ordered = [frame for run in runs for frame in run]
    table = reference_replay.reference_series(
        ordered, material.harmonic, material.first, material.last
    )
    own = [rows["sigma"].to_numpy() for _, rows in table.groupby("replica")]
    target = thermal.nearest(temperature, list(held_to))
    anchor = None if target is None else held_to[target]
    band = quiet.of_source(own, anchor, options["enter"])
    if band is None:
        return {}, table
    spacing = replay.exploration_spacing(material.explorations[-1])
    observed = reference_replay.scan_reference(runs, band, material.harmonic, spacing, **options)
    return {
        "reference": observed,
        "reference_temperature": temperature,
        "along": reference_replay.along_reference(table, observed),
    }, table


def _spacing(runs: Sequence[Sequence[Atoms]]) -> float:
    """Time between frames of the coarsest trajectory, fs; 0 without one."""
    steps = [
        np.median(np.diff([reference_replay.time_of(f) for f in run]))
        for run in runs
        if len(run) > 1
    ]
    return float(max(steps, default=0.0))


def _dynamics(
    material: Material,
    runs: Sequence[Sequence[Atoms]],
    observed: Sequence[Mapping[float, Observation]],
    held_to: Mapping[float, Quiet],
    options: Mapping[str, Any],
) -> tuple[Dynamics, ...]:
    """Events of the first and last dynamics, as they look at the spacing of the reference."""
    spacing, ends = _spacing(runs), []
    for place in (0, -1):
        path, seen = material.explorations[place], observed[place]
        if spacing > 1.5 * replay.exploration_spacing(path):
            seen = replay.scan_exploration(path, held_to, material.harmonic, spacing, **options)
        ends.append(seen)
    return _by_temperature(*ends)


def _by_temperature(
    before: Mapping[float, Observation], after: Mapping[float, Observation]
) -> tuple[Dynamics, ...]:
    targets = sorted({*before, *after})
    nothing = Observation()
    return tuple(
        Dynamics(
            temperature=target,
            before=before.get(target, nothing),
            after=after.get(target, nothing),
        )
        for target in targets
    )


def temperature_of(
    runs: Sequence[Sequence[Atoms]], harmonic: HarmonicReference
) -> Temperature | None:
    """Temperature of labelled trajectories of one temperature, from their forces; None of none."""
    if not runs:
        return None
    series = [
        thermal.virial_temperatures(
            sites.of_frames(run, harmonic.perfect), np.array([frame.get_forces() for frame in run])
        )
        for run in runs
    ]
    return thermal.mean_temperature(series)


def of_one_temperature(
    runs: Sequence[list[Atoms]], harmonic: HarmonicReference, targets: Sequence[float]
) -> tuple[list[list[Atoms]], int]:
    """Reference trajectories that are compared together, and how many others there are.

    Those of the exploration temperature at which there is most of them; all of them where none is
    of such a temperature. Hotter crystals have other σᴬ and other rates.

    Args:
        harmonic: whose sites they are. targets: exploration temperatures, K.
    """
    groups: dict[float, list[list[Atoms]]] = {}
    for run in runs:
        target = thermal.nearest(temperature_of([run], harmonic), targets)
        if target is not None:
            groups.setdefault(target, []).append(run)
    if not groups:
        return list(runs), 0
    longest = max(groups.values(), key=lambda group: sum(map(_duration, group)))
    return longest, len(runs) - len(longest)


def _duration(run: Sequence[Atoms]) -> float:
    return reference_replay.time_of(run[-1]) - reference_replay.time_of(run[0])


def _by_target(
    runs: Sequence[Sequence[Atoms]],
    harmonic: HarmonicReference,
    targets: Sequence[float],
) -> dict[float, list[np.ndarray]]:
    """σᴬ of trajectories by the exploration temperature that is theirs."""
    series: dict[float, list[np.ndarray]] = {}
    for run in runs:
        target = thermal.nearest(temperature_of([run], harmonic), targets)
        if target is not None:
            series.setdefault(target, []).append(reference_replay.frame_sigma(run, harmonic))
    return series
