"""Downloads that go on where they broke, and are checked."""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path

from umklapp.errors import CalculationError
from umklapp.web import CUT, Client

log = logging.getLogger(__name__)

ATTEMPTS = 4
"""Tries without any progress before giving up."""

BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """Checksum of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def room_for(folder: Path, size: int) -> None:
    """Raise `CalculationError` when the disk has no room for so many bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise CalculationError(
            f"{folder}: {size / 1e6:.0f} MB are to be downloaded, the disk has {free / 1e6:.0f} MB"
        )


def download(
    server: Client, path: str, target: Path, size: int, checksum: str | None = None
) -> str:
    """Fetch a file; what an earlier call got of it is not fetched again.

    The rest is asked for with the query parameter `offset`, as NOMAD documents it for raw files.

    Args:
        path: on the server. target: where the file goes; `target.part` while it is not complete.
        size: bytes, from the server's listing. checksum: SHA-256, where one is known.

    Returns:
        The SHA-256 of the file.

    Raises:
        CalculationError: not complete after several tries (what is there is kept), or size or
            checksum are wrong (that file is deleted).
    """
    if target.is_file() and target.stat().st_size == size:
        return _checked(target, checksum)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = 0
    while (have := part.stat().st_size if part.exists() else 0) < size:
        try:
            _append(server, path, part, have, size)
        except CUT as error:
            log.info(f"{target.name}: cut off after {part.stat().st_size} of {size} ({error!r})")
        failures = 0 if part.exists() and part.stat().st_size > have else failures + 1
        if failures >= ATTEMPTS:
            raise CalculationError(
                f"{target.name}: no more than {have} of {size} bytes could be fetched; run again "
                "to go on from there"
            )
    if size == 0:
        part.touch()
    if part.stat().st_size != size:
        received = part.stat().st_size
        part.unlink()
        raise CalculationError(
            f"{target.name}: {received} bytes came, the listing says {size}; the file is deleted, "
            "run again"
        )
    part.replace(target)
    return _checked(target, checksum)


def _append(server: Client, path: str, part: Path, have: int, size: int) -> None:
    with server.open(path, {"offset": have} if have else None) as answer:
        whole = have and answer.headers.get("Content-Length") == str(size)
        with part.open("wb" if whole or not have else "ab") as file:
            while block := answer.raw.read1(BLOCK):  # what came before a break is kept
                file.write(block)
                if file.tell() > size:
                    return


def _checked(path: Path, checksum: str | None) -> str:
    digest = sha256(path)
    if checksum is not None and digest != checksum:
        path.unlink()
        raise CalculationError(
            f"{path.name}: SHA-256 is {digest}, {checksum} is expected; the file is deleted (no "
            "other is), run again; if that does not help the checksum itself is of another file"
        )
    return digest
