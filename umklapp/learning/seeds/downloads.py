"""A polite HTTP client: rate limit, waiting when the server is busy, downloads that go on."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from umklapp.errors import CalculationError, InputError

log = logging.getLogger(__name__)

BUSY = (429, 502, 503, 504)
"""Status of a server that asks to come back later."""

CUT = (http.client.HTTPException, ConnectionError, TimeoutError)
"""What a connection raises that breaks within an answer."""

ATTEMPTS = 4
"""Tries without any progress before giving up."""

BLOCK = 1 << 20


@dataclass
class Server:
    """One server, and the manners of this job towards it.

    Attributes:
        base: address that all paths are relative to.
        interval: least time between two requests (s).
        patience: longest wait while the server is busy (s).
        timeout: of one read from the network (s).
    """

    base: str
    interval: float = 1.0
    patience: float = 600.0
    timeout: float = 60.0
    _last: float = field(default=-1e9, repr=False)

    def address(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Full address; the path is quoted, its slashes are kept."""
        text = f"{self.base.rstrip('/')}/{urllib.parse.quote(path.lstrip('/'))}"
        return f"{text}?{urllib.parse.urlencode(query)}" if query else text

    def open(
        self, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> http.client.HTTPResponse:
        """An answer with status 200, after as much waiting as the server wants.

        Raises:
            InputError: the server says that there is no such thing, or that the request is wrong.
            CalculationError: it cannot be reached, or stays busy for longer than `patience`.
        """
        address = self.address(path, query)
        headers = {"Accept": "*/*", "User-Agent": "umklapp"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        waited, failures = 0.0, 0
        while True:
            time.sleep(max(0.0, self._last + self.interval - time.monotonic()))
            self._last = time.monotonic()
            request = urllib.request.Request(address, data, headers)
            try:
                return urllib.request.urlopen(request, timeout=self.timeout)
            except urllib.error.HTTPError as error:
                if error.code not in BUSY:
                    raise InputError(f"{address}: {error.code} {_detail(error)}") from None
                pause = _pause(error, waited)
                if waited + pause > self.patience:
                    raise CalculationError(
                        f"{address}: the server is busy ({error.code}, next try after "
                        f"{pause:.0f} s); run again later, what was downloaded is kept"
                    ) from None
                log.info(f"{address}: {error.code}, waiting {pause:.1f} s")
            except (urllib.error.URLError, *CUT) as error:
                failures += 1
                pause = min(2.0**failures, 30.0) * min(1.0, self.interval)
                if failures >= ATTEMPTS:
                    raise CalculationError(
                        f"{address}: the server cannot be reached ({error}); is there a network "
                        "on this machine? What was downloaded is kept"
                    ) from None
            time.sleep(pause)
            waited += pause

    def json(
        self, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """The answer as json; an answer that is cut is asked for again.

        Raises:
            InputError, CalculationError: as `open`; or there is no json in the answer.
        """
        for _ in range(ATTEMPTS):
            try:
                with self.open(path, query, body) as answer:
                    return dict(json.loads(answer.read()))
            except CUT as error:
                log.info(f"{self.address(path)}: cut off ({error!r}), again")
            except (ValueError, TypeError) as error:
                raise CalculationError(f"{self.address(path)}: no json: {error}") from None
        raise CalculationError(f"{self.address(path)}: every answer was cut off")


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError, *CUT):
        return str(error.reason)


def _pause(error: urllib.error.HTTPError, waited: float) -> float:
    """Seconds that the server asks for, in either form of Retry-After; else as long again."""
    wanted = error.headers.get("Retry-After", "")
    try:
        return max(0.0, float(wanted))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(wanted)
    except (TypeError, ValueError):
        return min(60.0, max(1.0, waited))
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


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
    server: Server, path: str, target: Path, size: int, checksum: str | None = None
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
        found = part.stat().st_size
        part.unlink()
        raise CalculationError(
            f"{target.name}: {found} bytes came, the listing says {size}; the file is deleted, "
            "run again"
        )
    part.replace(target)
    return _checked(target, checksum)


def _append(server: Server, path: str, part: Path, have: int, size: int) -> None:
    with server.open(path, {"offset": have} if have else None) as answer:
        whole = have and answer.headers.get("Content-Length") == str(size)
        with part.open("wb" if whole or not have else "ab") as file:
            while block := answer.read1(BLOCK):  # what came before a break is kept
                file.write(block)
                if file.tell() > size:
                    return


def _checked(path: Path, checksum: str | None) -> str:
    found = sha256(path)
    if checksum is not None and found != checksum:
        path.unlink()
        raise CalculationError(
            f"{path.name}: SHA-256 is {found}, {checksum} is expected; the file is deleted (no "
            "other is), run again; if that does not help the checksum itself is of another file"
        )
    return found
