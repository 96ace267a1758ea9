"""What the library logs, as a list; and jobs that are killed where they log a certain line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class KilledError(Exception):
    """The end of a job from outside."""


class Listener(logging.Handler):
    """Keeps messages; the first one that begins with `last` raises `KilledError`."""

    def __init__(self, last: str | None) -> None:
        super().__init__(logging.INFO)
        self.last, self.messages = last, []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        if self.last is not None and self.messages[-1].startswith(self.last):
            raise KilledError


@contextmanager
def logged(killed_at: str | None = None) -> Iterator[list[str]]:
    """Messages of the library within the block; the job is killed at one that begins so."""
    listener, logger = Listener(killed_at), logging.getLogger("umklapp")
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield listener.messages
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
