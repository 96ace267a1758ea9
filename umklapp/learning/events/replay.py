"""Events in what has been run: explorations on disk, and reference MD seen by two committees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.crystals import frame_info
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.crystals.frames import read_labels
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.lattice.sigma_a import RunningSigma, sigma
from umklapp.learning.events import detection, observations, quiet, thermal
from umklapp.learning.events.event_record import (
    Along,
    Anharmonicity,
    Errors,
    LabelInEvent,
)
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.thermal import ThermalEnergy
from umklapp.learning.sampling import uncertainty
from umklapp.learning.sampling.exploration import Explored
from umklapp.potentials.committee import Committee

CHUNK = 200
"""Frames in memory at once."""

COMMITTEES = ("before", "after")


def replicas(file: h5py.File) -> Iterator[tuple[int, float, h5py.Group]]:
    """Number, target temperature (K) and group of every replica that is dynamics.

    Frames of a pool have neither time nor temperature.
    """
    for number, name in enumerate(sorted(file)):
        target = float(file[name].attrs["target_temperature"])
        if np.isfinite(target):
            yield number, target, file[name]


def sigma_by_temperature(path: Path) -> dict[float, list[np.ndarray]]:
    """σᴬ(t) of every replica of an exploration, by target temperature (K).

    Hotter crystals are less harmonic, so that each temperature has its own quiet band.
    """
    series: dict[float, list[np.ndarray]] = {}
    with h5py.File(path) as file:
        for _, target, group in replicas(file):
            series.setdefault(target, []).append(group["sigma"][()])
    return series


def anchors(
    seeds: Mapping[float, Sequence[np.ndarray]],
    reference: Mapping[float, Sequence[np.ndarray]],
    after: Mapping[float, Sequence[np.ndarray]],
    enter: float,
) -> dict[float, Quiet]:
    """The band that all sources of a temperature are held to, by target temperature (K).

    The first committee has no part in it: its quiet lattice may be wrong.

    Args:
        seeds, reference, after: series of σᴬ by target temperature.
    """
    bands = {}
    for target in {*seeds, *reference, *after}:
        sources = [*reference.get(target, ()), *after.get(target, ())]
        band = quiet.anchor(seeds.get(target, ()), sources, enter)
        if band is not None:
            bands[target] = band
    return bands


def stride_of(time: np.ndarray, spacing: float) -> int:
    """Frames per step that make a series with times (n,) fs as coarse as `spacing` fs."""
    own = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    return max(1, round(spacing / own)) if own > 0 else 1


def exploration_spacing(path: Path) -> float:
    """Time between kept frames of an exploration, fs; 0 where there are no two."""
    with h5py.File(path) as file:
        steps = [np.diff(group["time"][()]) for _, _, group in replicas(file)]
    joined = np.concatenate([np.empty(0), *steps])
    return float(np.median(joined)) if len(joined) else 0.0


def scan_exploration(
    path: Path,
    held_to: Mapping[float, Quiet],
    harmonic: HarmonicReference,
    spacing: float = 0.0,
    **options: Any,
) -> dict[float, Observation]:
    """Events of all replicas of an exploration by target temperature, read in chunks.

    Args:
        held_to: `anchors`. spacing: fs; finer series are thinned to it, because rates of short
            events depend on how often one looks. options: of `detection.Detector`.
    """
    enter = float(options.get("enter", quiet.ENTER))
    own = {
        target: quiet.of_source(series, held_to.get(target), enter)
        for target, series in sigma_by_temperature(path).items()
    }
    parts: dict[float, list[Observation]] = {target: [] for target in own}
    with h5py.File(path) as file:
        for number, target, group in replicas(file):
            band = own[target]
            if band is None:
                continue
            stride = stride_of(group["time"][()], spacing)
            names = ("time", "sigma", "positions", "cells")
            chunks = detection.hdf5_chunks(group, names, CHUNK, stride)
            seen = detection.scan(
                [chunks], band, harmonic, [number], True, [_start_of(group)], **options
            )
            parts[target].append(seen)
    return {
        target: observations.join(found) if found else Observation()
        for target, found in parts.items()
    }


def _start_of(group: h5py.Group) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions (N, 3) and cell (3, 3) Å that a replica started from; None in older files."""
    if "start_positions" not in group:
        return None
    return group["start_positions"][()], group["start_cell"][()]


def frame_sigma(frames: Sequence[Atoms], harmonic: HarmonicReference) -> np.ndarray:
    """σᴬ (n,) of labelled frames by their own forces."""
    known = [harmonic.forces(frame.positions[None], frame.cell.array[None])[0] for frame in frames]
    return np.array(
        [float(sigma(f.get_forces(), forces)) for f, forces in zip(frames, known, strict=True)]
    )


def trajectories(frames: Sequence[Atoms]) -> list[list[Atoms]]:
    """Frames whose `FrameInfo.time` is known by their origin, each in order of time."""
    groups: dict[Origin | None, list[Atoms]] = {}
    for frame in frames:
        groups.setdefault(FrameInfo.of(frame).origin, []).append(frame)
    return [sorted(group, key=time_of) for group in groups.values()]


def time_of(frame: Atoms) -> float:
    """Time (fs) of a frame of dynamics; 0 where it has none."""
    return FrameInfo.of(frame).time or 0.0


