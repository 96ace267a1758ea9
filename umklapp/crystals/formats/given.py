"""Labelled frames that somebody else made: which format a file has, and what is taken from it."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from umklapp.config import GivenLabels, LabelKeys
from umklapp.crystals import frame_info, registration
from umklapp.crystals.formats import (
    aims,
    border,
    distances,
    extxyz,
    force_sets,
    foreign,
    packed,
    vibes,
    vibes_netcdf,
)
from umklapp.crystals.formats.border import FileReport, Inspected
from umklapp.crystals.formats.steps import Step
from umklapp.crystals.frame_info import Origin
from umklapp.crystals.materials import composition
from umklapp.errors import InputError
from umklapp.wording import counted

log = logging.getLogger(__name__)

Trajectory = Literal["son", "nc", "aims"]
"""Formats that may be long, and are read step by step; the others are read at once."""

Small = Literal["params", "extxyz", foreign.Kind]

Format = Literal[Trajectory, Small]

OWN_UNITS: tuple[Format, ...] = ("son", "nc", "aims", "params", "vasprun", "OUTCAR")
"""Formats that say their units; in the others a user may have written any."""

PEEK = 20_000
"""Bytes at the beginning of a file that tell its format."""

OTHER_VOLUME = 0.2
"""Relative difference of the volumes of two frames from which on the second is looked at, too."""

ASE_NAMES = LabelKeys()
"""Labels under ASE's own names."""


