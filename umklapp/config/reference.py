"""Sections of the reference engines: which program labels frames, and with which settings.

Every setting that changes the physics is part of a label's identity; commands, folders and
checks are not (`OPERATION`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from umklapp.config.base import Mesh, Positive, Section
from umklapp.config.foundation import FoundationModel
from umklapp.config.labels import LabelKeys

OPERATION = {
    "preset", "command", "ph_command", "check_command", "scratch", "pseudo_dir", "species_dir",
}  # fmt: skip
"""Keys that say how and where a program runs: same label whatever they are."""


class Gpaw(Section):
    """GPAW, plane waves. The settings are part of every label's identity."""

    engine: Literal["gpaw"] = "gpaw"
    xc: Literal["LDA", "PBE", "PBEsol", "revPBE", "RPBE", "PW91"] = Field(
        "PBE", description="functional; PBEsol runs on GPAW's Python kernel with PBE data sets"
    )
    ecut: Positive = Field(300.0, description="plane-wave cutoff (eV)")
    kpoint_density: Positive = Field(
        2.0, description="minimum k-points per Å⁻¹ of reciprocal lattice vector (2π included)"
    )
    kpoint_gamma: bool = Field(False, description="centre the k-mesh at Γ")
    grid_spacing: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="real-space grid of density and potential (Å); none: the coarsest that can "
        "represent the plane waves. Forces depend on the position of the atoms "
        "relative to the grid; use 0.19 where third derivatives matter "
        "(docs/engines.md)",
    )
    smearing: float = Field(0.0, ge=0, description="Fermi–Dirac width (eV); 0 is fixed occupation")
    energy_tolerance: Positive = Field(1e-5, description="SCF: energy per valence electron (eV)")
    density_tolerance: Positive = Field(1e-5, description="SCF: density change per electron")
    eigenstate_tolerance: Positive = Field(1e-8, description="SCF: residual per electron (eV²)")
    max_iterations: int = Field(
        80, ge=5, description="largest number of SCF iterations; beyond it the label fails"
    )


