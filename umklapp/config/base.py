"""What all sections of the configuration share: strictness, and the types of their values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Matrix = Annotated[
    list[Annotated[list[int], Field(min_length=3, max_length=3)]],
    Field(min_length=3, max_length=3),
]
Mesh = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A group of keys; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
