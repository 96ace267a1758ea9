"""Sections about the crystal and its labels: materials, reference engines, seeds, split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from umklapp.config.base import (
    SUPERCELLS,
    Fraction,
    Matrix,
    Positive,
    Section,
    Supercell,
    Supercells,
)

WHICH: tuple[Literal["sampling"], Literal["phonon"]] = ("sampling", "phonon")
"""The two supercells of a material."""


class Materials(Section):
    """Which crystals, and the cells they are studied in."""

    table: Path = Field(Path("config/materials.csv"), description="CSV of all known materials")
    structures: Path = Field(
        Path("config/structures"), description="folder of prototype and lattice-parameter files"
    )
    select: Annotated[list[str], Field(min_length=1)] | Annotated[str, Field(min_length=1)] = Field(
        description="keys `{formula}-{space group}` to run; or `all`, or an entry of the table's "
        "column `set`"
    )
    downloads: Path = Field(
        Path("results/materials_project"),
        description="where structures of the Materials Project are kept (rows whose prototype is "
        "`mp-…`; the key is read from MP_API_KEY)",
    )
    relax: bool = Field(True, description="relax the primitive cell with the reference engine")
    relax_fmax: Positive = Field(0.005, description="relaxation ends below this force (eV/Å)")
    relax_smax: Positive = Field(
        5e-4, description="... and below this stress (eV/Å³; 6.2e-4 is 0.1 GPa)"
    )
    symmetry: Literal["keep", "report"] = Field(
        "keep",
        description="a relaxed cell of another space group than the table's: an error, or a line "
        "in the log and in structure.json",
    )
    cells: Path | None = Field(
        None,
        description="phono3py params file (.xz allowed) whose primitive cell and supercell are "
        "used as they are, instead of building and relaxing (one material only)",
    )
    sampling_supercell: Supercells | None = Field(
        None,
        description="cell of aiMD, exploration and DFT: integer rows in primitive vectors; "
        "`published` (the table's n_supercell); `{atoms: n}`; or a mapping of keys to these",
        json_schema_extra={"form": SUPERCELLS},
    )
    phonon_supercell: Supercells | None = Field(
        None,
        description="cell of the force constants, in the same forms",
        json_schema_extra={"form": SUPERCELLS},
    )

    @model_validator(mode="after")
    def _cells_are_known(self) -> Materials:
        listed = [] if isinstance(self.select, str) else self.select
        if len(set(listed)) != len(listed):
            raise ValueError("select names a material twice")
        matrices = self.sampling_supercell, self.phonon_supercell
        if self.cells is None and None in matrices:
            raise ValueError("sampling_supercell and phonon_supercell are needed (or cells)")
        if self.cells is not None and (len(listed) != 1 or matrices != (None, None)):
            raise ValueError("with cells: one material in select, and no supercell matrices")
        return self

    def supercell(self, which: Literal["sampling", "phonon"], key: str) -> Supercell | None:
        """What is said about the supercell of one material; none where nothing is."""
        said = self.sampling_supercell if which == "sampling" else self.phonon_supercell
        return said.get(key, said.get("default")) if isinstance(said, dict) else said

    def of(self, key: str) -> Materials:
        """The section as one material sees it: a change for another material is none for this."""
        cells = {f"{name}_supercell": self.supercell(name, key) for name in WHICH}
        return self.model_copy(update={"select": [key], **cells})


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
    smearing: float = Field(0.0, ge=0, description="Fermi–Dirac width (eV); 0 is fixed occupation")
    energy_tolerance: Positive = Field(1e-5, description="SCF: energy per valence electron (eV)")
    density_tolerance: Positive = Field(1e-5, description="SCF: density change per electron")
    eigenstate_tolerance: Positive = Field(1e-8, description="SCF: residual per electron (eV²)")
    max_iterations: int = Field(80, ge=5, description="SCF cap; hitting it is a Failure")


class AseCalculator(Section):
    """Any ASE calculator by import path, for engines that ASE already drives."""

    engine: Literal["ase"] = "ase"
    calculator: str = Field(description="`module:Class`, for example `ase.calculators.emt:EMT`")
    parameters: dict[str, Any] = Field({}, description="keyword arguments of the calculator")


class Lookup(Section):
    """A table of frames that are already labelled; nothing else can be chosen."""

    engine: Literal["lookup"] = "lookup"
    path: Path = Field(description="labelled extxyz, or a phono3py params yaml (.xz allowed)")


Reference = Annotated[Gpaw | AseCalculator | Lookup, Field(discriminator="engine")]


class AimdSeed(Section):
    """A short ab initio MD run (NVT Langevin) in the sampling supercell."""

    kind: Literal["aimd"] = "aimd"
    temperature: Positive = Field(300.0, description="K")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="Langevin friction (1/fs)")
    steps: int = Field(ge=1, description="MD steps, each one DFT call")
    every: int = Field(1, ge=1, description="keep every n-th step as a labelled frame")


class RattledSeed(Section):
    """Random Gaussian displacements, with random strain when asked."""

    kind: Literal["rattled"] = "rattled"
    count: int = Field(ge=1, description="number of frames")
    amplitudes: list[Positive] = Field(
        [0.03], min_length=1, description="standard deviations (Å), used in turn"
    )
    strain: float = Field(0.0, ge=0, lt=0.2, description="largest random strain component")
    supercell: Matrix | Literal["phonon"] | None = Field(
        None,
        description="integer rows, or `phonon`: the phonon supercell of the material; default: "
        "the sampling supercell",
        json_schema_extra={"form": "matrix or `phonon`"},
    )


class HarmonicSeed(Section):
    """Thermal displacements from force constants of a few displaced cells (also labelled)."""

    kind: Literal["harmonic"] = "harmonic"
    count: int = Field(ge=1, description="number of thermal frames")
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K, used in turn")
    displacement: Positive = Field(0.02, description="finite displacement for fc2 (Å)")


class FramesSeed(Section):
    """Labelled frames that the user already has."""

    kind: Literal["frames"] = "frames"
    path: Path = Field(description="labelled extxyz, or a phono3py params yaml (.xz allowed)")
    count: int | None = Field(
        None, ge=1, description="a seeded random draw of n frames; all if none"
    )


Seed = Annotated[AimdSeed | RattledSeed | HarmonicSeed | FramesSeed, Field(discriminator="kind")]


class Split(Section):
    """Time-blocked split: each part is its own stretch of every seed, in this order."""

    calibration: Fraction = Field(0.15, description="fraction for calibration and acquisition")
    test: Fraction = Field(0.2, description="fraction held back for the test errors")

    @model_validator(mode="after")
    def _leaves_something(self) -> Split:
        if self.calibration + self.test >= 0.9:
            raise ValueError("calibration + test leave less than 10 % of the frames for training")
        return self
