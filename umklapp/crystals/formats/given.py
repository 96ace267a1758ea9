"""Labelled frames that somebody else made: which format a file has, and what is taken from it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from ase import Atoms

from umklapp.config import GivenLabels
from umklapp.crystals import frame_info, registration
from umklapp.crystals.formats import aims, force_sets, vibes
from umklapp.crystals.formats.steps import Step
from umklapp.crystals.frame_info import Origin
from umklapp.errors import InputError

log = logging.getLogger(__name__)

Format = Literal["son", "nc", "aims", "frames"]

PEEK = 20_000
"""Bytes at the beginning of a file that tell its format."""


def format_of(path: Path) -> Format:
    """The format of a file, by its content.

    Raises:
        InputError: there is no such file, or it cannot be opened.
    """
    try:
        with vibes.opened(path) as file:
            text = file.read(PEEK)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if text.startswith((b"\x89HDF", b"CDF")):
        return "nc"
    if aims.MARK.encode() in text:
        return "aims"
    if text.lstrip().startswith(b"{"):
        return "son"
    return "frames"


def _steps(path: Path, kind: Format, every: int, skip: int) -> Iterator[Step]:
    if kind == "nc":
        return vibes.read_nc(path, every, skip)
    return (vibes.read_son if kind == "son" else aims.read)(path, every, skip)


def read(path: Path, every: int = 1, skip: int = 0) -> Iterator[Atoms]:
    """Labelled frames skip, skip + every, … in the order of the file; one in memory at a time.

    Formats: FHI-vibes' trajectory.son (.gz, .bz2) and .nc, FHI-aims' output, and what
    `force_sets.read_labelled` reads (those are read at once).

    Raises:
        InputError: naming file and frame: unreadable, truncated, without labels, not finite.
    """
    kind = format_of(path)
    if kind == "frames":
        yield from force_sets.read_labelled(path)[skip::every]
        return
    for number, step in enumerate(_steps(path, kind, every, skip)):
        yield step.frame(f"{path} frame {skip + number * every}")


def count(path: Path, every: int = 1, skip: int = 0) -> int:
    """Number of frames that `read` gives, without reading those of long trajectories."""
    kind = format_of(path)
    if kind == "son":
        total = vibes.count_son(path)
    elif kind == "nc":
        total = vibes.count_nc(path)
    else:
        total = aims.count(path) if kind == "aims" else len(force_sets.read_labelled(path))
    return len(range(skip, total, every))


def first(path: Path, skip: int = 0) -> list[Atoms]:
    """What is looked at before any job: all frames of a small format, one of a trajectory."""
    return list(islice(read(path, 1, skip), None if format_of(path) == "frames" else 1))


def take(
    paths: Iterable[Path],
    settings: GivenLabels,
    generator: np.random.Generator,
    origin: Origin,
    perfect: Atoms | None,
) -> list[Atoms]:
    """The frames that a seed asks for, file after file, each in order of time, on the sites.

    Every file is an origin of its own, so that the split cuts each of them in time.

    Args:
        perfect: supercell whose sites frames of its size are laid on (`registration`); with None
            they stay as they are.

    Raises:
        InputError: as `read` and `registration.register`; or nothing is left, or less than
            `settings.count`.
    """
    paths = list(paths)
    found = []
    for number, path in enumerate(paths):
        own = origin if len(paths) == 1 else origin.model_copy(update={"number": number})
        frames = list(read(path, settings.every, settings.skip))
        if perfect is not None:
            numbers = [settings.skip + settings.every * n for n in range(len(frames))]
            frames, report = registration.register(frames, perfect, str(path), numbers)
            log.info("%s", report)
        for frame in frames:
            frame_info.mark(frame, origin=own)
        found += frames
    where = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
    if not found:
        raise InputError(f"{where}: no frames are left after skip {settings.skip}")
    if settings.count is None:
        return found
    if settings.count > len(found):
        raise InputError(f"count: {settings.count} frames wanted, {where} gave {len(found)}")
    chosen = sorted(generator.permutation(len(found))[: settings.count])
    return [found[number] for number in chosen]
