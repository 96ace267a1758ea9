"""Base of the engines that start a program of their own for every frame."""

from __future__ import annotations

import atexit
import os
import shutil
import uuid
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp.config import OPERATION, Program, Section
from umklapp.errors import InputError
from umklapp.reference.ase import CalculatorEngine
from umklapp.reference.contract import Reason
from umklapp.reference.kpoints import kpoint_mesh
from umklapp.reference.programs import ProgramError, command, expand, missing_program

KEPT = 20_000_000
"""Files up to this size (bytes) are brought back from the scratch folder."""


class ProgramEngine(CalculatorEngine):
    """Labels by a program in an empty folder; its files stay beside the results."""

    program: str
    """Name of the executable where the config gives none."""
    variable: str
    """Environment variable with the command line."""

    def __init__(self, settings: Program) -> None:
        self.settings: Any = settings
        super().__init__(settings)

    def identity(self, settings: Section) -> dict[str, Any]:
        """All settings but those of operation, and the files that the physics comes from."""
        plain = settings.model_dump(mode="json", exclude=set(OPERATION))
        return {**plain, "files": self.ingredients()}

    @abstractmethod
    def ingredients(self) -> dict[str, str]:
        """Hash of every file with pseudopotentials or basis sets."""

    @abstractmethod
    def missing(self, species: Iterable[str]) -> list[str]:
        """What must be there before the first job, and is not: a sentence with key and remedy."""

    def check(self, species: Iterable[str]) -> None:
        """Raise `InputError` with all that is missing: program, pseudopotentials, basis sets."""
        problems = [*self._missing_program(), *self.missing(species)]
        if problems:
            raise InputError("reference: " + "; ".join(problems))

    def _missing_program(self) -> list[str]:
        if not self.settings.check_command:
            return []
        name = missing_program(self.command())
        if name is None:
            return []
        return [
            f"command: {name} is not found in PATH; install it, set reference.command or "
            f"{self.variable}, or check_command: false where only compute nodes have it"
        ]

    def command(self) -> list[str]:
        """The command line."""
        return command(self.settings.command, self.variable, self.program)

    def mesh(self, atoms: Atoms) -> tuple[int, int, int]:
        """k-points of a cell."""
        return kpoint_mesh(atoms.cell, self.settings.kpoint_density, self.settings.kpoints)

    @abstractmethod
    def version(self, folder: Path) -> str | None:
        """Name and version that the program has written into its output; None: it has not."""

    def made_by(self, calculator: Calculator) -> str | None:
        """As the program says itself."""
        return self.version(Path(calculator.directory))

    def reason(self, error: Exception) -> Reason:
        """Programs say it themselves."""
        return error.reason if isinstance(error, ProgramError) else super().reason(error)

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """A calculator kept while atoms move; its scratch folder goes with this process."""
        folder = self._folder(workdir, "kept")
        if self.settings.scratch:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return self.fresh_calculator(atoms, folder, attempt=1, symmetric=symmetric)

    def _label_once(self, bare: Atoms, workdir: Path, attempt: int) -> Atoms:
        folder = self._folder(workdir, "run")
        try:
            return super()._label_once(bare, folder, attempt)
        finally:
            if self.settings.scratch:
                _bring_back(folder, workdir / "run")

    def _folder(self, workdir: Path, name: str) -> Path:
        """An empty folder: nothing of an earlier frame can be taken for this one's."""
        if self.settings.scratch:
            root = Path(expand(self.settings.scratch, "reference.scratch"))
            folder = root / f"umklapp-{self.name}-{uuid.uuid4().hex}"
        else:
            folder = workdir / name
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder.resolve()


def _bring_back(folder: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for entry in os.scandir(folder):
        if entry.is_file() and entry.stat().st_size <= KEPT:
            shutil.copy2(entry.path, target)
    shutil.rmtree(folder, ignore_errors=True)
