"""What every reference engine promises."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Literal, Protocol

from ase import Atoms
from ase.calculators.calculator import Calculator
from pydantic.dataclasses import dataclass

from umklapp.records import Record

Reason = Literal[
    "scf_not_converged",
    "timeout",
    "out_of_memory",
    "crashed",
    "killed",
    "not_finite",
    "not_in_table",
]

IMPORTING = "<frozen importlib._bootstrap>"
"""File name of the frames of Python in which a module is being imported."""

PATIENCE = 0.2
"""s; a time limit that strikes in an import looks again after so long."""


@dataclass(frozen=True)
class Failure:
    """A frame that got no label, and why. It never stops its siblings.

    limit: what was too small, where there is such a thing: seconds of a `timeout`, iterations of
    `scf_not_converged`, starts of a frame that was `killed`. With a larger one it is tried again.
    """

    frame_id: str
    reason: Reason
    message: str
    attempts: int
    limit: float | None = None

    def final(self, limits: Mapping[str, float]) -> bool:
        """Whether the frame would fail again.

        Args:
            limits: today's, by the reason of the failures that they lead to.
        """
        today = limits.get(self.reason)
        return today is None or self.limit is None or today <= self.limit


class FailureRecord(Record):
    """{frame_id}.failed.json of the ledger: a `Failure`."""

    VERSION: ClassVar[int] = 2

    frame_id: str
    reason: Reason
    message: str
    attempts: int
    limit: float | None = None

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Before version 2 the limit of a timeout stood in its message alone."""
        said = re.search(r"no result after ([0-9.]+(?:e[+-]\d+)?) s", str(data.get("message")))
        timeout = said is not None and data.get("reason") == "timeout"
        return {"limit": float(said[1]) if said and timeout else None, **data}

    @property
    def failure(self) -> Failure:
        """What happened."""
        return Failure(self.frame_id, self.reason, self.message, self.attempts, self.limit)


class Failures(Record):
    """{chunk}.failed.json: the candidates of a chunk that got no label."""

    failed: list[Failure]


class Engine(Protocol):
    """A source of energies (eV), forces (eV/Å) and stresses (eV/Å³)."""

    name: str
    settings_hash: str
    """Same hash, same physics: labels of equal hash can be trained on together."""

    @property
    def limits(self) -> Mapping[str, float]:
        """Limits of the engine itself, by the reason of the failures that they lead to."""

    @property
    def earlier_hashes(self) -> Mapping[str, float | None]:
        """Hashes that earlier versions gave to the same physics, with the iteration cap of each."""

    def made_by(self, calculator: Calculator) -> str | None:
        """Name and version of the program behind a finished calculation; None: not known."""

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """An ASE calculator that is kept while atoms move (MD, relaxation).

        `symmetric` tells the engine that the cell keeps its space group.
        """

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """Labelled copy of `atoms`, or the `Failure` after one retry with the engine's remedy."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in this block after so many seconds of wall time.

    An import is not struck: a module that is half there would fail every later frame of the job.
    """

    def expired(_: int, frame: FrameType | None) -> None:
        if _importing(frame):
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            return
        raise TimeoutError(f"no result after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported where a signal has struck."""
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False
