"""What every reference engine promises."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from ase import Atoms
from ase.calculators.calculator import Calculator
from pydantic.dataclasses import dataclass

from umklapp.records import Record

Reason = Literal[
    "scf_not_converged", "timeout", "out_of_memory", "crashed", "not_finite", "not_in_table"
]


@dataclass(frozen=True)
class Failure:
    """A frame that got no label, and why. It never stops its siblings."""

    frame_id: str
    reason: Reason
    message: str
    attempts: int


class FailureRecord(Record):
    """{frame_id}.failed.json of the ledger: a `Failure`."""

    frame_id: str
    reason: Reason
    message: str
    attempts: int

    @property
    def failure(self) -> Failure:
        """What happened."""
        return Failure(self.frame_id, self.reason, self.message, self.attempts)


class Failures(Record):
    """{chunk}.failed.json: the candidates of a chunk that got no label."""

    failed: list[Failure]


class Engine(Protocol):
    """A source of energies (eV), forces (eV/Å) and stresses (eV/Å³)."""

    name: str
    settings_hash: str
    """Same hash, same physics: labels of equal hash can be trained on together."""

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """An ASE calculator that is kept while atoms move (MD, relaxation).

        `symmetric` tells the engine that the cell keeps its space group.
        """

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """Labelled copy of `atoms`, or the `Failure` after one retry with the engine's remedy."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in this block after so many seconds of wall time."""

    def expired(*_: object) -> None:
        raise TimeoutError(f"no result after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
