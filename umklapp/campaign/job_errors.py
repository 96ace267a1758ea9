"""What jobs have died of, one line each: the errors that a user is meant to read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from umklapp.files import is_full

TAIL = 20_000
"""Bytes at the end of a log in which an error is looked for."""

LONGEST = 1500
"""Characters of a line."""

ERROR = re.compile(r"^umklapp\.errors\.\w+: (.+)\Z", re.MULTILINE | re.DOTALL)


def last_words(path: Path) -> str | None:
    """The error that a job's log ends with, on one line; None for another end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        text = file.read().decode(errors="replace").rstrip()
    if not (last := list(re.finditer(r"^umklapp\.errors\.", text, re.MULTILINE))):
        return None
    match = ERROR.search(text[last[-1].start() :])
    return " ".join(match[1].split())[:LONGEST] if match else None


def full_disk(folder: Path) -> Iterator[str]:
    """That the disk of the results is full, where it is: then a job's log may hold nothing."""
    if is_full(folder):
        yield (
            f"the disk of {folder.resolve()} is full: make space and start again. What is finished "
            "is kept, and the run goes on where it was"
        )


def of_run(logs: Path, begun: float) -> Iterator[str]:
    """Errors in the logs that were written since `begun` (s since 1970), with the log's path."""
    for folder, _, names in sorted(os.walk(logs)):
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix == ".log" and path.stat().st_mtime >= begun:
                sentence = last_words(path)
                if sentence:
                    yield f"{sentence} [{path}]"
