"""acquisition.json: what a round sends to the reference engine, and why."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from umklapp.records import Record


class Batch(Record):
    """How the frames of a round were chosen.

    counts: frames that met each fate, in words; notes: what else must be said; strategy: that was
    used; replicas: how many ended for each reason; checks: rows of the exploration that were drawn
    at random (all chosen ones with the strategy `random`).
    """

    VERSION = 1

    strategy: str
    counts: dict[str, int]
    notes: list[str]
    replicas: dict[str, int]
    checks: list[int] = Field(default_factory=list)

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Files of version 0 know of no frames drawn at random."""
        return {**data, "checks": []}
