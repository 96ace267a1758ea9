"""GPAW with plane waves: the engine that installs with a C++ compiler alone.

Plane waves because stress needs them (LCAO has none). Point-group symmetry is only used where the
caller promises that it is kept; rattled cells have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp import provenance
from umklapp.config import Gpaw
from umklapp.config.base import Section
from umklapp.errors import InputError
from umklapp.reference.ase import CalculatorEngine
from umklapp.reference.contract import Reason
from umklapp.reference.kpoints import kpoint_mesh

SPACING = "grid_spacing"


class GpawEngine(CalculatorEngine):
    """Energy, forces and stress by GPAW; convergence is checked, a cap that is hit is a Failure."""

    name = "gpaw"
    smears_energy = True

    def __init__(self, settings: Gpaw) -> None:
        super().__init__(settings)
        self.settings = settings

    def identity(self, settings: Section) -> dict[str, Any]:
        """All settings; without a grid spacing as before there was one: labels stay known."""
        plain = super().identity(settings)
        return {name: value for name, value in plain.items() if (name, value) != (SPACING, None)}

    def check(self, species: Iterable[str]) -> None:
        """Raise `InputError` where GPAW has no data set (PAW setup) for a species."""
        from gpaw import setup_paths
        from gpaw.xc import XC

        functional = _functional(self.settings.xc)
        made = XC(functional) if isinstance(functional, str) else functional
        name = made.get_setup_name()
        lost = [
            f"{symbol}.{name}"
            for symbol in sorted(set(species))
            if not any(
                (Path(folder) / f"{symbol}.{name}{end}").is_file()
                for folder in setup_paths
                for end in ("", ".gz")
            )
        ]
        if lost:
            raise InputError(
                f"reference: GPAW has no data set {', '.join(lost)} in "
                f"{', '.join(map(str, setup_paths)) or 'any folder'}: install it (gpaw "
                "install-data), set GPAW_SETUP_PATH, or leave these materials out of select"
            )

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """A GPAW calculator; the second attempt mixes the density more carefully.

        The remedy changes the road to self-consistency, not the settings of the label.
        """
        from gpaw import GPAW, PW, FermiDirac, Mixer

        workdir.mkdir(parents=True, exist_ok=True)
        settings = self.settings
        spacing = settings.grid_spacing
        return GPAW(
            mode=PW(settings.ecut),
            xc=_functional(settings.xc),
            kpts={
                "size": kpoint_mesh(atoms.cell, settings.kpoint_density),
                "gamma": settings.kpoint_gamma,
            },
            occupations=FermiDirac(settings.smearing),
            symmetry={} if symmetric else {"point_group": False},
            convergence={
                "energy": settings.energy_tolerance,
                "density": settings.density_tolerance,
                "eigenstates": settings.eigenstate_tolerance,
            },
            maxiter=settings.max_iterations * attempt,
            txt=str(workdir / "gpaw.txt"),
            **({} if spacing is None else {"h": spacing}),
            **({"mixer": Mixer(beta=0.02, nmaxold=5, weight=100)} if attempt > 1 else {}),
        )

    def made_by(self, calculator: Calculator) -> str | None:
        """The installed GPAW."""
        return provenance.installed("gpaw")

    def reason(self, error: Exception) -> Reason:
        """GPAW raises an error of its own when the iteration cap is hit."""
        if type(error).__name__ == "KohnShamConvergenceError":
            return "scf_not_converged"
        return super().reason(error)


def _functional(name: str) -> Any:
    if name != "PBEsol":
        return name
    from gpaw.xc import XC

    # without libxc: GPAW's own kernel; there are no PBEsol data sets, PBE ones stand in
    functional = XC("pyPBEsol")
    functional.get_setup_name = lambda: "PBE"
    return functional
