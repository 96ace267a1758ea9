"""Everything a job prints goes to its log file, native libraries included."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path


def log_to(path: str | Path) -> None:
    """Send this process's standard output and error to `path`, line by line."""
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
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("umklapp").setLevel(logging.INFO)
    warnings.simplefilter("ignore", FutureWarning)
