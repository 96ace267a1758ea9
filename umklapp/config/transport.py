"""Sections about what comes out: phonons, conductivity; and how the work is cut into jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Mesh, Positive, Section


class Phonons(Section):
    """Harmonic phonons."""

    displacement: Positive = Field(0.03, description="Å")
    force_constants: Path | None = Field(
        None, description="phono3py params file whose fc2 set and Born charges are used instead"
    )
    correction: Literal["none", "taylor"] = Field(
        "none",
        description="add to every member the Taylor expansion (prior `potential.taylor`) of what "
        "it leaves of the training labels in the phonon supercell",
    )
    born: Path | None = Field(
        None,
        description="yaml with Born charges and dielectric constant per material, for the "
        "non-analytical correction (for example config/structures/born.yaml)",
    )
    mesh: Mesh = Field([20, 20, 20], description="q-mesh of frequencies, DOS and thermodynamics")
    imaginary: float = Field(
        -0.05, le=0, description="a lower frequency on the mesh means no κ, with the reason (THz)"
    )
    pair_cutoff: float | None = Field(
        None, gt=0, description="fc3: leave out pairs farther apart than this (Å)"
    )


class Conductivity(Section):
    """κ by phono3py: linearised Boltzmann equation in the relaxation-time approximation."""

    mesh: Mesh = Field([11, 11, 11], description="q-mesh of κ")
    round_mesh: Mesh = Field([7, 7, 7], description="coarser mesh for the assessment of a round")
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K; contains 300")
    isotopes: bool = False

    @model_validator(mode="after")
    def _has_300(self) -> Conductivity:
        if 300.0 not in self.temperatures:
            raise ValueError("temperatures must contain 300: the summary reports κ(300 K)")
        return self


class Resources(Section):
    """How the work is cut into jobs."""

    label_chunks: int = Field(2, ge=1, description="parallel label jobs per stage")
    label_timeout: Positive = Field(3600.0, description="wall time of one label (s)")
    retries: int = Field(0, ge=0, description="Snakemake retries of a failed job")
    gpu: bool = Field(False, description="training and exploration ask for one GPU each")
