"""Section about heat transport from dynamics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Matrix, Positive, Section

MOVES = (
    *("temperature", "timestep", "equilibration", "friction", "length"),
    *("flux_every", "frames_every"),
)
"""Settings that a trajectory depends on; the others are of the analysis."""


class GreenKubo(Section):
    """κ from the heat flux of constant-energy dynamics, one committee member per trajectory."""

    temperature: Positive = Field(300.0, description="K")
    supercell: Matrix | None = Field(
        None,
        description="rows in primitive vectors; default: materials.phonon_supercell. The cell may "
        "be smaller than the range of the potential",
    )
    trajectories: int = Field(
        8,
        ge=1,
        description="number of independent runs; the members of the committee drive them in turn",
    )
    timestep: Positive = Field(2.0, description="fs")
    equilibration: Positive = Field(
        5.0, description="length of the Langevin dynamics before each run (ps)"
    )
    friction: Positive = Field(0.01, description="friction of the equilibration (1/fs)")
    length: Positive = Field(
        50.0, description="length of the constant-energy dynamics of each run (ps)"
    )
    flux_every: int = Field(4, ge=1, description="steps between two fluxes")
    frames_every: int = Field(2, ge=1, description="fluxes between two kept frames (for lifetimes)")
    correction: Literal["auto", "none", "taylor"] = Field(
        "auto",
        description="`taylor`: add to every member, as it moves the atoms, the Taylor expansion "
        "(prior `potential.taylor`) of its residual forces on the training labels in the phonon "
        "supercell; it fades as an atom leaves its site; `auto`: where `phonons.correction` is "
        "`taylor`. Where there can be none, `green_kubo/potential.json` says why before the first "
        "run",
    )
    least_atoms: int = Field(
        128,
        ge=1,
        description="κ from fewer atoms gets a warning and is not trusted, because waves longer "
        "than the cell are missing (128 is the smallest supercell of the published "
        "screening)",
    )
    max_drift: Positive = Field(
        0.002, description="runs with a larger energy drift are left out (eV per atom over the run)"
    )
    procedure: Literal["umklapp", "vibes"] = Field(
        "umklapp", description="analysis: umklapp's own, or the published steps of FHI-vibes"
    )
    gauge: Literal["lattice", "full"] = Field(
        "lattice",
        description="`lattice`: heat flux with the distances of the lattice sites (no convection, "
        "less noise; for solids); `full`: with the distances of the atoms and "
        "convection",
    )
    size_correction: bool = Field(
        True, description="extrapolate to infinite size by mode lifetimes (Knoop et al. 2023)"
    )

    effective_frames: int = Field(
        0,
        ge=0,
        description="number of frames to which effective force constants are fitted, for κ from "
        "the Boltzmann equation with them (0: none)",
    )

    def corrected(self, phonons: str) -> bool:
        """Whether members move with their Taylor correction; phonons: `phonons.correction`."""
        return (phonons if self.correction == "auto" else self.correction) == "taylor"

    @model_validator(mode="after")
    def _long_enough(self) -> GreenKubo:
        interval = self.timestep * self.flux_every / 1000
        if self.length < 50 * interval:
            raise ValueError(
                f"length is {self.length:g} ps, less than 50 fluxes {1000 * interval:g} fs apart: "
                "raise length or lower flux_every"
            )
        return self
