"""Section about the training of a potential."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Fraction, Positive, Section


class WarmStart(Section):
    """Members of a later round go on from those of the round before."""

    epochs: int = Field(20, ge=1, description="in place of `training.epochs`")
    learning_rate: Positive = Field(0.01, description="highest learning rate of the new cycle")
    scratch_every: int = Field(
        0, ge=0, description="train from random weights again in every n-th round (0: never)"
    )


LearningRates = Literal["one_cycle", "plateau"]
Part = Literal["embedding", "convolutions", "readout"]


class Stage(Section):
    """One stage of `training.schedule`; what is not set is as in `training`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9_-]+$",
        description="name of the stage in files and records; each stage needs its own",
    )
    epochs: int | None = Field(None, ge=1, description="in place of `training.epochs`")
    learning_rate: Positive | None = Field(None, description="in place of `training.learning_rate`")
    batch_size: int | None = Field(None, ge=1, description="in place of `training.batch_size`")
    patience: int | None = Field(None, ge=1, description="in place of `training.patience`")
    energy_weight: float | None = Field(
        None, ge=0, description="in place of `training.energy_weight`"
    )
    force_weight: Positive | None = Field(None, description="in place of `training.force_weight`")
    stress_weight: float | None = Field(
        None,
        ge=0,
        description="in place of `training.stress_weight`; above 0 it is an error if no frame has "
        "a stress",
    )
    weight_decay: float | None = Field(
        None, ge=0, description="in place of `training.weight_decay`"
    )
    lr_schedule: LearningRates | None = Field(
        None, description="in place of `training.lr_schedule`"
    )
    plateau_factor: Fraction | None = Field(
        None, description="in place of `training.plateau_factor`"
    )
    plateau_patience: int | None = Field(
        None, ge=1, description="in place of `training.plateau_patience`"
    )
    freeze: list[Part] = Field(
        [], description="parts of the network that this stage does not change"
    )

    @model_validator(mode="after")
    def _something_learns(self) -> Stage:
        if set(self.freeze) == {"embedding", "convolutions", "readout"}:
            raise ValueError(
                f"stage {self.name!r} freezes every part of the network: leave one out of freeze"
            )
        return self


class Training(Section):
    """How one committee member is trained."""

    epochs: int = Field(
        60, ge=1, description="largest number of passes through the training frames"
    )
    learning_rate: Positive = Field(
        0.02,
        description="highest learning rate of the cycle; default of the backend: `nequip` 0.02, "
        "`allegro` and `mace` 0.01, `so3krates` 0.005",
    )
    batch_size: int = Field(2, ge=1, description="frames in an optimiser step")
    patience: int = Field(
        25,
        ge=1,
        description="the training ends after so many epochs without a better validation loss",
    )
    left: Fraction = Field(
        0.1,
        description="largest rms force error on the training labels of any kind and cell, relative "
        "to the rms force of these labels; 5 meV/Å are always allowed",
    )
    repeats: int = Field(
        2,
        ge=0,
        description="a training that exceeds `left` continues as a warm start, at most so many "
        "times",
    )
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="decay of the exponential average of the weights, per step"
    )
    energy_weight: float = Field(
        1.0, ge=0, description="weight of the squared energy error per atom in the loss"
    )
    force_weight: Positive = Field(1.0, description="weight of the squared force error in the loss")
    quiet_frames: float = Field(
        0.5,
        ge=0,
        le=1,
        description="the loss divides the forces of a frame by their rms to this power: 0 makes "
        "every component count alike, 1 the relative error of every frame; above 0 the relative "
        "error counts beyond three times the typical force (docs/training.md)",
    )
    stress_weight: float = Field(
        0.1,
        ge=0,
        description="weight of the squared stress error, over the frames that have a stress. "
        "Stresses in eV/Å³ are small numbers: 0.1 has almost no effect, elastic "
        "constants need about 1000 (docs/elastic.md)",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="decoupled weight decay (AdamW), relative to the learning rate; 0: Adam",
    )
    lr_schedule: LearningRates = Field(
        "one_cycle",
        description="`one_cycle`: one cycle over all epochs (warm-up, then cosine); `plateau`: "
        "constant, multiplied by `plateau_factor` when the validation loss stops "
        "falling",
    )
    plateau_factor: Fraction = Field(0.5, description="factor of `lr_schedule: plateau`")
    plateau_patience: int = Field(
        20, ge=1, description="epochs without a better validation loss before the factor is applied"
    )
    warm_start: WarmStart | None = Field(
        None,
        description="continue from the members of the previous round; none: from random weights",
    )
    schedule: list[Stage] | None = Field(
        None,
        description="stages of the training; each starts from the best weights of the previous "
        "stage; none: one training with the settings above",
    )

    @model_validator(mode="after")
    def _stages(self) -> Training:
        if self.schedule is None:
            return self
        if not self.schedule:
            raise ValueError("a schedule with no stage: give one or more, or leave out schedule")
        names = [stage.name for stage in self.schedule]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"schedule has more than one stage named {twice[0]!r}: rename one")
        return self
