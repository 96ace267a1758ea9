"""Files as bytes or text, unpacked by what they are, with errors that name the file.

Text is UTF-8, with or without the byte order mark that programs of Windows put before it.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from umklapp.errors import InputError

UNPACKERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
"""By the first bytes of the packed file."""

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""First bytes of such a text."""

UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeDecodeError)
"""What damaged or missing files raise while they are read."""


def opened(path: Path) -> IO[bytes]:
    """The file's bytes; gzip, bzip2 and xz are unpacked whatever its name.

    Raises:
        OSError: no such file, or it cannot be opened.
    """
    with path.open("rb") as file:
        first = file.read(6)
    for mark, unpacker in UNPACKERS.items():
        if first.startswith(mark):
            return cast(IO[bytes], unpacker(path, "rb"))
    return path.open("rb")


def is_packed(path: Path) -> bool:
    """Whether the file is packed by one of `UNPACKERS`."""
    with path.open("rb") as file:
        return file.read(6).startswith(tuple(UNPACKERS))


@contextmanager
def plain(path: Path, name: str = "plain") -> Iterator[Path]:
    """A path for libraries that open a file themselves: its own, or of an unpacked copy within the
    block.

    Args:
        name: of the copy. Another file than a packed one is itself, whatever its name.

    Raises:
        OSError: as `opened`.
    """
    if not is_packed(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        with opened(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield copy


@contextmanager
def opened_text(path: Path, errors: str = "strict") -> Iterator[IO[str]]:
    """The file as text, within the block; a packed one in memory, because ASE reads to and fro.

    Raises:
        OSError: as `opened`.
    """
    if is_packed(path):
        with opened(path) as file:
            yield io.StringIO(file.read().decode("utf-8-sig", errors))
        return
    with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", errors=errors) as text:
        yield text


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Errors of damaged files within the block become sentences.

    Raises:
        InputError: there is no such file, or another of `UNREADABLE` was raised; it is named.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except UNREADABLE as error:
        cause = str(error).removesuffix(f": '{path}'") or type(error).__name__
        raise InputError(f"{path}: cannot be read: {cause[:300]}") from None
