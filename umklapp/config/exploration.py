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
        0.02, description="estimate (1/GPa); sets how fast the cell follows, not where it goes"
    )
    anisotropic: bool = Field(False, description="all six strains instead of the volume alone")


class MdExploration(Section):
    """Langevin dynamics with the committee from several starting frames, in one batch."""

    kind: Literal["md"] = "md"
    replicas: int = Field(4, ge=1)
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K, used in turn")
    ensemble: Literal["nvt", "npt"] = "nvt"
    barostat: NptBarostat = NptBarostat()
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="1/fs")
    steps: int = Field(500, ge=1, description="bound per replica; reaching it is a result")
    every: int = Field(10, ge=1, description="uncertainty and a kept frame every n steps")
    driver: Literal["mean", "members"] = Field(
        "mean",
        description="what moves the atoms: the committee mean, or one member per replica, which "
        "asks the others only every n steps",
    )
    backend: Literal["own", "torchsim"] = Field(
        "own",
        description="who integrates: our own dynamics, or torch-sim with everything on the GPU "
        "(`pip install umklapp[torchsim]`; NVT by the mean, one stream of noise)",
    )
    bias: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="push towards disagreement, relative to the mean force (0: none)",
    )
    max_temperature: Positive = Field(5.0, description="stop above this multiple of the target T")
    min_distance: Positive = Field(0.6, description="stop below this multiple of the shortest bond")
    max_force: Positive = Field(50.0, description="stop above this force (eV/Å)")
    max_uncertainty: Positive = Field(
        1.0, description="stop where members differ by more than this on an atom (eV/Å)"
    )
    max_drift: Positive = Field(
        0.1, description="stop at this drift of the conserved energy (eV/atom; NVT, no bias)"
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
