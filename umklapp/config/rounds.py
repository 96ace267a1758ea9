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
        description="every frame whose expected force error is too large; the published P_U · P_E; "
        "or at random among the viable (control)",
    )
    uncertainty: Literal[
        "force_max", "force_mean", "energy", "sigma",
        "force_max_relative", "force_mean_relative", "energy_relative", "sigma_relative",
    ] = Field("force_max", description="U of `almomd`; `threshold` knows `force_max`")  # fmt: skip
    lower: Positive | None = Field(
        None,
        description="`threshold`: expected largest force error from which a frame is worth a label "
        "(eV/Å); default: three times rounds.force_error",
    )
    shift: float = Field(2.0, description="a of P_U, in standard deviations (`almomd`)")
    width: Positive = Field(1.0, description="b of P_U (`almomd`)")
    viability_band: Positive = Field(
        6.0, description="standard deviations of the energy beyond which nothing is labelled"
    )
    min_distance: Positive = Field(
        0.6, description="nothing is labelled with atoms closer than this multiple of the bond"
    )
    spacing: float | Literal["auto"] = Field(
        "auto", description="least time between frames of a replica (fs); auto: correlation time"
    )
    diversity: Literal["logdet", "farthest", "none"] = Field(
        "logdet", description="how a batch is spread out: determinant, farthest points, not at all"
    )
    batch_size: int = Field(
        8, ge=1, description="most new labels in a round, beside those of rounds.check_labels"
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
    """When a material is done."""

    max: int = Field(5, ge=1, le=99, description="round cap; reaching it is *not converged*")
    force_error: Positive = Field(
        0.03, description="wanted force MAE of the old committee on the new labels (eV/Å)"
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
        description="labels drawn at random in a round that could be the last: where n of them "
        "are right, a further frame is with probability n/(n + 1), 90 % for 9",
    )
    independent: Positive = Field(
        20.0,
        description="lengths of twice the slowest correlation time that an exploration must have, "
        "all replicas together and without their equilibration",
    )
    calibration_band: float = Field(
        3.0,
        ge=1,
        description="rms(error/expected error) on the new labels must not be above this; what is "
        "above 1 raises all expected errors before `share_above` is judged",
    )
    training_share: Fraction = Field(
        0.1,
        description="rms of the force that members may leave of the training labels of any kind "
        "and cell, over that of the labels; a quarter of `force_error` is always allowed",
    )
    physics: list[Literal["anharmonicity", "kappa"]] = Field(
        ["anharmonicity", "kappa"],
        description="what must have stopped moving: the distribution of σᴬ in the exploration's "
        "dynamics, κ(300 K) of the members",
    )
    sigma_change: Positive = Field(
        0.02, description="wanted shift of the σᴬ distribution between rounds, beyond its error bar"
    )
    sigma_error: Fraction = Field(
        0.25, description="an error bar of that shift above this share of σᴬ decides nothing"
    )
    kappa_change: Positive = Field(
        0.1, description="wanted relative change of κ between rounds (or within its own error bar)"
    )
    kappa_spread: Positive = Field(
        0.25, description="wanted relative standard deviation of κ over the members"
    )

    def worst(self, bound: float) -> float:
        """Largest force error of an atom (eV/Å) on new labels; `bound` is that of acquisition."""
        return self.worst_error or WORST * bound