class Program(Section):
    """What engines that run a program of their own have in common."""

    published: ClassVar[dict[str, Any]] = {}
    """Values of `preset: published`; a key of the config has precedence."""

    preset: Literal["none", "published"] = Field(
        "none", description="`published`: settings of the anharmonicity screening (docs/engines.md)"
    )
    command: str | None = Field(
        None, min_length=1, description="with its launcher: `mpirun -np 4 pw.x`; default: see docs"
    )
    check_command: bool = Field(
        True, description="look for the program before the first job (false: only nodes have it)"
    )
    scratch: str | None = Field(
        None, description="folder to run in, `$VARIABLES` allowed; default: beside the results"
    )
    kpoints: Mesh = Field([1, 1, 1], description="least k-mesh of every cell")
    kpoint_density: Positive = Field(
        2.0, description="minimum k-points per Å⁻¹ of reciprocal lattice vector (2π included)"
    )

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_in(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("preset") == "published":
            return {**cls.published, **data}
        return data


class Espresso(Program):
    """Quantum ESPRESSO (pw.x) with pseudopotentials of the user's choice."""

    published: ClassVar[dict[str, Any]] = {
        "functional": "pbesol",
        "kpoints": [2, 2, 2],
        "kpoint_density": 3.5,
    }

    engine: Literal["espresso"] = "espresso"
    ph_command: str | None = Field(
        None,
        min_length=1,
        description="command line of ph.x, for Born charges (`phonons.born`); default: `command` "
        "with ph.x in place of pw.x",
    )
    pseudo_dir: str = Field(
        "$ESPRESSO_PSEUDO", description="folder of the UPF files, `$VARIABLES` allowed"
    )
    pseudopotentials: dict[str, str] = Field(
        min_length=1, description="UPF file of every species: `{Si: Si.upf}`"
    )
    functional: str | None = Field(
        None, description="`input_dft`; default: the functional of the pseudopotentials"
    )
    ecut: Positive = Field(description="plane-wave cutoff of the wave functions (eV)")
    ecut_density: Positive | None = Field(
        None,
        description="plane-wave cutoff of the density (eV); default: 4 × ecut; ultrasoft and PAW "
        "need more",
    )
    smearing: float = Field(0.0, ge=0, description="Gaussian width (eV); 0 is fixed occupation")
    energy_tolerance: Positive = Field(1e-8, description="SCF: estimated error (eV per atom)")
    mixing: Positive = Field(0.7, le=1, description="`mixing_beta` of the first attempt")
    max_iterations: int = Field(
        100, ge=1, description="largest number of SCF iterations; beyond it the label fails"
    )
    parameters: dict[str, dict[str, Any]] = Field(
        {}, description="more input by namelist: `{system: {assume_isolated: …}}`"
    )


class Aims(Program):
    """FHI-aims."""

    published: ClassVar[dict[str, Any]] = {
        "xc": "pbesol",
        "basis": "light",
        "kpoints": [2, 2, 2],
        "kpoint_density": 3.5,
        "relativistic": "atomic_zora scalar",
    }

    engine: Literal["aims"] = "aims"
    species_dir: str = Field(
        "$AIMS_SPECIES_DIR",
        description="folder of the basis sets (with `light`, `tight`, … in it), `$VARIABLES` "
        "allowed",
    )
    xc: str = Field("pbesol", description="functional, as control.in names it")
    basis: str = Field("light", description="folder in species_dir: light, intermediate, tight, …")
    relativistic: str = Field(
        "atomic_zora scalar", description="relativistic treatment, as control.in names it"
    )
    density_tolerance: Positive = Field(1e-6, description="SCF: `sc_accuracy_rho`")
    force_tolerance: Positive | None = Field(
        None, description="SCF: `sc_accuracy_forces` (eV/Å); default: the program's"
    )
    smearing: Positive = Field(0.01, description="Gaussian width of the occupation (eV)")
    stress: bool = Field(True, description="analytical stress; costs about as much as the forces")
    max_iterations: int = Field(
        100, ge=1, description="largest number of SCF iterations; beyond it the label fails"
    )
    parameters: dict[str, Any] = Field({}, description="more keywords of control.in")


class Vasp(Program):
    """VASP."""

    published: ClassVar[dict[str, Any]] = {
        "xc": "pbesol",
        "kpoints": [2, 2, 2],
        "kpoint_density": 3.5,
    }

    engine: Literal["vasp"] = "vasp"
    pseudo_dir: str = Field(
        "$VASP_PP_PATH", description="folder that holds `potpaw_PBE…`, `$VARIABLES` allowed"
    )
    version: str | None = Field(
        None, description="version of the data sets: `54` stands for `potpaw_PBE.54`"
    )
    setups: dict[str, str] = Field(
        {}, description="suffix of the data set of a species: `{Na: _pv}`; default: no suffix"
    )
    xc: str = Field("pbesol", description="functional, as ASE names it: pbesol, pbe, lda, …")
    ecut: Positive = Field(520.0, description="ENCUT (eV)")
    smearing: Positive = Field(0.01, description="Gaussian width SIGMA (eV)")
    energy_tolerance: Positive = Field(1e-8, description="EDIFF (eV)")
    max_iterations: int = Field(
        100, ge=1, description="largest number of SCF iterations (NELM); beyond it the label fails"
    )
    parameters: dict[str, Any] = Field({}, description="more INCAR tags, as ASE's keywords")


class AseCalculator(Section):
    """Any ASE calculator by import path, for engines that ASE already drives."""

    engine: Literal["ase"] = "ase"
    calculator: str = Field(description="`module:Class`, for example `ase.calculators.emt:EMT`")
    parameters: dict[str, Any] = Field({}, description="keyword arguments of the calculator")

    @property
    def package(self) -> str:
        """The package that the calculator is in."""
        return self.calculator.split(".")[0].split(":")[0]


class Lookup(Section):
    """A table of frames that are already labelled; nothing else can be chosen."""

    engine: Literal["lookup"] = "lookup"
    path: Path = Field(description="labelled frames, in any format of a seed of kind `frames`")
    keys: LabelKeys = Field(
        LabelKeys(), description="names of the labels in extxyz files, where they are not ASE's"
    )


class FoundationReference(Section):
    """A foundation model in place of DFT: a rehearsal of the campaign, with the same rules."""

    engine: Literal["foundation"] = "foundation"
    model: FoundationModel = Field(description="which model, and where it is")


Reference = Annotated[
    Gpaw | Espresso | Aims | Vasp | AseCalculator | Lookup | FoundationReference,
    Field(discriminator="engine"),
]
