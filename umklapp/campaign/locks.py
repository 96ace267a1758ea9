"""One run at a time in a results folder, whichever working folder it was started from.

Locks of the kernel (`flock`) end with the process that holds them, however it ends, so that none is
ever stale. Runs of shards, which work on different materials, may run side by side.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO

from umklapp.errors import InputError
from umklapp.files import json_of

RUN, JOBS = ".run.lock", ".jobs.lock"
"""Files in the results folder: held by a run, and by each of its jobs on this machine."""

PAUSE = 2.0
"""s between two looks at the jobs of an earlier run."""


def take_run(results: Path, shard: str | None = None) -> ExitStack:
    """Lock the results folder for this run; the locks are held until the answer is closed.

    Args:
        shard: label of the part that this run works on; None for all of it.

    Raises:
        InputError: another run works in this folder: where, since when, and what to do.
    """
    held = ExitStack()
    results.mkdir(parents=True, exist_ok=True)
    parts = [(results / RUN, shard is not None)]
    if shard is not None:
        parts.append((results / f"{RUN}-{shard}", False))
    for path, shared in parts:
        file = held.enter_context(path.open("a+"))
        if not _flock(file, shared):
            who = _who(file)
            held.close()
            raise InputError(
                f"results: {results} is in use by another run ({who}): wait for it or end it; two "
                "runs in one folder would do all work twice. Nothing was changed"
            )
        if shared:
            file.truncate(0)  # what an earlier run of everything has signed
        else:
            _sign(file)
    return held


def is_free(results: Path) -> bool:
    """Whether no run works in the results folder."""
    path = results / RUN
    if not path.exists():
        return True
    with path.open() as file:
        return _flock(file, shared=True)


def is_idle(results: Path) -> bool:
    """Whether it is certain that no run works in the results folder.

    It is not where the last run was on another machine: not all file systems share locks.
    """
    path = results / RUN
    if not path.exists() or not is_free(results):
        return False
    try:
        return bool(json.loads(path.read_text())["host"] == socket.gethostname())
    except (ValueError, KeyError, TypeError):
        return False


def take_job(results: Path, shard: str | None = None) -> ExitStack:
    """Tell that a job of this run works in the results folder, until the answer is closed."""
    held = ExitStack()
    try:
        file = held.enter_context((results / _jobs(shard)).open("a+"))
    except OSError:
        return held  # a folder that this machine may not write to has no lock, and no job either
    _flock(file, shared=True)
    return held


def wait_for_jobs(results: Path, shard: str | None, say: Callable[[str], None]) -> None:
    """Wait until no job of a run that was killed works in the results folder on this machine."""
    paths = sorted(results.glob(f"{JOBS}*")) if shard is None else [results / _jobs(shard)]
    for path in paths:
        with path.open("a+") as file:
            announced = False
            while not _flock(file, shared=False):
                if not announced:
                    say(f"Jobs of an earlier run still work in {results}; waiting for them.")
                    announced = True
                time.sleep(PAUSE)


def drop_stale(folder: Path, results: Path) -> int:
    """Remove Snakemake's own locks of runs in this results folder; returns how many.

    To be called with the run's lock held for all materials: no other run can be alive there.

    Args:
        folder: `.snakemake/locks` of the working folder.
    """
    dropped = 0
    for output in sorted(folder.glob("*.output.lock")):
        if all(Path(line).is_relative_to(results) for line in _lines(output)):
            for path in (output, output.with_name(output.name.replace("output", "input"))):
                path.unlink(missing_ok=True)
            dropped += 1
    return dropped


def _jobs(shard: str | None) -> str:
    return JOBS if shard is None else f"{JOBS}-{shard}"


def _lines(path: Path) -> Iterator[str]:
    yield from filter(None, path.read_text().splitlines())


def _flock(file: IO[str], shared: bool) -> bool:
    """Whether the lock could be had; a file system without locks has every lock."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _sign(file: IO[str]) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    who = {"host": socket.gethostname(), "process": os.getpid(), "folder": str(Path.cwd())}
    file.truncate(0)
    file.write(json.dumps({**who, "since": now}) + "\n")
    file.flush()


def _who(file: IO[str]) -> str:
    file.seek(0)
    try:
        who = json_of(file.read())
        return (
            f"process {who['process']} on {who['host']}, started in {who['folder']} at "
            f"{who['since']}"
        )
    except (ValueError, KeyError, TypeError):
        return "of shards, or just begun"
