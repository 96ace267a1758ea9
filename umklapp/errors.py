"""Errors that a user is meant to read: what happened, where, and what to do."""


class UmklappError(Exception):
    """Base of every error the library raises on purpose."""


class InputError(UmklappError):
    """Something the user gave (config, table, structure, frames) cannot be used as it is."""


class CalculationError(UmklappError):
    """A calculation failed in a way that its caller must decide about."""


class StorageError(UmklappError, OSError):
    """A file cannot be written: the disk is full, a quota used up, or a folder read-only."""
