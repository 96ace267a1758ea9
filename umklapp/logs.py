"""Everything a job prints goes to its log file, native libraries included."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def log_to(path: str | Path) -> None:
    """Send this process's standard output and error to `path`, line by line, and what it logs."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    show(sys.stderr)
    warnings.simplefilter("ignore", FutureWarning)


def show(stream: TextIO) -> None:
    """Write what the library logs from INFO on, and warnings of other libraries, to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Plain())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("umklapp").setLevel(logging.INFO)


@contextmanager
def without_warnings() -> Iterator[None]:
    """No warnings of libraries within the block; afterwards they are as they were."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Plain(logging.Formatter):
    """Progress as it is; what is more serious with its level and the module that says it."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One entry."""
        return record.getMessage() if record.levelno == logging.INFO else super().format(record)
