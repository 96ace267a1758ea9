"""Sections about what comes out: phonons, conductivity; and how the work is cut into jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from umklapp.config.base import Mesh, Positive, Section

SOLUTION = "temperatures", "method", "interband", "isotopes", "boundary_mfp"
"""Settings of `conductivity` that κ on a given q-mesh depends on."""


class Phonons(Section):
    """Harmonic phonons."""

    displacement: Positive = Field(
        0.03, description="displacement of atoms for force constants (Å)"
    )
    force_constants: Path | None = Field(
        None,
        description="phono3py params file whose fc2 set and Born charges are used in place of the "
        "committee's",
    )
    correction: Literal["none", "taylor"] = Field(
        "none",
        description="`taylor`: add to every member the Taylor expansion (prior `potential.taylor`) "
        "of its residual forces on the training labels in the phonon supercell",
    )
    born: Literal["auto", "reference", "none"] | Path = Field(
        "auto",
        description="Born charges and ε∞ of the non-analytical correction: a file (BORN or yaml of "
        "phonopy, or a table of materials), a folder, or a pattern with `{material}`; `reference`: "
        "by the engine (espresso: ph.x); `none`: no correction (every κ then says so); `auto`: "
        "the params file, else the engine, else `born.yaml` in materials.structures, else none, "
        "said before the first job and in every κ",
    )
    mesh: Mesh = Field([20, 20, 20], description="q-mesh of frequencies, DOS and thermodynamics")
    imaginary: float = Field(
        -0.05,
        le=0,
        description="if any frequency on the mesh is below this (THz), the crystal gets no κ, and "
        "the record says why",
    )
    pair_cutoff: float | None = Field(
        None, gt=0, description="leave pairs of atoms at larger distances out of fc3 (Å)"
    )
    fc3: Literal["displacements", "symfc"] = Field(
        "displacements",
        description="`displacements`: third order from ± displacements of pairs; `symfc`: from a "
        "fit to supercells in which every atom is displaced at random",
    )
    random_displacements: int | None = Field(
        None,
        ge=1,
        description="number of supercells for `fc3: symfc`; null: four times the smallest number "
        "that determines fc3, at least 16",
    )
    random_amplitude: Positive = Field(
        0.03, description="displacement of every atom with `fc3: symfc` (Å)"
    )

    @field_validator("born", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        if value is None:
            raise ValueError(
                "write none (no correction; every κ then says that it has none), or auto"
            )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Phonons:
        if self.random_displacements is not None and self.fc3 != "symfc":
            raise ValueError(
                "random_displacements is for the symfc fit: set fc3 to 'symfc', or leave it out"
            )
        return self


class Conductivity(Section):
    """κ by phono3py: linearised Boltzmann equation, three-phonon scattering."""

    mesh: Mesh = Field([11, 11, 11], description="q-mesh of κ")
    round_mesh: Mesh = Field([7, 7, 7], description="coarser q-mesh, for the assessment of a round")
    temperatures: list[Positive] = Field(
        [300.0], min_length=1, description="temperatures (K); must contain 300"
    )
    method: Literal["rta", "lbte"] = Field(
        "rta",
        description="`rta`: relaxation-time approximation; `lbte`: direct solution (its memory is "
        "the square of irreducible q-points × bands × 3)",
    )
    interband: bool = Field(
        False, description="add the Wigner inter-band term (phono3py's SMM19) to κ"
    )
    isotopes: bool = Field(False, description="scattering by the natural mass variance")
    boundary_mfp: float | None = Field(
        None, gt=0, description="mean free path of boundary scattering (µm); null: none"
    )
    reference: Path | None = Field(
        None,
        description="phono3py hdf5 with the modes of a reference, on the same mesh; `{material}` "
        "in the path is replaced; κ_SRME is computed against it",
    )
    mesh_tolerance: Positive = Field(
        0.02,
        description="relative change of κ below which `conductivity/mesh.json` accepts a mesh",
    )

    @model_validator(mode="after")
    def _has_300(self) -> Conductivity:
        if 300.0 not in self.temperatures:
            raise ValueError("temperatures must contain 300: the summary reports κ(300 K)")
        return self

    @model_validator(mode="after")
    def _known_to_phono3py(self) -> Conductivity:
        # phono3py 4.8.2 leaves boundary scattering out of the linewidths of that term
        if self.method == "lbte" and self.interband and self.boundary_mfp is not None:
            raise ValueError(
                "with method 'lbte' phono3py leaves the boundaries out of the inter-band term: "
                "set method to 'rta', interband to false, or leave out boundary_mfp"
            )
        return self


class Resources(Section):
    """Number, time and memory of the jobs."""

    label_chunks: int = Field(2, ge=1, description="number of parallel label jobs per stage")
    label_timeout: Positive = Field(3600.0, description="largest wall time of one label (s)")
    label_tries: int = Field(
        3,
        ge=1,
        description="a frame that kills its process (out of memory, for example) so many times is "
        "recorded as failed",
    )
    retries: int = Field(0, ge=0, description="how many times Snakemake starts a failed job again")
    walltime: dict[str, Positive] = Field(
        {}, description="factors of the wall time by rule; `default` is for all other rules"
    )
    memory: dict[str, Positive] = Field(
        {}, description="factors of the memory by rule; `default` is for all other rules"
    )
    max_walltime: int | None = Field(
        None,
        ge=1,
        description="no job asks for more wall time than this (minutes); the limit of the queue",
    )
    max_memory: int | None = Field(
        None, ge=500, description="no job asks for more memory than this (MB); the largest node"
    )
    min_free_disk: float = Field(
        2.0,
        ge=0,
        description="the workflow does not start with less free disk space than this (GB)",
    )
    gpu: bool = Field(
        False,
        description="training, exploration, events, trajectories and audit frames ask for one GPU "
        "each; on one machine `gpu=1` of profiles/default lets one such job run at a "
        "time",
    )
