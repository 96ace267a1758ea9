"""Writing files so that no reader ever meets half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A neighbouring path to write to; it becomes `path` when the block ends without an error.

    Folders are made. After an error the old file, if there was one, is as it was. The neighbour is
    hidden, belongs to this process alone, and has the ending of `path`, by which some libraries
    choose a format.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file at once."""
    with replacing(path) as part:
        part.write_text(text)
