"""A trial of an HDF5 file in a process of its own: a damaged one can send the library into a loop.

`python -m umklapp.crystals.formats.hdf5_trial FILE SECONDS` touches everything in a file.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import h5py

from umklapp.errors import InputError

SECONDS = 30
"""Of the processor; the trial of a whole file takes one, most of it for Python."""


def survive(path: Path, name: str, seconds: int = SECONDS) -> None:
    """Once for every state of a file: does the library come back from it?

    Errors that the library reports are left to whoever reads the file.

    Args:
        name: of the file in messages, which may be packed where `path` is not.

    Raises:
        InputError: the library reads the file for ever, or crashes on it.
    """
    if path.is_file():
        state = path.stat()
        _survive(path, name, seconds, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=256)
def _survive(path: Path, name: str, seconds: int, state: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "umklapp.crystals.formats.hdf5_trial", str(path), str(seconds)]
    status = subprocess.run(command, capture_output=True, check=False).returncode
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise InputError(
            f"{name}: the HDF5 library is still reading this file after {seconds} s of the "
            "processor: it is damaged; compare it with its original"
        )
    if status < 0:
        raise InputError(
            f"{name}: the HDF5 library crashes on this file (signal {-status}): compare it "
            "with its original"
        )


def touch_all(path: Path) -> None:
    """Open a file; read its attributes and the first row of every variable."""
    with h5py.File(path) as file:
        dict(file.attrs)
        for name in file:
            item = file[name]
            dict(item.attrs)
            if isinstance(item, h5py.Dataset):
                item[:1] if item.shape else item[()]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 1))
    try:
        touch_all(Path(sys.argv[1]))
    except Exception as error:  # said by the reader
        sys.exit(str(error))
