"""Reference molecular dynamics that others or the seeds have: read, and laid on the sites."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from ase import Atoms

from umklapp.config import LabelKeys
from umklapp.crystals import frame_info, registration, sites
from umklapp.crystals.formats import given
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.crystals.frames import read_labels
from umklapp.crystals.orientations import LARGEST_STRAIN
from umklapp.errors import InputError

log = logging.getLogger(__name__)

SHORTEST = 3
"""Frames of a run on average, at least; shuffled frames of several runs have two in a row."""


def read(paths: Iterable[Path], perfect: Atoms, keys: LabelKeys | None = None) -> list[Atoms]:
    """Labelled frames of all trajectories on the sites of a supercell, each in order of time.

    Every file is a trajectory of its own: `info["origin"]` is its path, `info["time"]` its time in
    fs. Files have any format of `given.read`.

    Args:
        perfect: supercell of N atoms; frames in other cells are left out.
        keys: names of the labels in extxyz.

    Raises:
        InputError: naming file and frame: unreadable, without times, of another structure
            (`registration.register`), or no frame of a file is in this supercell.
    """
    return [frame for path in paths for frame in trajectory(path, perfect, keys)]


def of_seeds(paths: Iterable[Path], perfect: Atoms) -> list[Atoms]:
    """Frames with times of seeds that are registered already, those in this supercell."""
    labels = [frame for path in paths for frame in read_labels(path)]
    timed = [frame for frame in labels if FrameInfo.of(frame).time is not None]
    return [frame for frame in timed if sites.in_cell(frame, perfect, LARGEST_STRAIN)]


def trajectory(path: Path, perfect: Atoms, keys: LabelKeys | None = None) -> list[Atoms]:
    """The frames of one file; as `read`. Runs in one file that begin at time 0 again are several
    trajectories."""
    labels, _ = given.inspected(path, keys=keys or LabelKeys())
    frames = _placed(labels, path, perfect)
    runs = _runs(frames, path)
    for run_index, run in enumerate(runs, start=1):
        text = str(path) if len(runs) == 1 else f"{path} run {run_index}"
        for frame in run:
            frame_info.mark(frame, origin=Origin(kind="other", text=text))
    return [frame for run in runs for frame in run]


def _runs(frames: Sequence[Atoms], path: Path) -> list[list[Atoms]]:
    """Stretches of frames whose times increase.

    Raises:
        InputError: they are so short that the file is no trajectory.
    """
    runs = [[frames[0]]]
    times = [FrameInfo.of(frame).time or 0.0 for frame in frames]
    for frame, earlier, time in zip(frames[1:], times, times[1:], strict=False):
        if time <= earlier:
            runs.append([])
        runs[-1].append(frame)
    if len(frames) > 1 and len(frames) < SHORTEST * len(runs):
        raise InputError(
            f"verdict.reference: {path}: times do not increase at {len(runs) - 1} of {len(frames)} "
            "frames: reference MD is read in order of time; give each run as a file of its own, "
            "with `time` in fs"
        )
    return runs


def check(frames: Sequence[Atoms], path: Path, perfect: Atoms) -> None:
    """Raise what `read` would raise, for the first frames of a file."""
    _placed(frames, path, perfect)


def _placed(frames: Sequence[Atoms], path: Path, perfect: Atoms) -> list[Atoms]:
    for frame_index, frame in enumerate(frames):
        if FrameInfo.of(frame).time is None:
            raise InputError(
                f"verdict.reference: {path} frame {frame_index}: no time: the verdict on events "
                "needs reference MD with `time` (fs) in every frame (a key of the comment line in "
                "extxyz; FHI-vibes' .son and .nc have it)"
            )
    placed, report = registration.register(frames, perfect, f"verdict.reference: {path}")
    log.info("%s", report)
    usable = [frame for frame in placed if sites.in_cell(frame, perfect, LARGEST_STRAIN)]
    if not usable:
        raise InputError(
            f"verdict.reference: {path}: none of {len(frames)} frames is in the sampling supercell "
            f"of {perfect.symbols} ({len(perfect)} atoms): give reference MD of that cell"
        )
    return usable
