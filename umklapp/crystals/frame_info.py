"""What a configuration says of itself: `atoms.info` as one typed object, written and read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

import numpy as np
from ase import Atoms
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from umklapp.errors import InputError
from umklapp.records import Part

SeedKind = Literal["aimd", "rattled", "harmonic", "frames", "nomad", "low_fidelity"]
OriginKind = Literal[SeedKind, "displaced", "curvature", "round", "audit", "other"]


class Origin(Part):
    """Where a configuration comes from; a stretch of frames of one origin is never shared by parts.

    kind: a seed; `displaced`: the finite displacements behind a harmonic seed; `curvature`: a
        displaced cell of the second derivatives; `round`: acquired; `audit`: from an ensemble of
        κ, to audit it; `other`: anything else.
    seed: place of the entry in the configuration's `seeds`; of a seed, and of displaced cells.
    index: which file of a seed of several files, which displaced cell, or which round
        (also of an audit); from 0.
    text: the user's own words, of the kind `other`.
    """

    kind: OriginKind
    seed: int | None = Field(default=None, ge=0)
    index: int | None = Field(default=None, ge=0)
    text: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        seeded = self.kind in (*get_args(SeedKind), "displaced")
        if seeded != (self.seed is not None) or (self.kind in ("curvature", "round", "audit")) > (
            self.index is not None
        ):
            raise ValueError(f"an origin {self.kind!r} lacks its seed or index, or has one more")
        return self

    @property
    def displaced(self) -> bool:
        """Whether it is a finite displacement that belongs to a harmonic seed."""
        return self.kind == "displaced"

    @classmethod
    def parse(cls, text: str) -> Origin:
        """The origin of its text; texts of no known form are of the kind `other`."""
        if match := re.fullmatch(r"harmonic (\d+) displaced", text):
            return cls(kind="displaced", seed=int(match[1]))
        if match := re.fullmatch(rf"({'|'.join(get_args(SeedKind))}) (\d+)(?: (\d+))?", text):
            index = None if match[3] is None else int(match[3])
            return cls.model_validate({"kind": match[1], "seed": int(match[2]), "index": index})
        if match := re.fullmatch(r"(round|audit)_(\d+)", text):
            return cls.model_validate({"kind": match[1], "index": int(match[2])})
        if match := re.fullmatch(r"curvature (\d+)", text):
            return cls(kind="curvature", index=int(match[1]))
        return cls(kind="other", text=text)

    def __str__(self) -> str:
        """As it stands in extxyz files: `aimd 0`, `harmonic 1 displaced`, `round_03`, …"""
        if self.kind == "other":
            return self.text
        if self.kind == "displaced":
            return f"harmonic {self.seed} displaced"
        if self.kind in ("round", "audit"):
            return f"{self.kind}_{self.index:02d}"
        indices = (self.seed, self.index)
        return " ".join([self.kind, *(str(value) for value in indices if value is not None)])


class FrameInfo(Part):
    """Everything umklapp keeps in `atoms.info`; other entries there are the user's and are left.

    material: key of the table. origin: where the frame comes from.
    frame_id: content hash (`frames.frame_id`). engine, settings_hash: of the label. program: name
    and version of what computed it, from its output.
    untested: of a given label: wrong units and mix-ups that its file is too small to exclude.
    time: fs since the trajectory began. explored: row of the frame among the kept frames of the
    exploration that found it. uncertainty, probability: why it was acquired (the measure's unit).
    replica, stage, order, place: of a low-fidelity pool: replica, temperature stage, crystalline
    order O, and place in the pool's list, which is the order of its frames in the split.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    material: str | None = None
    origin: Origin | None = None
    frame_id: str | None = None
    engine: str | None = None
    settings_hash: str | None = None
    program: str | None = None
    untested: str | None = None
    time: float | None = None
    explored: int | None = None
    uncertainty: float | None = None
    probability: float | None = None
    replica: int | None = None
    stage: int | None = None
    order: float | None = None
    place: int | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return value.item() if isinstance(value, np.generic) else value

    @field_validator("origin", mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, Origin) else Origin.parse(str(value))

    @classmethod
    def of(cls, atoms: Atoms) -> FrameInfo:
        """The info of a frame; what it does not say is None.

        Raises:
            InputError: an entry of one of these names is of another kind, as a user's own file may
                have it.
        """
        return cls.of_entries(atoms.info)

    @classmethod
    def of_entries(cls, entries: Mapping[str, Any]) -> FrameInfo:
        """As `of`, from `atoms.info` or what was kept of it (`entries`).

        Raises:
            InputError: an entry of one of our names that cannot be ours.
        """
        try:
            return cls.model_validate({key: entries.get(key) for key in cls.model_fields})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise InputError(
                f"frame {entries.get('frame_id', 'without id')}: info {name!r} is "
                f"{entries[name]!r}: {first['msg']}; the name is umklapp's, so call the entry of "
                "your file something else"
            ) from None

    def put(self, atoms: Atoms) -> None:
        """Write what is known to `atoms.info`; the rest there is kept."""
        atoms.info.update(self.entries())

    def entries(self) -> dict[str, Any]:
        """What is known, as the text and numbers of extxyz files."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: str(value) if isinstance(value, Origin) else value
            for name, value in values.items()
            if value is not None
        }


def mark(atoms: Atoms, **fields: Any) -> None:
    """Set some fields of `FrameInfo` of a frame in place; None takes a field away.

    Raises:
        ValidationError: no such field, or a value of another kind.
    """
    for name in [name for name, value in fields.items() if value is None]:
        atoms.info.pop(name, None)
    FrameInfo(**fields).put(atoms)


def inherit(atoms: Atoms, *sources: Atoms) -> None:
    """Take over all entries of the frames that this one was made of; a later source wins."""
    for source in sources:
        atoms.info.update(source.info)


def identity(atoms: Atoms) -> str:
    """The frame's id as it was read or made; raises `KeyError` where it was never given one."""
    return str(atoms.info["frame_id"])


def explored_row(atoms: Atoms) -> int:
    """Row of an acquired frame among the kept frames of the exploration that found it.

    Raises:
        InputError: the frame was not acquired from an exploration.
    """
    row = FrameInfo.of(atoms).explored
    if row is None:
        raise InputError(
            f"frame {atoms.info.get('frame_id', atoms.symbols)}: not acquired from an exploration"
        )
    return row
