"""Quantum ESPRESSO: pw.x in its own folder for every frame, driven through ASE's files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.calculators.espresso import Espresso, EspressoProfile

from umklapp import provenance
from umklapp.reference.external import ProgramEngine
from umklapp.reference.programs import Diagnosis, Watched, expand, named_version, text_of

VERSION = r"Program PWSCF\s+v\.?\s*(\S+)"
"""Where espresso.pwo names the version of the program."""

REMEDY = {"mixing_beta": 0.3, "mixing_ndim": 12}
"""Of the second attempt: careful mixing with a longer memory."""


class EspressoEngine(ProgramEngine):
    """Energy, forces and stress by pw.x; "JOB DONE." alone is not believed."""

    name = "espresso"
    program = "pw.x"
    variable = "UMKLAPP_ESPRESSO_COMMAND"

    def pseudopotential_folder(self) -> Path:
        """Folder of the UPF files."""
        return Path(expand(self.settings.pseudo_dir, "reference.pseudo_dir")).resolve()

    def _pseudopotential(self, species: str) -> Path:
        return self.pseudopotential_folder() / self.settings.pseudopotentials[species]

    def ingredients(self) -> dict[str, str]:
        """Hash of every pseudopotential."""
        paths = {name: self._pseudopotential(name) for name in self.settings.pseudopotentials}
        return {name: provenance.file_digest(p) for name, p in paths.items() if p.is_file()}

    def missing(self, species: Iterable[str]) -> list[str]:
        """Species without a pseudopotential, and pseudopotentials without a file."""
        problems = []
        for name in sorted(set(species)):
            if name not in self.settings.pseudopotentials:
                problems.append(f"pseudopotentials: no UPF file is named for {name}")
            elif not self._pseudopotential(name).is_file():
                problems.append(f"pseudopotentials: {self._pseudopotential(name)} does not exist")
        return problems

    def version(self, folder: Path) -> str | None:
        """From espresso.pwo."""
        return named_version("pw.x", VERSION, folder / "espresso.pwo")

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """A calculator of one folder; the second attempt mixes the density more carefully."""
        mesh = self.mesh(atoms)
        species = set(atoms.get_chemical_symbols())
        profile = _Profile(self.command(), self._pseudopotential(next(iter(species))).parent)
        return Espresso(
            profile=profile,
            directory=workdir,
            pseudopotentials={name: self.settings.pseudopotentials[name] for name in species},
            input_data=self.namelists(len(atoms), attempt, symmetric),
            kpts=None if mesh == (1, 1, 1) else mesh,
        )

    def namelists(self, n_atoms: int, attempt: int, symmetric: bool) -> dict[str, dict[str, Any]]:
        """Input of pw.x in its units (Ry)."""
        settings = self.settings
        system: dict[str, Any] = {"ecutwfc": settings.ecut / units.Ry, "nosym": not symmetric}
        if settings.ecut_density is not None:
            system["ecutrho"] = settings.ecut_density / units.Ry
        if settings.functional is not None:
            system["input_dft"] = settings.functional
        if settings.smearing:
            width = settings.smearing / units.Ry
            system.update(occupations="smearing", smearing="gaussian", degauss=width)
        else:
            system["occupations"] = "fixed"
        electrons = {
            "conv_thr": settings.energy_tolerance * n_atoms / units.Ry,
            "electron_maxstep": settings.max_iterations * attempt,
            "mixing_beta": settings.mixing,
            **(REMEDY if attempt > 1 else {}),
        }
        control = {
            "calculation": "scf",
            "prefix": "umklapp",
            "outdir": "./out",
            "disk_io": "none",
            "tprnfor": True,
            "tstress": True,
        }
        made = {"control": control, "system": system, "electrons": electrons}
        for name, more in settings.parameters.items():
            made[name.lower()] = {**made.get(name.lower(), {}), **more}
        return made


def diagnose(folder: Path) -> Diagnosis:
    """What the output of pw.x says of its end."""
    text = text_of(Path(folder) / "espresso.pwo")
    if "convergence NOT achieved" in text:
        return "scf_not_converged", "pw.x: convergence NOT achieved; raise reference.max_iterations"
    error = re.search(r"Error in routine\s+(.+?)\s*\n\s*(.+?)\s*\n", text)
    if error:
        return "crashed", f"pw.x: error in routine {error[1]}: {error[2]}"
    if "JOB DONE." not in text:
        return "crashed", "pw.x ended before its last line; see espresso.pwo and espresso.err"
    return None


class _Profile(Watched, EspressoProfile):
    """ASE's profile with our way of running."""

    diagnose = staticmethod(diagnose)

    def __init__(self, command_line: list[str], pseudo_dir: Path) -> None:
        super().__init__(command=shlex.join(command_line), pseudo_dir=pseudo_dir)
