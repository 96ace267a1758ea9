"""Times of result files: a copied folder gets back the order that Snakemake reads from them.

Snakemake makes a file again that is older than what it was made of. `cp -r` and archives give every
file the time of the copy, in the order of the names, so a finished campaign would be done again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from umklapp.campaign import locks
from umklapp.files import json_of, write_json

NAME = ".times.json"
STEP = 1_000_000
"""ns between the times of two files that had different ones."""


def _files(results: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(results):
        names[:] = [name for name in names if name not in ("scratch", "ledger")]
        yield from (
            Path(folder) / name
            for name in files
            if not name.startswith(".") or name == ".snakemake_timestamp"
        )


def _identity(results: Path) -> int:
    """The same on every machine that sees the folder, and after it was moved; not of a copy."""
    return results.stat().st_ino


def remember(results: Path) -> None:
    """Write down when every file was made, and which folder this is."""
    times = {}
    for path in _files(results):
        stat = path.stat()
        times[str(path.relative_to(results))] = [stat.st_size, stat.st_mtime_ns]
    write_json(results / NAME, {"folder": _identity(results), "times": times})


def settle(results: Path) -> int:
    """Bring the times of a copy into the order that they had; returns how many files were touched.

    Only where the folder is not the one in which they were written down. What has another size than
    then, or is not in the list, comes after everything else, as work done since.
    """
    path = results / NAME
    try:
        content = json_of(path.read_text())
        there, times = content["folder"], dict(content["times"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    if there == _identity(results):
        return 0
    by_time: dict[int, list[Path]] = {}
    since: list[Path] = []
    lost = False
    for file in _files(results):
        size, made = times.get(str(file.relative_to(results)), (None, 0))
        stat = file.stat()
        if stat.st_size == size:
            by_time.setdefault(made, []).append(file)
            lost = lost or stat.st_mtime_ns != made
        else:
            since.append(file)
    if not lost:  # cp -p, rsync -t
        remember(results)
        return 0
    later = sorted(since, key=lambda file: file.stat().st_mtime_ns)
    groups = [*(by_time[made] for made in sorted(by_time)), *([file] for file in later)]
    begin = time.time_ns() - STEP * len(groups)
    for rank, group in enumerate(groups):
        for file in group:
            os.utime(file, ns=(begin + rank * STEP, begin + rank * STEP))
    remember(results)
    return sum(map(len, groups))


def settle_for_reading(results: Path) -> None:
    """`settle` for a command that only reads; not while a run is at work, nor without the right.

    The status of a round is read from the order of times: in a plain copy a round that an earlier
    run has left would seem to be at work.
    """
    with suppress(OSError):
        if locks.is_free(results):
            settle(results)
