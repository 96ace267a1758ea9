"""Sections about what is labelled next, and when a material is done."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Fraction, Positive, Section

BOUND = 3.0
"""Of `rounds.force_error`: a frame is worth a label when the expected error of its worst atom is
above. The mean absolute error e of a component belongs to an rms error of a Gaussian force vector
of sqrt(3 π/2) e = 2.2 e; that of the worst of some atoms is somewhat larger."""

WORST = 2.0
"""Of that bound: an expected error is a root mean square, and the largest error of 64 atoms at the
bound reaches 2.3 times as much by chance (0.999 quantile of χ₃ over sqrt 3)."""


class Acquisition(Section):
    """Which explored frames are labelled (docs/science.md)."""

    strategy: Literal["threshold", "almomd", "random"] = Field(
        "threshold",
        description="`threshold`: frames whose expected force error is above `lower`; `almomd`: "
        "the published P_U · P_E; `random`: viable frames at random (control)",
    )
    uncertainty: Literal[
        "force_max", "force_mean", "energy", "sigma",
        "force_max_relative", "force_mean_relative", "energy_relative", "sigma_relative",
    ] = Field("force_max", description="measure; `threshold` needs `force_max`")  # fmt: skip
    lower: Positive | None = Field(
        None,
        description="expected largest force error above which `threshold` labels a frame (eV/Å); "
        "default: three times rounds.force_error",
    )
    shift: float = Field(2.0, description="a of P_U, in standard deviations (`almomd`)")
    width: Positive = Field(1.0, description="b of P_U (`almomd`)")
    viability_band: Positive = Field(
        6.0,
        description="frames whose energy lies more than so many standard deviations away are not "
        "labelled",
    )
    min_distance: Positive = Field(
        0.6,
        description="frames with atoms closer than this multiple of the bond length are not "
        "labelled",
    )
    spacing: float | Literal["auto"] = Field(
        "auto",
        description="smallest time between labelled frames of a replica (fs); `auto`: two "
        "correlation times",
    )
    diversity: Literal["logdet", "farthest", "none"] = Field(
        "logdet",
        description="how the batch is spread over different frames: by a determinant, by farthest "
        "points, or not at all",
    )
    batch_size: int = Field(
        8,
        ge=1,
        description="largest number of new labels in a round, beside those of rounds.check_labels",
    )

    def bound(self, force_error: float) -> float:
        """Expected force error of a frame's worst atom from which it is worth a label, eV/Å.

        What is chosen and what stops the rounds are judged by this one number.

        Args:
            force_error: of `Rounds`, eV/Å.
        """
        return self.lower or BOUND * force_error

    @model_validator(mode="after")
    def _consistent(self) -> Acquisition:
        if self.strategy == "threshold" and self.uncertainty != "force_max":
            raise ValueError(
                "strategy 'threshold' works on the expected largest force error: set uncertainty "
                "to 'force_max', or strategy to 'almomd'"
            )
        if self.spacing != "auto" and self.spacing < 0:
            raise ValueError(f"spacing is {self.spacing} fs; it cannot be negative")
        return self


class Rounds(Section):
    """Criteria by which a material is done."""

    max: int = Field(
        5,
        ge=1,
        le=99,
        description="largest number of rounds; a material that is not done then is *not converged*",
    )
    force_error: Positive = Field(
        0.03,
        description="wanted force MAE of the committee on the new labels, before it learns them "
        "(eV/Å)",
    )
    worst_error: Positive | None = Field(
        None,
        description="wanted largest force error of an atom on the new labels (eV/Å); default: "
        "twice the bound of acquisition, six times `force_error`",
    )
    share_above: float = Field(
        0.03,
        ge=0,
        le=1,
        description="share of the explored frames that may be above the bound of acquisition",
    )
    check_labels: int = Field(
        9,
        ge=1,
        description="number of frames labelled at random in a round that could be the last. If n "
        "of them are right, a further frame is right with probability n/(n + 1), which "
        "is 90 % for 9",
    )
    independent: Positive = Field(
        20.0,
        description="length of the exploration, of all replicas together and without "
        "equilibration, in units of twice the slowest correlation time",
    )
    calibration_band: float = Field(
        3.0,
        ge=1,
        description="largest rms(error/expected error) on the new labels; if it is above 1, all "
        "expected errors are multiplied by it before `share_above` is tested",
    )
    training_share: Fraction = Field(
        0.1,
        description="largest rms force error of the members on the training labels of any kind and "
        "cell, relative to the rms force of these labels; a quarter of `force_error` "
        "is always allowed",
    )
    physics: list[Literal["anharmonicity", "kappa"]] = Field(
        ["anharmonicity", "kappa"],
        description="quantities that must not change between rounds: the distribution of σᴬ in the "
        "exploration, and κ(300 K) of the members",
    )
    sigma_change: Positive = Field(
        0.02,
        description="largest change of the σᴬ distribution between rounds, beyond its error bar",
    )
    sigma_error: Fraction = Field(
        0.25,
        description="largest error bar of that change, as a share of σᴬ; a larger one does not "
        "meet the criterion",
    )
    kappa_change: Positive = Field(
        0.1, description="largest relative change of κ between rounds, beyond its own error bar"
    )
    kappa_spread: Positive = Field(
        0.25, description="largest relative standard deviation of κ over the members"
    )

    def worst(self, bound: float) -> float:
        """Largest force error of an atom (eV/Å) on new labels; `bound` is that of acquisition."""
        return self.worst_error or WORST * bound
