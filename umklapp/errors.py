"""Errors that a user is meant to read: what happened, where, and what to do."""

import re

NULLS = re.compile(r"(?:\x00|\\x00){3,}")
"""Bytes of zero, as a file has them that a crash of the machine has cut."""


class UmklappError(Exception):
    """Base of every error the library raises on purpose."""

    def __str__(self) -> str:
        """The sentence; of a damaged file it may quote thousands of zeros, which are left out."""
        return NULLS.sub(" (bytes of zero) ", super().__str__())


class InputError(UmklappError):
    """Something the user gave (config, table, structure, frames) cannot be used as it is."""


class CalculationError(UmklappError):
    """A calculation failed in a way that its caller must decide about."""


class StorageError(UmklappError, OSError):
    """A file cannot be written: the disk is full, a quota used up, or a folder read-only."""
