"""A polite HTTP client: distance between requests, back-off, bounded tries; keys are never told."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.exceptions import InvalidURL, RequestException
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from urllib3.exceptions import HTTPError

from umklapp.errors import CalculationError, InputError
from umklapp.files import LARGEST_JSON, json_of

log = logging.getLogger(__name__)

BUSY = (429, 500, 502, 503, 504)
"""Status of a server that may answer later."""

CUT = (RequestException, HTTPError, ConnectionError, TimeoutError)
"""What a connection raises that cannot be made, or breaks within an answer."""

LONGEST = 60.0
"""s; the longest pause of our own choice."""

T = TypeVar("T")


class RefusedError(InputError):
    """The server says that there is no such thing, or that the request is wrong.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class UnreachableError(CalculationError):
    """No answer after several tries, or the server stays busy.

    Attributes:
        reason: of the last try, short.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class _TryAgainError(Exception):
    """A try that failed in a way that may pass; `pause`: seconds that the server asks for."""

    def __init__(self, reason: str, busy: bool = False, pause: float | None = None) -> None:
        super().__init__(reason)
        self.busy, self.pause = busy, pause


@dataclass
class Client:
    """One server, and the manners of this job towards it.

    Attributes:
        base: address that all paths are relative to.
        interval: least time between two requests (s).
        patience: longest wait for one answer, all pauses together (s).
        timeout: of one read from the network (s).
        tries: without any answer. busy_tries: in all.
        first_pause: after the first failed try (s), doubled from try to try; the least pause, also
            where the server asks for less.
        secrets: headers that no message shows and no redirect takes to another server.
    """

    base: str
    interval: float = 1.0
    patience: float = 600.0
    timeout: float = 60.0
    tries: int = 4
    busy_tries: int = 50
    first_pause: float = 1.0
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    _last: float = field(default=-math.inf, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would show a secret: libraries put a header that they cannot send, and every
        address, into their messages.

        Raises:
            InputError: a secret that no header can carry; a user or password in the address.
        """
        for name, secret in self.secrets.items():
            if not re.fullmatch(r"[\x21-\x7e]+", secret):
                raise InputError(
                    f"{name}: the secret for {urlsplit(self.base).hostname} has a line break, a "
                    "space or another character that no header carries; write it again (its value "
                    "is not shown)"
                )
        if "@" in urlsplit(self.base).netloc:
            raise InputError(
                f"the address of {urlsplit(self.base).hostname} has a user or password in it, "
                "which would stand in logs and records: take it out (~/.netrc is read)"
            )

    def address(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Full address; the path is quoted, its slashes are kept."""
        text = f"{self.base.rstrip('/')}/{quote(path.lstrip('/'))}"
        return f"{text}?{urlencode(query, safe=',')}" if query else text

    def open(
        self, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> requests.Response:
        """An answer with status 200 whose content is still to be read.

        Args:
            body: sent as json by POST; GET if none.

        Raises:
            RefusedError: the server refuses.
            UnreachableError: it cannot be reached, or stays busy for longer than `patience`.
        """
        address = self.address(path, query)
        return self._persist(address, lambda: self._ask(address, body))

    def json(
        self, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """The answer as json; one that is cut or no json is asked for again.

        Raises:
            RefusedError, UnreachableError: as `open`.
        """
        address = self.address(path, query)

        def whole() -> dict[str, Any]:
            with self._ask(address, body) as answer:
                try:
                    content = json_of(self._content(answer, address))
                    if not isinstance(content, dict):
                        raise ValueError(f"{type(content).__name__}, not a mapping")
                    return content
                except ValueError as error:
                    raise _TryAgainError(f"an answer that is no json ({error})") from None
                except CUT as error:
                    raise _TryAgainError(f"an answer that is cut off ({error!r})") from None

        return self._persist(address, whole)

    def _content(self, answer: requests.Response, address: str) -> bytes:
        """The body of a json answer, unpacked; a small one can unpack to more than the memory."""
        blocks, size = [], 0
        for block in answer.iter_content(1 << 20):
            blocks.append(block)
            size += len(block)
            if size > LARGEST_JSON:
                text = f"{address}: an answer of more than {LARGEST_JSON:.0e} bytes; is it json?"
                raise RefusedError(self._safe(text), answer.status_code)
        return b"".join(blocks)

    def _ask(self, address: str, body: Any) -> requests.Response:
        """One try."""
        time.sleep(max(0.0, self._last + self.interval - time.monotonic()))
        self._last = time.monotonic()
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "umklapp"}
        try:
            answer = requests.request(
                "GET" if body is None else "POST",
                address,
                json=body,
                headers={**headers, **self.secrets},
                timeout=self.timeout,
                stream=True,
                allow_redirects=not self.secrets,
            )
        except InvalidURL as error:
            raise InputError(f"{address}: no address: {error}") from None
        except CUT as error:
            raise _TryAgainError(_cause(error)) from None
        if urlsplit(answer.url).hostname != urlsplit(address).hostname:
            with answer:
                raise RefusedError(
                    f"{address}: the server sends us on to another one, "
                    f"{urlsplit(answer.url).hostname}: if you trust that one, give its address",
                    answer.status_code,
                )
        if answer.status_code == requests.codes.ok:
            return answer
        with answer:
            status = answer.status_code
            if status in BUSY:
                asked = retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))
                raise _TryAgainError(f"HTTP {status}", busy=True, pause=asked)
            raise RefusedError(self._safe(f"{address}: {status} {_detail(answer)}"), status)

    def _persist(self, address: str, attempt: Callable[[], T]) -> T:
        """`attempt` until it succeeds, within the bounds of time and tries."""
        unanswered = 0

        def enough(state: RetryCallState) -> bool:
            nonlocal unanswered
            unanswered += not _failure(state).busy
            return (
                unanswered >= self.tries
                or state.attempt_number >= self.busy_tries
                or state.idle_for + state.upcoming_sleep > self.patience
            )

        def pause(state: RetryCallState) -> float:
            asked = _failure(state).pause
            if asked is None:
                asked = min(LONGEST, self.first_pause * 2.0 ** (state.attempt_number - 1))
            return max(self.first_pause, asked)

        def tell(state: RetryCallState) -> None:
            reason = self._safe(str(_failure(state)))
            log.info(f"{address}: {reason}, waiting {state.upcoming_sleep:.1f} s")

        def give_up(state: RetryCallState) -> T:
            failure = _failure(state)
            reason = self._safe(str(failure))
            if failure.busy:
                text = (
                    f"the server is busy ({reason.removeprefix('HTTP ')}, next try after "
                    f"{state.upcoming_sleep:.0f} s); run again later, what was downloaded is kept"
                )
            else:
                text = (
                    f"the server cannot be reached ({reason}); is there a network on this machine? "
                    "What was downloaded is kept"
                )
            raise UnreachableError(f"{address}: {text}", reason) from None

        persist = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=enough,
            wait=pause,
            sleep=time.sleep,
            before_sleep=tell,
            retry_error_callback=give_up,
        )
        return persist(attempt)

    def _safe(self, text: str) -> str:
        for secret in self.secrets.values():
            text = text.replace(secret, "***")
        return text


def _failure(state: RetryCallState) -> _TryAgainError:
    assert state.outcome is not None
    failure = state.outcome.exception()
    assert isinstance(failure, _TryAgainError)
    return failure


def _cause(error: BaseException) -> str:
    """The innermost reason of a connection that failed, without the address."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner)) or type(error).__name__


def _detail(answer: requests.Response) -> str:
    try:
        return str(json_of(next(answer.iter_content(1 << 16)))["detail"])[:300]
    except StopIteration:
        return str(answer.reason)
    except (ValueError, KeyError, TypeError, *CUT):
        return str(answer.reason)


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds that a server asks for, in either form of Retry-After.

    Returns:
        None where it says nothing that can be waited for: no number, NaN, infinite or negative.
    """
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - now).total_seconds()
        except (TypeError, ValueError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
