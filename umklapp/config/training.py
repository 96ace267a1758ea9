"""Section about the training of a potential."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Fraction, Positive, Section


class WarmStart(Section):
    """Members of a later round go on from those of the round before."""

    epochs: int = Field(20, ge=1, description="in place of `training.epochs`")
    learning_rate: Positive = Field(0.01, description="largest of the new cycle")
    scratch_every: int = Field(
        0, ge=0, description="from scratch again every n-th round (0: never)"
    )


LearningRates = Literal["one_cycle", "plateau"]
Part = Literal["embedding", "convolutions", "readout"]


class Stage(Section):
    """One stage of `training.schedule`; what is not set is as in `training`."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="in files and records; no two alike")
    epochs: int | None = Field(None, ge=1)
    learning_rate: Positive | None = None
    batch_size: int | None = Field(None, ge=1)
    patience: int | None = Field(None, ge=1)
    energy_weight: float | None = Field(None, ge=0)
    force_weight: Positive | None = None
    stress_weight: float | None = Field(
        None, ge=0, description="above 0: an error where no frame has a stress"
    )
    weight_decay: float | None = Field(None, ge=0)
    lr_schedule: LearningRates | None = None
    plateau_factor: Fraction | None = None
    plateau_patience: int | None = Field(None, ge=1)
    freeze: list[Part] = Field([], description="parts of the network that stay as they are")

    @model_validator(mode="after")
    def _something_learns(self) -> Stage:
        if set(self.freeze) == {"embedding", "convolutions", "readout"}:
            raise ValueError(
                f"stage {self.name!r} freezes every part of the network: leave one out of freeze"
            )
        return self


class Training(Section):
    """How one committee member is trained."""

    epochs: int = Field(60, ge=1)
    learning_rate: Positive = Field(
        0.02,
        description="largest of the cycle; where it is not given, the backend's own: `nequip` "
        "0.02, `allegro` and `mace` 0.01, `so3krates` 0.005",
    )
    batch_size: int = Field(2, ge=1)
    patience: int = Field(25, ge=1, description="epochs without better validation loss")
    left: Fraction = Field(
        0.1,
        description="rms of the force that may be left of the training labels of any kind and "
        "cell, over that of the labels; 5 meV/Å are always allowed",
    )
    repeats: int = Field(
        2,
        ge=0,
        description="a training that leaves more goes on as a warm start, at most so often",
    )
    ema_decay: float = Field(0.99, ge=0, lt=1)
    energy_weight: float = Field(1.0, ge=0)
    force_weight: Positive = 1.0
    quiet_frames: float = Field(
        0.5,
        ge=0,
        le=1,
        description="the loss divides the forces of a frame by their rms to this power: 0 makes "
        "every component count alike, 1 the relative error of every frame (docs/training.md)",
    )
    stress_weight: float = Field(
        0.1,
        ge=0,
        description="of the frames that have a stress; eV/Å³ are small numbers: 0.1 does nothing, "
        "elastic constants want about 1000 (docs/elastic.md)",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="decoupled, per step and learning rate (AdamW); 0: Adam"
    )
    lr_schedule: LearningRates = Field(
        "one_cycle",
        description="one cycle over all epochs (warm-up, then cosine), or constant and multiplied "
        "by `plateau_factor` where the validation loss stays",
    )
    plateau_factor: Fraction = Field(0.5, description="of `lr_schedule: plateau`")
    plateau_patience: int = Field(
        20, ge=1, description="epochs without better validation loss before that"
    )
    warm_start: WarmStart | None = Field(
        None, description="continue from the members of the round before; none: from scratch"
    )
    schedule: list[Stage] | None = Field(
        None,
        description="stages one after the other, each from the best weights of the one before; "
        "none: one training as set here",
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