def reference_series(
    frames: Sequence[Atoms],
    harmonic: HarmonicReference,
    before: Committee,
    after: Committee,
) -> pd.DataFrame:
    """Reference MD frame by frame: σᴬ, and error and uncertainty of two committees.

    Args:
        frames: labelled, trajectory after trajectory, each in order of time (`trajectories`).

    Returns:
        Columns `source`, `replica`, `time_ps`, `sigma`, and for before and after
        `force_error_*` (MAE), `largest_error_*` (of an atom) and `uncertainty_*` (u_max), eV/Å.
    """
    rows = []
    infos = [FrameInfo.of(frame) for frame in frames]
    origins = list(dict.fromkeys(info.origin for info in infos))
    for first in range(0, len(frames), CHUNK):
        part = frames[first : first + CHUNK]
        predictions = [committee.evaluate_members(part) for committee in (before, after)]
        values = frame_sigma(part, harmonic)
        for number, frame in enumerate(part):
            forces = frame.get_forces()
            row = {
                "source": "reference",
                "replica": origins.index(infos[first + number].origin),
                "time_ps": (infos[first + number].time or 0.0) / 1000,
                "sigma": float(values[number]),
            }
            for name, prediction in zip(COMMITTEES, predictions, strict=True):
                members = prediction.forces[number]
                difference = members.mean(axis=0) - forces
                row[f"force_error_{name}"] = float(np.abs(difference).mean())
                row[f"largest_error_{name}"] = float(np.linalg.norm(difference, axis=1).max())
                row[f"uncertainty_{name}"] = float(uncertainty.per_atom(members).max())
            rows.append(row)
    return pd.DataFrame(rows)


def scan_reference(
    runs: Sequence[Sequence[Atoms]],
    band: Quiet,
    harmonic: HarmonicReference,
    spacing: float = 0.0,
    **options: Any,
) -> Observation:
    """Events of reference MD with what moved, trajectory by trajectory.

    Args:
        runs: `trajectories` of labelled frames. band: `quiet.of_source` of the reference.
        spacing: fs; finer trajectories are thinned to it. options: of `detection.Detector`.
    """
    parts = []
    for number, every in enumerate(runs):
        run = every[:: stride_of(np.array([time_of(frame) for frame in every]), spacing)]
        chunk = (
            np.array([time_of(frame) for frame in run]),
            frame_sigma(run, harmonic),
            np.array([frame.positions for frame in run]),
            np.array([frame.cell.array for frame in run]),
        )
        parts.append(detection.scan([iter([chunk])], band, harmonic, [number], **options))
    return observations.join(parts)


def along_reference(series: pd.DataFrame, observed: Observation) -> Along | None:
    """Errors and uncertainties inside and outside the events of the reference.

    None where it has no frame inside or none outside.

    Args:
        series: `reference_series`. observed: its events.
    """
    inside = np.array(
        [
            any(event.holds(replica, 1000 * time) for event in observed.real_events)
            for replica, time in zip(series["replica"], series["time_ps"], strict=True)
        ],
        bool,
    )
    if not inside.any() or inside.all():
        return None
    sides = {"inside": series[inside], "outside": series[~inside]}

    def of(name: str) -> Errors:
        values = {}
        for side, rows in sides.items():
            values[f"force_{side}"] = float(rows[f"force_error_{name}"].mean())
            values[f"largest_{side}"] = float(rows[f"largest_error_{name}"].mean())
            values[f"uncertainty_{side}"] = float(rows[f"uncertainty_{name}"].median())
        return Errors(**values)

    return Along(
        inside=int(inside.sum()),
        outside=int((~inside).sum()),
        before=of("before"),
        after=of("after"),
    )


def exploration_series(path: Path, source: str) -> pd.DataFrame:
    """σᴬ(t) and u_max of all replicas of an exploration, columns as `reference_series`."""
    parts = []
    with h5py.File(path) as file:
        for number, name in enumerate(sorted(file)):
            group = file[name]
            parts.append(
                pd.DataFrame(
                    {
                        "source": source,
                        "replica": number,
                        "time_ps": group["time"][()] / 1000,
                        "sigma": group["sigma"][()],
                        f"uncertainty_{source}": group["measures/force_max"][()],
                    }
                )
            )
    return pd.concat(parts) if parts else pd.DataFrame(columns=["source", "replica", "time_ps"])


def overall_sigma(path: Path, harmonic: HarmonicReference, least_atoms: int) -> Anharmonicity:
    """σᴬ of all frames of an exploration with its standard error, read in chunks.

    Args:
        least_atoms: `verdict.sigma_atoms`.
    """
    running = RunningSigma()
    cell = {"atoms": len(harmonic.perfect), "least_atoms": least_atoms}
    with h5py.File(path) as file:
        for group in file.values():
            for chunk in detection.hdf5_chunks(group, ("positions", "cells", "forces"), CHUNK):
                positions, cells, forces = chunk
                running.add(forces, harmonic.forces(positions, cells))
    if not running.total:
        return Anharmonicity(value=None, error=None, **cell)
    value, error = running.result()
    return Anharmonicity(value=value, error=error if np.isfinite(error) else None, **cell)


def thermal_energies(
    path: Path, observed: Mapping[float, Observation], atoms: int
) -> list[ThermalEnergy]:
    """Potential energies of the quiet frames of an exploration, by target temperature.

    Args:
        path: of the last exploration. observed: its events by temperature. atoms: N.
    """
    energies: dict[float, list[np.ndarray]] = {target: [] for target in observed}
    with h5py.File(path) as file:
        for _, target, group in replicas(file):
            band = observed[target].quiet
            if band is not None:
                calm = group["sigma"][()] <= band.level(quiet.LEAVE)
                energies[target].append(atoms * group["energy"][()][calm])
    return [
        thermal.measured(
            np.concatenate([np.empty(0), *parts]), atoms, target, "the last committee's dynamics"
        )
        for target, parts in sorted(energies.items())
    ]


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
    for number, (explored, observed, labels) in enumerate(rounds):
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
                    round=number,
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
                    learned=number + 1 < len(rounds),
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
