"""What all sections of the configuration share: strictness, and the types of their values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

Matrix = Annotated[
    list[Annotated[list[int], Field(min_length=3, max_length=3)]],
    Field(min_length=3, max_length=3),
]
Mesh = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A group of keys; keys it does not know are errors, and so are nan and infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_yes_for_a_number(cls, values: Any) -> Any:
        for name, field in cls.model_fields.items() if isinstance(values, dict) else ():
            kinds = set(get_args(field.annotation) or (field.annotation,))
            if isinstance(values.get(name), bool) and kinds <= {int, float, type(None)}:
                raise ValueError(f"{name}: a number is needed, not yes or no")
        return values


class NearlyCubic(Section):
    """A supercell by its size: compact, with the symmetry of the crystal where there is one."""

    atoms: int = Field(ge=1, le=5000, description="about so many atoms (within a fifth)")


def _form(value: Any) -> str:
    """Which form a supercell is given in; the tags in <> are left out of messages."""
    if isinstance(value, str):
        return "<word>"
    if isinstance(value, NearlyCubic) or (isinstance(value, dict) and "atoms" in value):
        return "<size>"
    return "<by material>" if isinstance(value, dict) else "<matrix>"


Supercell = Annotated[
    Annotated[Matrix, Tag("<matrix>")]
    | Annotated[Literal["published"], Tag("<word>")]
    | Annotated[NearlyCubic, Tag("<size>")],
    Discriminator(_form),
]
"""Integer rows in primitive vectors, the number of atoms that the table states, or another."""

Supercells = Annotated[
    Annotated[Matrix, Tag("<matrix>")]
    | Annotated[Literal["published"], Tag("<word>")]
    | Annotated[NearlyCubic, Tag("<size>")]
    | Annotated[dict[str, Supercell], Tag("<by material>")],
    Discriminator(_form),
]
"""One supercell for all materials, or one by key (`default` for the others)."""

SUPERCELLS = "matrix, `published`, `{atoms: n}`, or a mapping of keys to these"
