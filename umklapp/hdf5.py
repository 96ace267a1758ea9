"""Writing hdf5 files on a disk that may be full.

HDF5 writes while it closes a file, and after an error of the system it tries again and crashes the
process. Here it never sees one: the first error is kept, nothing more is written, and the error is
raised when the file is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import h5py

from umklapp.files import replacing, storing


class _Kept:
    """A file for h5py that keeps its first error of writing. file: without a buffer."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.read, self.seek, self.tell, self.flush = file.read, file.seek, file.tell, file.flush

    def write(self, content: bytes) -> int:
        """All of it, or nothing from the first error on."""
        view = memoryview(content).cast("B")
        try:
            while len(view) and self.error is None:
                view = view[self.file.write(view) :]
        except OSError as error:
            self.error = error
        return len(memoryview(content).cast("B"))

    def readinto(self, buffer: bytearray) -> int:
        """What is in the file; what was not written is zero."""
        view = memoryview(buffer).cast("B")
        count = self.file.readinto(view)  # type: ignore[attr-defined]
        view[count:] = bytes(len(view) - count)
        return len(view)

    def truncate(self, size: int) -> int:
        """The length of the file."""
        try:
            if self.error is None:
                self.file.truncate(size)
        except OSError as error:
            self.error = error
        return size


@contextmanager
def writing(path: Path) -> Iterator[h5py.File]:
    """A new hdf5 file that is at `path` when the block ends without an error, as `replacing`.

    Raises:
        StorageError: the system takes no file there (full, read-only): what to do.
    """
    with replacing(path) as part, _opened(part, "w") as file:
        yield file


@contextmanager
def changing(path: Path) -> Iterator[h5py.File]:
    """An hdf5 file to add to.

    Raises:
        StorageError: as `writing`.
    """
    with storing(path), _opened(path, "r+") as file:
        yield file


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[h5py.File]:
    with path.open("w+b" if mode == "w" else "r+b", buffering=0) as raw:
        kept = _Kept(raw)
        try:
            with h5py.File(kept, mode) as file:
                yield file
        finally:
            if kept.error is not None:
                raise kept.error
