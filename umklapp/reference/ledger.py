"""The memory of every label: what was labelled once is never labelled again.

One file per (settings, frame), written atomically the moment the label exists, outside the files
that Snakemake manages: a killed job loses at most the label it was working on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ase import Atoms

from umklapp.crystals import frame_info, frames
from umklapp.reference.contract import Engine, Failure, FailureRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ledger:
    """Labels and failures of one material under one folder."""

    folder: Path

    def _path(self, engine: Engine, identity: str, suffix: str) -> Path:
        return self.folder / engine.settings_hash / f"{identity}{suffix}"

    def label(self, engine: Engine, identity: str) -> Atoms:
        """The label with this `frame_id`; raises `InputError` when the ledger has none."""
        label = frames.read_frames(self._path(engine, identity, ".extxyz"))[0]
        _sign(label, engine, identity)
        return label

    def find(self, engine: Engine, atoms: Atoms) -> Atoms | Failure | None:
        """The label or the recorded failure of this very frame, if there is one."""
        identity = frames.frame_id(atoms)
        if self._path(engine, identity, ".extxyz").exists():
            label = self.label(engine, identity)
            frame_info.inherit(label, atoms)  # who asks says where it is from
            _sign(label, engine, identity)
            return label
        failed = self._path(engine, identity, ".failed.json")
        if failed.exists():
            return FailureRecord.read(failed).failure
        return None

    def record(self, engine: Engine, result: Atoms | Failure) -> None:
        """Keep a label or a failure for ever."""
        if isinstance(result, Failure):
            path = self._path(engine, result.frame_id, ".failed.json")
            FailureRecord(**asdict(result)).write(path)
        else:
            identity = frame_info.identity(result)
            frames.write_frames(self._path(engine, identity, ".extxyz"), [result])


def _sign(label: Atoms, engine: Engine, identity: str) -> None:
    settings = engine.settings_hash
    frame_info.mark(label, frame_id=identity, engine=engine.name, settings_hash=settings)


def label_frames(
    candidates: Sequence[Atoms],
    engine: Engine,
    ledger: Ledger,
    workdir: Path,
    timeout: float,
) -> tuple[list[Atoms], list[Failure]]:
    """Labels of all candidates, from the ledger where it has them; failures do not stop.

    Returns:
        Labelled frames in the order of the candidates, and the failures.
    """
    labels: list[Atoms] = []
    failures: list[Failure] = []
    for number, atoms in enumerate(candidates):
        where = f"frame {number + 1}/{len(candidates)} ({frames.frame_id(atoms)})"
        result = ledger.find(engine, atoms)
        if result is None:
            result = _finite(engine.label(atoms, workdir, timeout))
            ledger.record(engine, result)
            log.info(f"{where}: {_outcome(result, workdir)}")
            result = ledger.find(engine, atoms) or result  # the very numbers of a later run
        else:
            log.info(f"{where}: known already")
        if isinstance(result, Failure):
            failures.append(result)
        else:
            labels.append(result)
    return labels, failures


def _finite(result: Atoms | Failure) -> Atoms | Failure:
    """The result; a failure where a number of the label is none, whatever engine gave it."""
    if isinstance(result, Failure):
        return result
    name = frames.not_finite(result)
    if name is None:
        return result
    return Failure(frame_info.identity(result), "not_finite", f"{name} is not finite", 1)


def _outcome(result: Atoms | Failure, workdir: Path) -> str:
    if isinstance(result, Failure):
        return (
            f"{result.reason} after {result.attempts} attempts: {result.message} "
            f"(see {workdir}); the frame is skipped and counted"
        )
    return f"E = {result.get_potential_energy():.6f} eV"
