"""Events in what has been run: explorations on disk, and reference MD seen by two committees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.crystals.frames import read_labels
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.lattice.sigma_a import RunningSigma, sigma
from umklapp.learning import events
from umklapp.learning.sampling import exploration, uncertainty
from umklapp.learning.sampling.exploration import Explored
from umklapp.learning.verdict import Labels
from umklapp.potentials.committee import Committee

CHUNK = 200
"""Frames in memory at once."""


def quiets(path: Path) -> dict[float, events.Quiet]:
    """Quiet σᴬ of an exploration by target temperature (K): hotter crystals are less harmonic."""
    series: dict[float, list[np.ndarray]] = {}
    with h5py.File(path) as file:
        for group in file.values():
            target = float(group.attrs["target_temperature"])
            series.setdefault(target, []).append(group["sigma"][()])
    return {target: events.Quiet.of(np.concatenate(parts)) for target, parts in series.items()}


def scan_exploration(
    path: Path,
    quiet: dict[float, events.Quiet],
    harmonic: HarmonicReference,
    **options: Any,
) -> events.Record:
    """Events of all replicas of an exploration, read in chunks.

    Args:
        quiet: by target temperature; replicas of another temperature are judged by their own.
        options: of `events.Detector`.
    """
    own, records = quiets(path), []
    with h5py.File(path) as file:
        for number, name in enumerate(sorted(file)):
            group = file[name]
            target = float(group.attrs["target_temperature"])
            known = quiet.get(target, own[target])
            chunks = events.hdf5_chunks(group, ("time", "sigma", "positions"), CHUNK)
            records.append(events.scan([chunks], known, harmonic, [number], **options))
    return events.join(records)


def reference_series(
    frames: Sequence[Atoms],
    harmonic: HarmonicReference,
    before: Committee,
    after: Committee,
) -> pd.DataFrame:
    """Reference MD frame by frame: σᴬ, and error and uncertainty of two committees.

    Args:
        frames: labelled, with `info["time"]` (fs) and `info["origin"]` (one per trajectory).

    Returns:
        Columns `source`, `replica`, `time_ps`, `sigma`, and for before and after
        `force_error_*` (MAE) and `uncertainty_*` (u_max), eV/Å.
    """
    rows = []
    names = list(dict.fromkeys(str(frame.info.get("origin", "")) for frame in frames))
    for first in range(0, len(frames), CHUNK):
        part = frames[first : first + CHUNK]
        judged = [each.evaluate_members(part) for each in (before, after)]
        for number, frame in enumerate(part):
            forces = frame.get_forces()
            known = harmonic.forces(frame.positions[None], frame.cell.array[None])[0]
            row = {
                "source": "reference",
                "replica": names.index(str(frame.info.get("origin", ""))),
                "time_ps": float(frame.info["time"]) / 1000,
                "sigma": float(sigma(forces, known)),
            }
            for name, prediction in zip(("before", "after"), judged, strict=True):
                members = prediction.forces[number]
                row[f"force_error_{name}"] = float(np.abs(members.mean(axis=0) - forces).mean())
                row[f"uncertainty_{name}"] = float(uncertainty.per_atom(members).max())
            rows.append(row)
    return pd.DataFrame(rows)


def scan_reference(series: pd.DataFrame, frames: Sequence[Atoms], **options: Any) -> events.Record:
    """Events of reference MD, trajectory by trajectory."""
    quiet, records = events.Quiet.of(series["sigma"].to_numpy()), []
    for number in sorted(series["replica"].unique()):
        mine = series[series["replica"] == number].sort_values("time_ps")
        positions = np.array([frames[n].positions for n in mine.index])
        chunk = (1000 * mine["time_ps"].to_numpy(), mine["sigma"].to_numpy(), positions)
        records.append(events.scan([iter([chunk])], quiet, None, [int(number)], **options))
    return events.join(records)


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


def overall_sigma(path: Path, harmonic: HarmonicReference) -> dict[str, float | None]:
    """σᴬ of all frames of an exploration with its standard error, read in chunks."""
    running = RunningSigma()
    with h5py.File(path) as file:
        for group in file.values():
            for chunk in events.hdf5_chunks(group, ("positions", "cells", "forces"), CHUNK):
                positions, cells, forces = chunk
                running.add(forces, harmonic.forces(positions, cells))
    if not running.total:
        return {"value": None, "error": None}
    value, error = running.result()
    return {"value": value, "error": error if np.isfinite(error) else None}


def rounds_of(
    explorations: Sequence[Path], records: Sequence[events.Record], labels: Sequence[Path]
) -> list[tuple[Explored, events.Record, list[Atoms]]]:
    """Exploration, events and labels of every round.

    Args:
        labels: label files, equally many of every round, round after round.
    """
    chunks = len(labels) // len(explorations)
    found = []
    for number, (path, record) in enumerate(zip(explorations, records, strict=True)):
        mine = labels[chunks * number : chunks * (number + 1)]
        labelled = [frame for each in mine for frame in read_labels(each)]
        found.append((exploration.read(path), record, labelled))
    return found


def labels_in_events(
    rounds: Sequence[tuple[Explored, events.Record, Sequence[Atoms]]],
    harmonic: HarmonicReference,
    before: Committee,
    after: Committee,
    quiet_error: float,
) -> Labels:
    """Reference labels of explored frames that lie within events.

    Args:
        rounds: of every round the exploration, its events, and its labels (whose
            `info["explored"]` is their number in the exploration).
        before, after: the first and the last committee.
        quiet_error: eV/Å, of the first on quiet frames.
    """
    rows, widths = [], []
    for explored, record, labels in rounds:
        widths.append(record.quiet.level(events.ENTER))
        for label in labels:
            number = int(label.info["explored"])
            replica, time = int(explored.replica[number]), float(explored.time[number])
            if not any(event.holds(replica, time) for event in record.events):
                continue
            known = harmonic.forces(label.positions[None], label.cell.array[None])[0]
            forces = label.get_forces()
            errors = [
                float(np.abs(each.evaluate([label]).forces[0] - forces).mean())
                for each in (before, after)
            ]
            rows.append(
                (
                    float(sigma(forces, known)),
                    *errors,
                )
            )
    table = np.array(rows).reshape(-1, 3)
    real, unlearned, learned = table.T
    return Labels(real, unlearned, learned, quiet_error, max(widths, default=np.inf))
