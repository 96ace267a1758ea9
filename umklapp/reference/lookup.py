"""A table of labelled frames as the reference engine: real labels, no calculation."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp import provenance
from umklapp.config import Lookup
from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats.force_sets import read_labelled
from umklapp.errors import InputError
from umklapp.reference.contract import Failure


class LookupEngine:
    """Gives a frame the label that the table has for it; a frame that is not there fails."""

    name = "lookup"

    def __init__(self, settings: Lookup) -> None:
        self.table = {frame_info.identity(frame): frame for frame in read_labelled(settings.path)}
        self.settings_hash = "s" + provenance.digest(
            {"engine": "lookup", "table": provenance.file_digest(settings.path)}
        )

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """A table has no calculator: there is no dynamics on it."""
        raise InputError(
            "reference.engine 'lookup' holds labels only: aiMD, harmonic seeds and relaxation need "
            "an engine that calculates"
        )

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """The stored label of the same frame, found by its content."""
        identity = frames.frame_id(atoms)
        found = self.table.get(identity)
        if found is None:
            return Failure(identity, "not_in_table", "the table has no such frame", 1)
        label = found.copy()
        label.calc = found.calc
        frame_info.inherit(label, atoms)
        frame_info.mark(
            label, frame_id=identity, engine=self.name, settings_hash=self.settings_hash
        )
        return label
