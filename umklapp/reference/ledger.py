"""The memory of every label: what was labelled once is never labelled again.

One file per (settings, frame), written atomically the moment the label exists, outside the files
that Snakemake manages: a killed job loses at most the label it was working on. A frame is marked
before it is labelled, so that one that kills its process is known by the next.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats import border
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError, StorageError
from umklapp.files import is_full, json_of, write_json
from umklapp.records import Record
from umklapp.reference import program_versions
from umklapp.reference.contract import Engine, Failure, FailureRecord
from umklapp.reference.program_versions import Relabelling

log = logging.getLogger(__name__)

TRIES = 3
"""Starts of a frame whose process is killed each time, before it counts as failed."""


class SameSettings(Record):
    """same_as.json in a folder of the ledger: its labels are also those of `settings_hash`."""

    settings_hash: str


@dataclass(frozen=True)
class Ledger:
    """Labels and failures of one material under one folder.

    Args:
        tries: starts of a frame whose process is killed each time, before it counts as failed.
    """

    folder: Path
    tries: int = TRIES

    def _path(self, settings: str, identity: str, suffix: str) -> Path:
        return self.folder / settings / f"{identity}{suffix}"

    def _hashes(self, engine: Engine) -> list[str]:
        """Folders in which this engine's labels may lie, today's first."""
        if not self.folder.is_dir():
            return [engine.settings_hash]
        others = {entry.name for entry in os.scandir(self.folder)} - {engine.settings_hash}
        earlier = sorted(others & set(engine.earlier_hashes)) if others else []
        for name in earlier:
            self._same(name, engine.settings_hash)
        return [engine.settings_hash, *earlier]

    def _same(self, earlier: str, today: str) -> None:
        path = self.folder / earlier / "same_as.json"
        if not path.exists():
            SameSettings(settings_hash=today).write(path)

    def same_settings(self, settings: str) -> str:
        """Today's hash of settings that an earlier version had another hash for."""
        path = self.folder / settings / "same_as.json"
        return SameSettings.read(path).settings_hash if path.exists() else settings

    def label(self, engine: Engine, identity: str) -> Atoms:
        """The label with this `frame_id`.

        Raises:
            InputError: the ledger has none, or its file holds another frame or the label of other
                settings.
        """
        paths = [self._path(name, identity, ".extxyz") for name in self._hashes(engine)]
        label = _read(next((path for path in paths if path.exists()), paths[0]), identity)
        _sign(label, engine, identity)
        return label

    def find(self, engine: Engine, atoms: Atoms) -> Atoms | Failure | None:
        """The label or the recorded failure of this very frame, if there is one.

        Raises:
            InputError: as `label`.
        """
        identity = frames.frame_id(atoms)
        hashes = self._hashes(engine)
        if any(self._path(name, identity, ".extxyz").exists() for name in hashes):
            label = self.label(engine, identity)
            program = FrameInfo.of(label).program
            frame_info.inherit(label, atoms)  # who asks says where it is from
            frame_info.mark(label, program=program)
            _sign(label, engine, identity)
            return label
        for name in hashes:
            failed = self._path(name, identity, ".failed.json")
            if failed.exists():
                failure = FailureRecord.read(failed).failure
                if failure.reason == "scf_not_converged" and failure.limit is None:
                    return replace(failure, limit=engine.earlier_hashes.get(name))
                return failure
        return None

    def record(
        self, engine: Engine, result: Atoms | Failure, again: Relabelling | None = None
    ) -> None:
        """Keep a label or a failure for ever.

        Args:
            again: how a frame is labelled, to compare versions of the program.

        Raises:
            InputError: another version of the program has made the label, and disagrees with the
                one of before (`program_versions.admit`).
        """
        if isinstance(result, Failure):
            path = self._path(engine.settings_hash, result.frame_id, ".failed.json")
            FailureRecord(**asdict(result)).write(path)
        else:
            identity = frame_info.identity(result)
            program_versions.admit(result, self.folder / engine.settings_hash, again)
            frames.write_frames(self._path(engine.settings_hash, identity, ".extxyz"), [result])

    def starts(self, engine: Engine, identity: str) -> int:
        """How often a frame was begun and neither labelled nor given up: its process was killed."""
        try:
            mark = self._path(engine.settings_hash, identity, ".attempt.json")
            return int(json_of(mark.read_text())["starts"])
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError):
            return 1

    @contextmanager
    def attempt(self, engine: Engine, identity: str) -> Iterator[None]:
        """Mark that a frame is being labelled; the mark stays where the process is killed.

        An end that Python sees is none of the frame's doing (Ctrl-C, the batch system's time limit)
        and leaves the mark as it was.
        """
        mark = self._path(engine.settings_hash, identity, ".attempt.json")
        before = mark.read_bytes() if mark.exists() else None
        starts = self.starts(engine, identity) + 1
        write_json(mark, {"starts": starts, "host": socket.gethostname(), "process": os.getpid()})
        ended = False
        try:
            with _termination_is_an_exception():
                yield
            ended = True
        finally:
            if ended or before is None:
                mark.unlink(missing_ok=True)
            else:
                mark.write_bytes(before)


