"""Values that a job is given and that its result does not depend on.

Snakemake compares parameters by their `repr`, and leaves out what is no plain value. A time limit
or the command of a program decides whether a result comes, not what it is: its change repeats
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Untracked:
    """A value that is not compared."""

    value: Any


class SameNumber(float):
    """A number that is compared as if it were `shown`."""

    shown: float

    def __new__(cls, value: float, shown: float = 0.0) -> SameNumber:
        """Both numbers."""
        made = super().__new__(cls, value)
        made.shown = shown
        return made

    def __repr__(self) -> str:
        """What Snakemake compares."""
        return repr(self.shown)


class SameSection(dict[str, Any]):
    """A section of the configuration that is compared as if it were `shown`."""

    shown: dict[str, Any]

    def __repr__(self) -> str:
        """What Snakemake compares."""
        return repr(self.shown)


def compared_as(section: dict[str, Any], **shown: Any) -> SameSection:
    """A section that is compared with these of its keys at these values."""
    made = SameSection(section)
    made.shown = {**section, **{key: value for key, value in shown.items() if key in section}}
    return made
