"""Events in labelled reference MD, and what two committees say of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.lattice.sigma_a import sigma
from umklapp.learning.events import detection, observations
from umklapp.learning.events.event_record import Along, Errors
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.replay import stride_of
from umklapp.potentials.committee import Committee

CHUNK = 200
"""Frames that both committees see at once."""

COMMITTEES = ("before", "after")


def frame_sigma(frames: Sequence[Atoms], harmonic: HarmonicReference) -> np.ndarray:
    """σᴬ (n,) of labelled frames by their own forces."""
    harmonic_forces = [
        harmonic.forces(frame.positions[None], frame.cell.array[None])[0] for frame in frames
    ]
    return np.array(
        [
            float(sigma(f.get_forces(), forces))
            for f, forces in zip(frames, harmonic_forces, strict=True)
        ]
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
        for frame_index, frame in enumerate(part):
            forces = frame.get_forces()
            row = {
                "source": "reference",
                "replica": origins.index(infos[first + frame_index].origin),
                "time_ps": (infos[first + frame_index].time or 0.0) / 1000,
                "sigma": float(values[frame_index]),
            }
            for name, prediction in zip(COMMITTEES, predictions, strict=True):
                members = prediction.forces[frame_index]
                difference = members.mean(axis=0) - forces
                row[f"force_error_{name}"] = float(np.abs(difference).mean())
                row[f"largest_error_{name}"] = float(np.linalg.norm(difference, axis=1).max())
                row[f"uncertainty_{name}"] = float(prediction.spread[frame_index].max())
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
    for replica, every in enumerate(runs):
        run = every[:: stride_of(np.array([time_of(frame) for frame in every]), spacing)]
        chunk = (
            np.array([time_of(frame) for frame in run]),
            frame_sigma(run, harmonic),
            np.array([frame.positions for frame in run]),
            np.array([frame.cell.array for frame in run]),
        )
        parts.append(detection.scan([iter([chunk])], band, harmonic, [replica], **options))
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
