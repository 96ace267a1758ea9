"""A table of labelled frames as the reference engine: real labels, no calculation."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp import provenance
from umklapp.config import LabelKeys, Lookup
from umklapp.crystals import frame_info, frames, registration
from umklapp.crystals.formats import given
from umklapp.crystals.frame_info import FrameInfo, identity
from umklapp.errors import InputError
from umklapp.reference.contract import Failure

log = logging.getLogger(__name__)


def table(path: Path, perfect: Atoms, keys: LabelKeys | None = None) -> dict[str, Atoms]:
    """Frames of a table on the sites of a supercell, by their identity as they stand in the file.

    Raises:
        InputError: as `given.inspected` and `registration.register`.
    """
    labels, _ = given.inspected(path, keys=keys or LabelKeys())
    placed, report = registration.register(labels, perfect, str(path))
    log.info("%s", report)
    return {identity(one): other for one, other in zip(labels, placed, strict=True)}


def as_in_table(
    labels: Sequence[Atoms], path: Path, perfect: Atoms, keys: LabelKeys | None = None
) -> list[Atoms]:
    """Frames on the sites as the table has them, so that they are known to be its frames.

    Frames that the table does not have are registered by themselves.
    """
    by_identity = table(path, perfect, keys)
    strange = [frame for frame in labels if identity(frame) not in by_identity]
    placed, _ = registration.register(strange, perfect, "frames that are not in the table")
    by_identity |= {identity(one): other for one, other in zip(strange, placed, strict=True)}
    laid = []
    for frame in labels:
        copy = by_identity[identity(frame)].copy()
        copy.calc = by_identity[identity(frame)].calc
        frame_info.mark(copy, origin=FrameInfo.of(frame).origin)
        laid.append(copy)
    return laid


class LookupEngine:
    """Gives a frame the label that the table has for it; a frame that is not there fails."""

    name = "lookup"
    limits: ClassVar[Mapping[str, float]] = {}
    earlier_hashes: ClassVar[Mapping[str, float | None]] = {}

    def __init__(self, settings: Lookup, perfect: Atoms | None = None) -> None:
        """Read the table; with a supercell its frames are laid on the sites."""
        table_frames = (
            given.inspected(settings.path, keys=settings.keys)[0]
            if perfect is None
            else table(settings.path, perfect, settings.keys).values()
        )
        self.table = {frame_info.identity(frame): frame for frame in table_frames}
        self.settings_hash = "s" + provenance.digest(
            {"engine": "lookup", "table": provenance.file_digest(settings.path)}
        )

    def made_by(self, calculator: Calculator) -> str | None:
        """Of a table it is not known what made it."""
        return None

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """A table has no calculator: there is no dynamics on it.

        Raises:
            InputError: always.
        """
        raise InputError(
            "reference.engine 'lookup' holds labels only: aiMD, harmonic seeds and relaxation need "
            "an engine that calculates"
        )

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """The stored label of the same frame, found by its content."""
        name = frames.frame_id(atoms)
        stored = self.table.get(name)
        if stored is None:
            return Failure(name, "not_in_table", "the table has no such frame", 1)
        label = stored.copy()
        label.calc = stored.calc
        frame_info.inherit(label, atoms)
        frame_info.mark(label, frame_id=name, engine=self.name, settings_hash=self.settings_hash)
        return label
