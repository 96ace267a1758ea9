"""Sections about frames from a cheaper surface: sampling, distillation, pretraining."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from umklapp.config.base import Fraction, Matrix, Positive, Section
from umklapp.config.exploration import NptBarostat
from umklapp.config.potential import Potential
from umklapp.config.training import Training, WarmStart


class CalculatorSurface(Section):
    """Any ASE calculator: empirical potentials of ASE, matscipy or LAMMPS, foundation MLIPs."""

    kind: Literal["calculator"] = "calculator"
    calculator: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description="`module:Class` or a function that gives a calculator, for example "
        "`umklapp.potentials.empirical:manybody` or `ase.calculators.lammpslib:LAMMPSlib`",
    )
    parameters: dict[str, Any] = Field({}, description="its keyword arguments")


class XtbSurface(Section):
    """Tight binding by the optional package tblite (`pip install tblite`)."""

    kind: Literal["xtb"] = "xtb"
    method: Literal["GFN1-xTB", "GFN2-xTB"] = Field("GFN1-xTB", description="parametrisation")
    electronic_temperature: Positive = Field(300.0, description="K")
    max_iterations: int = Field(250, ge=10, description="cap of the charge iterations")


class CheckpointSurface(Section):
    """A trained potential: a NequIP checkpoint or another file that a committee can have."""

    kind: Literal["checkpoint"] = "checkpoint"
    path: Path = Field(description="file of the model")


Surface = Annotated[CalculatorSurface | XtbSurface | CheckpointSurface, Field(discriminator="kind")]


class OrderBias(Section):
    """A harmonic push on the crystalline order O, V = ½ N κ (O − target)²."""

    targets: list[Annotated[float, Field(ge=0, le=1)]] = Field(
        min_length=1,
        description="target of the order O for each temperature; O is 1 in the crystal and about "
        "1/N in a gas",
    )
    stiffness: Positive = Field(3.0, description="κ (eV per atom)")
    shells: int = Field(1, ge=1, le=6, description="least number of shells of Bragg vectors")


class Distillation(Section):
    """Which sampled frames are worth a label: those that a small committee disagrees about."""

    members: int = Field(
        3, ge=2, description="number of networks, each trained on its own part of the frames"
    )
    fraction: Fraction = Field(0.8, description="share that a network trains on")
    start: int = Field(20, ge=2, description="random frames to begin with")
    batch: int = Field(20, ge=1, description="frames added in a round")
    measure: Literal["energy", "force_max"] = Field(
        "energy", description="spread of the energy per atom, or the largest spread of a force"
    )
    bound: Positive | None = Field(
        None,
        description="stop early when no frame has a larger spread than this (eV per atom, or eV/Å)",
    )
    potential: Potential = Field(
        Potential(
            features=[16, 8, 8],
            radial_width=32,
            training=Training(
                epochs=100,
                patience=100,
                learning_rate=0.01,
                stress_weight=0,
                warm_start=WarmStart(epochs=40, learning_rate=0.01),
            ),
        ),
        description="architecture and training of these networks; they can be small, because only "
        "their spread is used",
    )

    @model_validator(mode="after")
    def _goes_on(self) -> Distillation:
        if self.potential.training.warm_start is None:
            raise ValueError("distillation.potential.training.warm_start: later rounds need it")
        if self.potential.baseline != "none":
            raise ValueError("distillation.potential.baseline: molten frames need 'none'")
        return self


class Pretraining(Section):
    """Committee members learn the cheap surface first, then the reference."""

    frames: int = Field(1000, ge=2, description="cheap labels to learn from, a random draw")
    epochs: int = Field(20, ge=1, description="on cheap labels, in place of `training.epochs`")
    learning_rate: Positive = Field(0.01, description="largest of the cycle on cheap labels")
    transfer_epochs: int | None = Field(
        None, ge=1, description="on reference labels after it; default: `training.epochs`"
    )
    transfer_learning_rate: Positive | None = Field(
        None, description="largest of that cycle; default: half of `training.learning_rate`"
    )

    def learning(self, potential: Potential) -> Potential:
        """Settings of the training on cheap labels; their stress counts where they have one."""
        return _trained(
            potential, epochs=self.epochs, learning_rate=self.learning_rate, schedule=None
        )

    def transfer(self, potential: Potential) -> Potential:
        """Settings of the training on reference labels that goes on from there."""
        chosen = potential.training
        return _trained(
            potential,
            epochs=self.transfer_epochs or chosen.epochs,
            learning_rate=self.transfer_learning_rate or chosen.learning_rate / 2,
        )


def _trained(potential: Potential, **changes: object) -> Potential:
    training = potential.training.model_copy(update=changes)
    return potential.model_copy(update={"training": training})


class LowFidelitySeed(Section):
    """Dynamics on a cheap surface through melting and back; the reference labels a few frames."""

    kind: Literal["low_fidelity"] = "low_fidelity"
    surface: Surface = Field(description="cheap potential that moves the atoms")
    count: int = Field(
        ge=2, description="largest number of frames that the reference engine labels"
    )
    supercell: Matrix | None = Field(None, description="default: the sampling supercell")
    replicas: int = Field(4, ge=1, description="independent runs")
    temperatures: list[Positive] = Field(
        min_length=1,
        description="temperatures of the stages (K), one after the other: through melting, then "
        "quenched",
    )
    ensemble: Literal["nvt", "npt"] = Field(
        "nvt",
        description="constant volume or constant pressure; `npt` needs a stress of the surface",
    )
    barostat: NptBarostat = Field(NptBarostat(), description="barostat of `ensemble: npt`")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.02, description="1/fs")
    steps: int = Field(500, ge=1, description="steps of every stage")
    every: int = Field(10, ge=1, description="keep every n-th step")
    strains: list[Annotated[float, Field(gt=-0.3, lt=0.3)]] = Field(
        [0.0],
        min_length=1,
        description="linear strains of the cell; the replicas take them in turn",
    )
    defects: list[Literal["none", "frenkel", "antisite"]] = Field(
        ["none"],
        min_length=1,
        description="defects with which the replicas start, in turn: `frenkel` moves an atom to "
        "the widest void, `antisite` exchanges two atoms of different species",
    )
    bias: OrderBias | None = Field(
        None, description="bias on the crystalline order; none: temperature alone melts the crystal"
    )
    max_temperature: Positive = Field(
        5.0, description="a replica ends above this multiple of the highest temperature"
    )
    min_distance: Positive = Field(
        0.6, description="a replica ends below this multiple of the shortest bond length"
    )
    max_force: Positive = Field(50.0, description="a replica ends above this force (eV/Å)")
    distillation: Distillation | None = Field(
        Distillation(),
        description="how a small committee chooses the frames to label; none: at random",
    )
    pretrain: Pretraining | None = Field(
        None,
        description="train the members on cheap labels before the reference labels; none: do not",
    )

    @model_validator(mode="after")
    def _consistent(self) -> LowFidelitySeed:
        if self.every > self.steps:
            raise ValueError(f"every {self.every} keeps no frame of {self.steps} steps")
        if self.bias is not None and len(self.bias.targets) != len(self.temperatures):
            raise ValueError(
                f"bias.targets has {len(self.bias.targets)} entries, temperatures "
                f"{len(self.temperatures)}: give one target per stage"
            )
        if self.sampled < self.count:
            raise ValueError(
                f"count is {self.count}, but {self.replicas} replicas keep {self.sampled} frames: "
                "raise replicas or steps, or lower every or count"
            )
        if self.distillation is not None and self.distillation.start > self.count:
            raise ValueError(
                f"distillation.start is {self.distillation.start}, more than count {self.count}"
            )
        return self

    @property
    def sampled(self) -> int:
        """Frames that all replicas keep when none ends early."""
        return self.replicas * len(self.temperatures) * (self.steps // self.every)