@contextmanager
def _termination_is_an_exception() -> Iterator[None]:
    """SIGTERM raises `SystemExit` in this block, so that what has begun is ended in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signal_number: int, _: object) -> None:
        raise SystemExit(128 + signal_number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read(path: Path, identity: str) -> Atoms:
    """The label in a file of the ledger, checked against the file's name and folder."""
    label = frames.read_frames(path)[0]
    content, settings = frames.frame_id(label), FrameInfo.of(label).settings_hash
    remedy = "it is not believed: move the file away, and the frame is labelled again"
    if content != identity:
        raise InputError(f"{path}: holds the frame {content}, not {identity}; {remedy}")
    if settings not in (None, path.parent.name):
        raise InputError(f"{path}: holds a label of the settings {settings}; {remedy}")
    for name, most in border.LARGEST.items():
        size = np.abs(np.asarray(label.calc.results.get(name, 0.0), float)).max()
        if size > most * (len(label) if name == "energy" else 1):
            raise InputError(f"{path}: {name} of {size:.3g} is of no calculation; {remedy}")
    return label


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

    Frames whose process was killed before are tried last, so that their siblings are labelled.

    Args:
        timeout: wall time of one label (s). A recorded timeout is tried again with a larger one.

    Returns:
        Labelled frames in the order of the candidates, and the failures.
    """
    limits = {**engine.limits, "timeout": timeout, "killed": ledger.tries}
    identities = [frames.frame_id(atoms) for atoms in candidates]
    suspected = [ledger.starts(engine, identity) for identity in identities]
    results: dict[int, Atoms | Failure] = {}
    for index in sorted(range(len(candidates)), key=lambda index: suspected[index] > 0):
        where = f"frame {index + 1}/{len(candidates)} ({identities[index]})"
        results[index] = _result(
            candidates[index], engine, ledger, workdir, limits=limits, where=where
        )
    in_order = [results[index] for index in range(len(candidates))]
    labels = [result for result in in_order if isinstance(result, Atoms)]
    return labels, [result for result in in_order if isinstance(result, Failure)]


def _result(
    atoms: Atoms,
    engine: Engine,
    ledger: Ledger,
    workdir: Path,
    *,
    limits: Mapping[str, float],
    where: str,
) -> Atoms | Failure:
    """The label or failure of one frame, as the ledger has it afterwards."""
    recorded = ledger.find(engine, atoms)
    if recorded is not None and not (isinstance(recorded, Failure) and not recorded.final(limits)):
        log.info(f"{where}: known already")
        return recorded
    identity = frames.frame_id(atoms)
    starts = ledger.starts(engine, identity)
    result: Atoms | Failure
    if starts >= limits["killed"]:
        result = _killed(identity, starts, limits["killed"])
    else:
        log.info(f"{where}: begun" + (f", for the {starts + 1}. time" if starts else ""))
        with ledger.attempt(engine, identity):
            result = _finite(engine.label(atoms, workdir, limits["timeout"]))
            if isinstance(result, Failure) and is_full(workdir):
                raise StorageError(
                    f"{where}: {result.message}: the disk of {workdir} is full, which is not the "
                    "frame's doing: make space and start again"
                )
    ledger.record(engine, result, _again(engine, ledger, workdir, limits["timeout"]))
    log.info(f"{where}: {_outcome(result, workdir)}")
    return ledger.find(engine, atoms) or result  # the very numbers of a later run


def _again(engine: Engine, ledger: Ledger, workdir: Path, timeout: float) -> Relabelling:
    def label(atoms: Atoms) -> Atoms | None:
        result = _finite(engine.label(atoms, workdir, timeout))
        return None if isinstance(result, Failure) else result

    return Relabelling(lambda identity: ledger.label(engine, identity), label)


def _killed(identity: str, starts: int, tries: float) -> Failure:
    message = (
        f"the process that labelled it was killed {starts} times without a word: out of memory? "
        "Raise resources.label_tries to try again"
    )
    return Failure(identity, "killed", message, starts, tries)


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
