"""FHI-aims: one run of the program for every frame, driven through ASE's files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.aims import Aims, AimsProfile, AimsTemplate
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers

from umklapp import provenance
from umklapp.errors import InputError
from umklapp.reference.external import ProgramEngine
from umklapp.reference.programs import Diagnosis, Watched, expand, named_version, text_of

VERSION = r"FHI-aims version\s*:\s*(\S+)"
"""Where aims.out names the version of the program."""

REMEDY = {"charge_mix_param": 0.05, "n_max_pulay": 12}
"""Of the second attempt: careful mixing with a longer memory."""


class AimsEngine(ProgramEngine):
    """Energy, forces and, where asked, stress by FHI-aims."""

    name = "aims"
    smears_energy = True
    program = "aims.x"
    variable = "UMKLAPP_AIMS_COMMAND"

    def basis_folder(self) -> Path:
        """Folder with a file of basis functions per element."""
        return (
            Path(expand(self.settings.species_dir, "reference.species_dir")) / self.settings.basis
        )

    def _here(self) -> bool:
        """Whether basis sets are looked for: with `check_command: false` only where their folder
        is; else the nodes have them."""
        try:
            return bool(self.settings.check_command or self.basis_folder().is_dir())
        except InputError:  # a variable that only the nodes have
            return False

    def ingredients(self) -> dict[str, str]:
        """Hash of every basis set; none where only other machines have them."""
        if not self._here():
            return {}
        paths = sorted(self.basis_folder().glob("*_default"))
        return {path.name: provenance.file_digest(path) for path in paths}

    def missing(self, species: Iterable[str]) -> list[str]:
        """The folder, or the elements that have no basis set in it."""
        if not self._here():
            return []
        folder = self.basis_folder()
        if not folder.is_dir():
            return [f"species_dir: {folder} does not exist (species_defaults of FHI-aims)"]
        names = [f"{atomic_numbers[symbol]:02}_{symbol}_default" for symbol in sorted(set(species))]
        lost = [name for name in names if not (folder / name).is_file()]
        return [f"species_dir: {folder / name} does not exist" for name in lost]

    def version(self, folder: Path) -> str | None:
        """From aims.out."""
        return named_version("FHI-aims", VERSION, folder / "aims.out")

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """A calculator of one folder; the second attempt mixes the density more carefully."""
        made = Aims(
            profile=_Profile(self.command(), self.basis_folder()),
            directory=workdir,
            **self.keywords(atoms, attempt),
        )
        made.template = _Template(self.settings.stress)
        return made

    def keywords(self, atoms: Atoms, attempt: int) -> dict[str, Any]:
        """Content of control.in."""
        settings = self.settings
        made: dict[str, Any] = {
            "xc": settings.xc,
            "relativistic": settings.relativistic,
            "k_grid": self.mesh(atoms),
            "occupation_type": ("gaussian", settings.smearing),
            "sc_accuracy_rho": settings.density_tolerance,
            "sc_iter_limit": settings.max_iterations * attempt,
            "compute_forces": True,
        }
        if settings.force_tolerance is not None:
            made["sc_accuracy_forces"] = settings.force_tolerance
        if settings.stress:
            made["compute_analytical_stress"] = True
        return {**made, **(REMEDY if attempt > 1 else {}), **settings.parameters}


class _Template(AimsTemplate):
    """ASE's files; a stress that is not wanted is not implemented, instead of a second run."""

    def __init__(self, stress: bool) -> None:
        super().__init__()
        properties = ["energy", "free_energy", "forces", *(["stress"] if stress else [])]
        self.implemented_properties = properties


def diagnose(folder: Path) -> Diagnosis:
    """What aims.out says of the program's end."""
    text = text_of(Path(folder) / "aims.out")
    if "SELF-CONSISTENCY CYCLE DID NOT CONVERGE" in text.upper():
        return "scf_not_converged", "FHI-aims: the self-consistency cycle did not converge"
    if "Have a nice day." not in text:
        return "crashed", "FHI-aims ended before its last line; see aims.out and aims.err"
    if "Self-consistency cycle converged." not in text:
        return "scf_not_converged", "FHI-aims: no self-consistency cycle converged"
    return None


class _Profile(Watched, AimsProfile):
    """ASE's profile with our way of running."""

    diagnose = staticmethod(diagnose)

    def __init__(self, command_line: list[str], species: Path) -> None:
        super().__init__(command=shlex.join(command_line), default_species_directory=str(species))
