"""Section about rare events and the verdict on a material."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from umklapp.config.base import Positive, Section
from umklapp.config.labels import LabelKeys


class Persistence(Section):
    """Labels in events are continued: does the event last, and is the committee right there?

    The last committee runs and relaxes; the reference engine labels where that ends.
    """

    frames: int = Field(
        3,
        ge=0,
        description="number of labels to continue from; each costs two reference calculations, and "
        "the perfect cell one more (0: nothing is continued, and no label can confirm "
        "an event)",
    )
    duration: Positive = Field(500.0, description="length of each run (fs)")
    error: Positive = Field(
        0.25,
        description="largest force error of an atom at the ends up to which the last committee's "
        "continuation counts (eV/Å)",
    )


class Verdict(Section):
    """The verdict on rare events, from σᴬ(t) before and after learning."""

    reference: Path | Annotated[list[Path], Field(min_length=1)] | None = Field(
        None,
        description="reference MD with times: one file or a list, in any format of a seed of kind "
        "`frames`; `{material}` stands for the material's key; default: the aimd seeds",
    )
    reference_keys: LabelKeys = Field(
        LabelKeys(), description="names of the labels in its extxyz files, where not ASE's"
    )
    enter: Positive = Field(
        6.0, description="an event begins this many widths above the quiet median of σᴬ"
    )
    leave: Positive = Field(3.0, description="and ends this many widths above it")
    shortest: float = Field(0.0, ge=0, description="shorter events are ignored (fs)")
    gap: float = Field(
        200.0, ge=0, description="a shorter quiet stretch does not end an event (fs)"
    )
    dynamics: Positive = Field(
        1.0,
        description="smallest length of a committee's dynamics (ps); with less the verdict is "
        "undecided",
    )
    rarest: Positive = Field(
        0.1,
        description="rate of the rarest event that must not be overlooked (1/ps): if no event was "
        "seen, *sound* needs 3/`rarest` ps of reference dynamics",
    )
    sigma_atoms: int = Field(
        60,
        ge=1,
        description="smallest number of atoms for which σᴬ is reported and used for advice; "
        "smaller cells have too few modes",
    )
    persistence: Persistence = Field(
        Persistence(), description="how labelled events are continued, to see whether they last"
    )

    def references(self, material: str) -> list[Path]:
        """The files of reference MD of one material; empty where none are named."""
        if self.reference is None:
            return []
        named = self.reference if isinstance(self.reference, list) else [self.reference]
        return [Path(str(path).replace("{material}", material)) for path in named]

    @model_validator(mode="after")
    def _hysteresis(self) -> Verdict:
        if self.leave > self.enter:
            raise ValueError(
                f"leave ({self.leave}) is above enter ({self.enter}): an event would end before it "
                "begins"
            )
        return self
