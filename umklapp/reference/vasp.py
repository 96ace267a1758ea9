"""VASP: one run of the program for every frame, driven through ASE's files."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.vasp import Vasp

from umklapp import provenance
from umklapp.crystals.formats.vasp import outcar_steps
from umklapp.reference.external import ProgramEngine
from umklapp.reference.programs import Diagnosis, expand, named_version, run, text_of

VERSION = r"^\s*vasp\.(\S+)"
"""Where OUTCAR names the version of the program."""

REMEDY = {"algo": "All", "nelmdl": -10}
"""Of the second attempt: all bands at once, after more steps at a fixed density."""


class VaspEngine(ProgramEngine):
    """Energy, forces and stress by VASP, without symmetry unless it is kept."""

    name = "vasp"
    smears_energy = True
    program = "vasp_std"
    variable = "UMKLAPP_VASP_COMMAND"

    def _data_sets(self) -> Path:
        lda = self.settings.xc.lower() == "lda"
        if self.settings.version:
            name = f"potpaw_{'LDA' if lda else 'PBE'}.{self.settings.version}"
        else:
            name = "potpaw" if lda else "potpaw_PBE"
        return Path(expand(self.settings.pseudo_dir, "reference.pseudo_dir")) / name

    def _potcar(self, species: str) -> Path:
        folder = self._data_sets() / (species + self.settings.setups.get(species, ""))
        packed = folder / "POTCAR.gz"
        return packed if packed.is_file() else folder / "POTCAR"

    def ingredients(self) -> dict[str, str]:
        """Hash of the data sets that the config names; of plain ones the folder's name tells."""
        paths = {name: self._potcar(name) for name in self.settings.setups}
        return {name: provenance.file_digest(p) for name, p in paths.items() if p.is_file()}

    def missing(self, species: Iterable[str]) -> list[str]:
        """The folder, or the species that have no POTCAR in it."""
        folder = self._data_sets()
        if not folder.is_dir():
            return [f"pseudo_dir: {folder} does not exist (set it, or export VASP_PP_PATH)"]
        lost = [self._potcar(name) for name in sorted(set(species))]
        return [f"setups: {path} does not exist" for path in lost if not path.is_file()]

    def version(self, folder: Path) -> str | None:
        """From OUTCAR."""
        return named_version("VASP", VERSION, folder / "OUTCAR")

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """A calculator of one folder; the second attempt takes the robust algorithm."""
        made = _Vasp(
            directory=str(workdir),
            command=shlex.join(self.command()),
            **self.tags(atoms, attempt, symmetric),
        )
        made.data_sets = self._data_sets().parent.resolve()
        return made

    def tags(self, atoms: Atoms, attempt: int, symmetric: bool) -> dict[str, Any]:
        """INCAR, and what ASE makes KPOINTS and POTCAR from."""
        settings = self.settings
        made: dict[str, Any] = {
            "xc": settings.xc,
            "encut": settings.ecut,
            "prec": "Accurate",
            "lreal": False,
            "ismear": 0,
            "sigma": settings.smearing,
            "ediff": settings.energy_tolerance,
            "nelm": settings.max_iterations * attempt,
            "ibrion": -1,
            "nsw": 0,
            "isif": 2,
            "isym": 2 if symmetric else 0,
            "lwave": False,
            "lcharg": False,
            "kpts": self.mesh(atoms),
            "gamma": True,
            "setups": {"base": "minimal", **settings.setups},
        }
        if settings.version:
            made["pp_version"] = settings.version
        return {**made, **(REMEDY if attempt > 1 else {}), **settings.parameters}


class _Vasp(Vasp):
    """ASE's calculator with our way of running, and data sets of its own."""

    data_sets: Path

    def initialize(self, atoms: Atoms) -> None:
        """Look for the data sets; ASE takes their folder from the environment alone."""
        with _variable("VASP_PP_PATH", str(self.data_sets)):
            super().initialize(atoms)

    def _run(
        self, command: str | None = None, out: Any = None, directory: Any = None
    ) -> tuple[int, str]:
        command_line = shlex.split(command or self.command)
        folder = Path(directory or self.directory)
        run(command_line, folder, "vasp.out", "vasp.err", diagnose)
        return 0, ""


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """A variable of the environment within the block; afterwards it is as it was."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def diagnose(folder: Path) -> Diagnosis:
    """What OUTCAR says of the program's end."""
    text = text_of(Path(folder) / "OUTCAR")
    if "General timing and accounting" not in text:
        return "crashed", "VASP ended before its last lines; see OUTCAR, vasp.out and vasp.err"
    if "aborting loop because EDIFF is reached" not in text:
        return "scf_not_converged", "VASP: EDIFF was not reached within NELM steps"
    if not all(outcar_steps(text.splitlines())):  # VASP 5 prints that sentence at NELM too
        return "scf_not_converged", "VASP: NELM steps, and the last change is above EDIFF"
    return None
