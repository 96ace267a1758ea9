"""Sections about the crystal and its first labels: materials, seeds, split."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

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
from umklapp.config.labels import LabelKeys
from umklapp.config.low_fidelity import LowFidelitySeed

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
    relax_fmax: Positive = Field(
        0.005, description="the relaxation ends when no force is larger than this (eV/Å)"
    )
    relax_smax: Positive = Field(
        5e-4, description="and no stress is larger than this (eV/Å³; 6.2e-4 is 0.1 GPa)"
    )
    symmetry: Literal["keep", "report"] = Field(
        "keep",
        description="what happens if the relaxed cell has another space group than the table: "
        "`keep` is an error, `report` a line in the log and in structure.json",
    )
    cells: Path | None = Field(
        None,
        description="file whose cells are used instead of building and relaxing (one material "
        "only): a phono3py params file (.xz allowed) as it is; or a trajectory (extxyz, FHI-vibes "
        ".son or .nc, aims.out), whose mean cell and mean positions the table's crystal takes",
    )
    cells_keys: LabelKeys = Field(
        LabelKeys(), description="names of the labels in an extxyz file of `cells`, where not ASE's"
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


class AimdSeed(Section):
    """A short ab initio MD run (NVT Langevin) in the sampling supercell."""

    kind: Literal["aimd"] = "aimd"
    temperature: Positive = Field(300.0, description="K")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="Langevin friction (1/fs)")
    steps: int = Field(ge=1, description="MD steps, each one DFT call")
    every: int = Field(1, ge=1, description="keep every n-th step as a labelled frame")


class DisplacedSeed(Section):
    """What seeds of displaced frames have in common: the cell that they are in."""

    supercell: Matrix | Literal["phonon"] | None = Field(
        None,
        description="integer rows, or `phonon`: the phonon supercell of the material; default: "
        "the sampling supercell",
        json_schema_extra={"form": "matrix or `phonon`"},
    )


class RattledSeed(DisplacedSeed):
    """Random Gaussian displacements, with random strain when asked."""

    kind: Literal["rattled"] = "rattled"
    count: int = Field(ge=1, description="number of frames")
    amplitudes: list[Positive] = Field(
        [0.03],
        min_length=1,
        description="standard deviations of the displacements (Å); the frames take them in turn",
    )
    strain: float = Field(0.0, ge=0, lt=0.2, description="largest random strain component")


class HarmonicSeed(DisplacedSeed):
    """Thermal displacements from force constants of a few displaced cells (also labelled)."""

    kind: Literal["harmonic"] = "harmonic"
    count: int = Field(ge=1, description="number of thermal frames")
    temperatures: list[Positive] = Field(
        [300.0], min_length=1, description="temperatures (K); the frames take them in turn"
    )
    displacement: Positive = Field(0.02, description="finite displacement for fc2 (Å)")


class GivenLabels(Section):
    """What seeds made of labels of others have in common: which of them are taken."""

    every: int = Field(1, ge=1, description="take every n-th frame of each file")
    skip: int = Field(0, ge=0, description="leave out so many frames at the start of each file")
    count: int | None = Field(
        None, ge=1, description="of those a seeded random draw of n frames; all if none"
    )
    keys: LabelKeys = Field(
        LabelKeys(), description="names of the labels in extxyz files, where they are not ASE's"
    )


class FramesSeed(GivenLabels):
    """Labelled frames that the user already has; `docs/nomad.md` lists the formats."""

    kind: Literal["frames"] = "frames"
    path: Path = Field(
        description="labelled extxyz, phonopy or phono3py yaml (.xz allowed), FHI-vibes "
        "trajectory.son or .nc, aims.out, vasprun.xml, OUTCAR, ASE's .traj or .db; `{material}` "
        "stands for the material's key"
    )

    def path_of(self, material: str) -> Path:
        """The file of one material."""
        return Path(str(self.path).replace("{material}", material))


class NomadSeed(GivenLabels):
    """Labelled frames of a data set on NOMAD, found by its DOI (`docs/nomad.md`)."""

    kind: Literal["nomad"] = "nomad"
    doi: str = Field(
        "10.17172/NOMAD/2021.11.11-1", pattern=r"^10\.\d+/\S+$", description="DOI of the data set"
    )
    server: str = Field(
        "https://nomad-lab.eu/prod/v1/api/v1", pattern=r"^https?://\S+$", description="NOMAD API v1"
    )
    files: str = Field(
        r"(^|/)trajectory\.son$", min_length=1, description="regular expression on paths"
    )
    parents: int = Field(
        1,
        ge=0,
        le=3,
        description="number of folders above an entry's own in which files are listed, too",
    )
    max_megabytes: Positive = Field(
        2000.0,
        description="if the files of one material are larger than this (MB), the workflow stops "
        "before it downloads any",
    )
    checksums: Path | None = Field(
        None, description="json of SHA-256 by `upload/path` (a manifest of an earlier download)"
    )
    interval: float = Field(1.0, ge=0, description="least time between two requests of a job (s)")
    patience: float = Field(600.0, ge=0, description="longest wait for a server that is busy (s)")

    @model_validator(mode="after")
    def _pattern_compiles(self) -> NomadSeed:
        try:
            re.compile(self.files)
        except re.error as error:
            raise ValueError(f"files: {self.files!r} is no regular expression: {error}") from None
        return self


Seed = Annotated[
    AimdSeed | RattledSeed | HarmonicSeed | FramesSeed | LowFidelitySeed | NomadSeed,
    Field(discriminator="kind"),
]


class Split(Section):
    """Shares of the seeds that calibrate and test; each part is a stretch of time of its own."""

    calibration: Fraction = Field(0.15, description="fraction for calibration and acquisition")
    test: Fraction = Field(0.2, description="fraction held back for the test errors")

    @model_validator(mode="after")
    def _leaves_something(self) -> Split:
        if self.calibration + self.test >= 0.9:
            raise ValueError("calibration + test leave less than 10 % of the frames for training")
        return self
