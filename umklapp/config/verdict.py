"""Section about rare events and the verdict on a material."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from umklapp.config.base import Positive, Section


class Verdict(Section):
    """Events in σᴬ(t), and what they say of the potential before and after learning."""

    reference: Path | None = Field(
        None,
        description="labelled extxyz of reference MD with `time` (fs); default: the aimd seeds",
    )
    enter: Positive = Field(
        6.0, description="an event begins this many widths above the quiet median of σᴬ"
    )
    leave: Positive = Field(3.0, description="and ends this many widths above it")
    shortest: float = Field(0.0, ge=0, description="shorter events are noise (fs)")
    dynamics: Positive = Field(
        1.0, description="with less dynamics per committee than this (ps) nothing is decided"
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> Verdict:
        if self.leave > self.enter:
            raise ValueError(
                f"leave ({self.leave}) is above enter ({self.enter}): an event would end before it "
                "begins"
            )
        return self
