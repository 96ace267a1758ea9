"""Section about exploration: dynamics, or a pool of frames."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from umklapp.config.base import Positive, Section


class NptBarostat(Section):
    """Stochastic cell rescaling of `ensemble: npt`."""

    pressure: float = Field(0.0, description="GPa")
    time: Positive = Field(500.0, description="relaxation time (fs)")
    compressibility: Positive = Field(
        0.02,
        description="estimate of the compressibility (1/GPa); it sets how fast the cell relaxes, "
        "not to which volume",
    )
    anisotropic: bool = Field(
        False, description="change all six strains of the cell and not the volume alone"
    )


class MdExploration(Section):
    """Langevin dynamics with the committee from several starting frames, in one batch."""

    kind: Literal["md"] = "md"
    replicas: int = Field(
        4, ge=1, description="number of independent trajectories, run in one batch"
    )
    temperatures: list[Positive] = Field(
        [300.0], min_length=1, description="temperatures (K); the replicas take them in turn"
    )
    ensemble: Literal["nvt", "npt"] = Field(
        "nvt", description="constant volume (`nvt`) or constant pressure (`npt`)"
    )
    barostat: NptBarostat = Field(NptBarostat(), description="barostat of `ensemble: npt`")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="1/fs")
    steps: int = Field(500, ge=1, description="largest number of steps of a replica")
    every: int = Field(
        10, ge=1, description="steps between two kept frames, each with its uncertainty"
    )
    driver: Literal["mean", "members"] = Field(
        "mean",
        description="what moves the atoms: `mean`, the committee mean, or `members`, one member "
        "per replica, where the other members are evaluated at every n-th step only",
    )
    backend: Literal["own", "torchsim"] = Field(
        "own",
        description="`own`: umklapp's own dynamics; `torchsim`: torch-sim, with everything on the "
        "GPU (NVT on the committee mean, one random stream for all replicas)",
    )
    bias: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="force towards disagreement of the members, relative to the mean force (0: "
        "none)",
    )
    max_temperature: Positive = Field(
        5.0, description="a replica ends above this multiple of its temperature"
    )
    min_distance: Positive = Field(
        0.6, description="a replica ends below this multiple of the shortest bond length"
    )
    max_force: Positive = Field(50.0, description="a replica ends above this force (eV/Å)")
    max_uncertainty: Positive = Field(
        1.0, description="a replica ends if the spread of the force on an atom exceeds this (eV/Å)"
    )
    max_drift: Positive = Field(
        0.1,
        description="a replica ends at this drift of the conserved energy (eV per atom; NVT "
        "without bias)",
    )

    @model_validator(mode="after")
    def _consistent(self) -> MdExploration:
        if self.bias > 0 and self.driver != "mean":
            raise ValueError("bias needs every member at every step: set driver to 'mean'")
        plain = self.ensemble == "nvt" and self.driver == "mean" and self.bias == 0
        if self.backend == "torchsim" and not plain:
            raise ValueError(
                "backend 'torchsim' runs unbiased NVT by the committee mean: set ensemble to "
                "'nvt', driver to 'mean' and bias to 0, or backend to 'own'"
            )
        return self


class PoolExploration(Section):
    """Judge frames of the look-up table that have not been used yet."""

    kind: Literal["pool"] = "pool"


Exploration = Annotated[MdExploration | PoolExploration, Field(discriminator="kind")]
