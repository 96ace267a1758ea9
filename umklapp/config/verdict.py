"""Section about rare events and the verdict on a material."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from umklapp.config.base import Positive, Section


class Verdict(Section):
    """Events in σᴬ(t), and what they say of the potential before and after learning."""

    reference: Path | Annotated[list[Path], Field(min_length=1)] | None = Field(
        None,
        description="reference MD with times: one file or a list, in any format of a seed of kind "
        "`frames`; `{material}` stands for the material's key; default: the aimd seeds",
    )
    enter: Positive = Field(
        6.0, description="an event begins this many widths above the quiet median of σᴬ"
    )
    leave: Positive = Field(3.0, description="and ends this many widths above it")
    shortest: float = Field(0.0, ge=0, description="shorter events are noise (fs)")
    dynamics: Positive = Field(
        1.0, description="with less dynamics per committee than this (ps) nothing is decided"
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