def format_of(path: Path) -> Format:
    """The format of a file, by its content.

    Raises:
        InputError: there is no such file, it cannot be opened or unpacked, or it is of a format
            that is not read, which is named.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: cannot be read: a folder, a pipe or a device, not a file")
    with packed.readable(path), packed.opened(path) as file:
        first = file.read(PEEK).removeprefix(codecs.BOM_UTF8)
    if first.startswith((b"\x89HDF", b"CDF")):
        return "nc"
    if aims.MARK.encode() in first:
        return "aims"
    if first.lstrip().startswith(b"{"):
        return "son"
    if force_sets.is_params(path):
        return "params"
    kind = foreign.kind_of(first)
    if kind is None:
        foreign.refuse_unknown(path, first)
        return "extxyz"
    return kind


def _steps(path: Path, kind: Trajectory, every: int, skip: int) -> Iterator[Step]:
    if kind == "nc":
        return vibes_netcdf.read(path, every, skip)
    return (vibes.read if kind == "son" else aims.read)(path, every, skip)


def read(
    path: Path,
    every: int = 1,
    skip: int = 0,
    keys: LabelKeys = ASE_NAMES,
    notes: list[str] | None = None,
) -> Iterator[Atoms]:
    """Labelled frames skip, skip + every, … in the order of the file, each of them *believed*
    (`border`); of trajectories one in memory at a time.

    Formats: FHI-vibes' trajectory.son and .nc, FHI-aims' output, extxyz, vasprun.xml, OUTCAR, ASE's
    .traj and .db, and the yaml of phonopy and phono3py; text formats also packed.

    Args:
        keys: names of the labels in extxyz. notes: sentences about what was read are added to it.

    Raises:
        InputError: naming file and frame: unreadable, truncated, without labels, not finite, not
            periodic, atoms on each other, or frames of several compositions.
    """
    volume = 0.0
    for index, frame in enumerate(
        _believed(path, every, skip, keys, [] if notes is None else notes)
    ):
        own = frame.cell.volume / len(frame)
        if not abs(own / (volume or np.inf) - 1) < OTHER_VOLUME:
            volume = own
            distances.check_unit(frame, f"{path} frame {skip + index * every}")
        yield frame


def _believed(
    path: Path, every: int, skip: int, keys: LabelKeys, notes: list[str]
) -> Iterator[Atoms]:
    kind = format_of(path)
    if kind == "son" or kind == "nc" or kind == "aims":
        with packed.readable(path):
            for step_index, step in enumerate(_steps(path, kind, every, skip)):
                where = f"{path} frame {skip + step_index * every}"
                yield border.believed(step.frame(where), where)
        return
    yield from islice(_whole(path, kind, keys, notes), skip, None, every)


def _whole(path: Path, kind: Small, keys: LabelKeys, notes: list[str]) -> Iterator[Atoms]:
    if kind == "params":
        yield from force_sets.read_labelled(path, notes)
        return
    labels = extxyz.read(path, keys, notes) if kind == "extxyz" else foreign.read(path, kind, notes)
    formula = None
    for frame_index, frame in enumerate(labels):
        where = f"{path} frame {frame_index}"
        if len(frame) == 0:
            raise InputError(f"{where}: no atoms; is the file damaged?")
        if (frame.numbers < 1).any() or (frame.numbers >= len(chemical_symbols)).any():
            raise InputError(f"{where}: an unknown species; is the file damaged?")
        formula = formula or composition(frame)
        if composition(frame) != formula:
            raise InputError(f"{where}: composition {frame.symbols}, frame 0 is {formula}")
        yield border.believed(frame, where)


def inspected(
    path: Path, every: int = 1, skip: int = 0, keys: LabelKeys = ASE_NAMES
) -> tuple[list[Atoms], FileReport]:
    """All frames that `read` gives, in order of time and without copies, after a look at them
    together (`border.inspect`); each is marked with what was not tested (`FrameInfo.untested`).

    Raises:
        InputError: as `read` and `border.inspect`.
    """
    labels, _, report = _inspected(path, every, skip, keys)
    return labels, report


def _inspected(path: Path, every: int, skip: int, keys: LabelKeys) -> Inspected:
    notes: list[str] = []
    labels = list(read(path, every, skip, keys, notes))
    if not labels:
        raise InputError(f"{path}: no frames are left after skip {skip}")
    numbers = [skip + every * n for n in range(len(labels))]
    seen = border.inspect(labels, str(path), numbers, notes, format_of(path) in OWN_UNITS)
    for frame in seen.frames:
        frame_info.mark(frame, untested="; ".join(seen.report.untested) or None)
    return seen


def count(path: Path, every: int = 1, skip: int = 0, keys: LabelKeys = ASE_NAMES) -> int:
    """Number of frames that `read` gives, without reading those of long trajectories."""
    kind = format_of(path)
    with packed.readable(path):
        if kind == "son":
            total = vibes.count(path)
        elif kind == "nc":
            total = vibes_netcdf.count(path)
        elif kind == "aims":
            total = aims.count(path)
        else:
            total = sum(1 for _ in read(path, keys=keys))
    return len(range(skip, total, every))


def first(path: Path, skip: int = 0, keys: LabelKeys = ASE_NAMES) -> list[Atoms]:
    """What is looked at before any job: all frames of a small format, one of a trajectory.

    Raises:
        InputError: as `read`; of small formats also as `border.inspect`.
    """
    if format_of(path) in get_args(Trajectory):
        return list(islice(read(path, 1, skip), 1))
    return inspected(path, 1, skip, keys)[0]


def take(
    paths: Iterable[Path],
    settings: GivenLabels,
    generator: np.random.Generator,
    origin: Origin,
    perfect: Atoms | None,
) -> tuple[list[Atoms], list[FileReport]]:
    """The frames that a seed asks for, file after file, each in order of time, on the sites; and
    what was seen in every file.

    Every file is an origin of its own, so that the split cuts each of them in time.

    Args:
        perfect: supercell whose sites frames of its size are laid on (`registration`); with None
            they stay as they are.

    Raises:
        InputError: as `inspected` and `registration.register`; or nothing is left, or less than
            `settings.count`.
    """
    paths = list(paths)
    labels, reports = [], []
    for file_index, path in enumerate(paths):
        own = origin if len(paths) == 1 else origin.model_copy(update={"index": file_index})
        frames, numbers, seen = _inspected(path, settings.every, settings.skip, settings.keys)
        reports.append(seen)
        if perfect is not None:
            frames, report = registration.register(frames, perfect, str(path), numbers)
            log.info("%s", report)
        for frame in frames:
            frame_info.mark(frame, origin=own)
        labels += frames
    where = str(paths[0]) if len(paths) == 1 else counted(len(paths), "file")
    if not labels:
        raise InputError(f"{where}: no frames are left after skip {settings.skip}")
    if settings.count is None:
        return labels, reports
    if settings.count > len(labels):
        raise InputError(f"count: {settings.count} frames wanted, {where} gave {len(labels)}")
    chosen = sorted(generator.permutation(len(labels))[: settings.count])
    return [labels[index] for index in chosen], reports
