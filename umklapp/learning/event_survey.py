"""All events of a material: in explorations, reference and labels, as one record and one series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import quiet, replay, thermal
from umklapp.learning.event_record import Dynamics, EventRecord
from umklapp.learning.observations import Observation
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


def survey(material: Material, options: Mapping[str, Any]) -> tuple[EventRecord, pd.DataFrame]:
    """The record, and the series behind the figure (`replay.reference_series`).

    Args:
        options: of `events.Detector`: enter, leave (widths), shortest, gap (fs).
    """
    harmonic, perfect = material.harmonic, material.harmonic.perfect
    crystal = float(material.last.evaluate([perfect]).energy[0])
    runs, seeds = (replay.trajectories(part) for part in (material.reference, material.seeds))
    after = replay.sigma_by_temperature(material.explorations[-1])
    temperature = _temperature(runs, crystal)
    held_to = replay.anchors(
        _by_target(seeds, harmonic, crystal, list(after)),
        _by_target(runs, harmonic, crystal, list(after)),
        after,
        options["enter"],
    )
    observed = [
        replay.scan_exploration(path, held_to, harmonic, **options)
        for path in material.explorations
    ]
    series = [
        replay.exploration_series(path, name)
        for path, name in (
            (material.explorations[0], "before"),
            (material.explorations[-1], "after"),
        )
    ]
    reference, along = None, None
    if runs:
        ordered = [frame for run in runs for frame in run]
        table = replay.reference_series(ordered, harmonic, material.first, material.last)
        target = thermal.nearest(temperature, list(after))
        own = [rows["sigma"].to_numpy() for _, rows in table.groupby("replica")]
        band = quiet.of_source(
            own, held_to.get(target) if target is not None else None, options["enter"]
        )
        if band is not None:
            reference = replay.scan_reference(runs, band, harmonic, **options)
            along = replay.along_reference(table, reference)
        series.insert(0, table)
    energies = replay.thermal_energies(material.explorations[-1], observed[-1], len(perfect))
    labelled = replay.labels_by_round(material.labels, len(observed))
    rounds = [
        (exploration.read(path), found, labels)
        for path, found, labels in zip(material.explorations, observed, labelled, strict=True)
    ]
    ends = {"before": material.explorations[0], "after": material.explorations[-1]}
    record = EventRecord(
        reference=reference,
        reference_temperature=temperature,
        dynamics=_dynamics(observed[0], observed[-1]),
        along=along,
        labels=tuple(
            replay.labels_in_events(
                rounds, harmonic, material.first, material.last, energies, crystal
            )
        ),
        thermal=tuple(energies),
        crystal_energy=crystal,
        quiet_error_before=material.quiet_errors[0],
        quiet_error_after=material.quiet_errors[1],
        sigma={name: replay.overall_sigma(path, harmonic) for name, path in ends.items()},
    )
    return record, pd.concat(series)


def _dynamics(
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
        if np.isfinite(target)
    )


def _temperature(runs: Sequence[Sequence[Atoms]], crystal: float) -> float | None:
    if not runs:
        return None
    energies = [np.array([frame.get_potential_energy() for frame in run]) for run in runs]
    atoms = len(runs[0][0])
    values = [thermal.temperature_of(each, crystal, atoms) for each in energies]
    return float(np.median(values))


def _by_target(
    runs: Sequence[Sequence[Atoms]],
    harmonic: HarmonicReference,
    crystal: float,
    targets: Sequence[float],
) -> dict[float, list[np.ndarray]]:
    """σᴬ of trajectories by the exploration temperature that is theirs."""
    series: dict[float, list[np.ndarray]] = {}
    for run in runs:
        target = thermal.nearest(_temperature([run], crystal), targets)
        if target is not None:
            series.setdefault(target, []).append(replay.frame_sigma(run, harmonic))
    return series
