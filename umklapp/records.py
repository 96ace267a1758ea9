"""Results on disk as typed, versioned records: read whole, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from umklapp import provenance
from umklapp.errors import InputError
from umklapp.files import read_json, write_json


class Part(BaseModel):
    """A piece of a record: unknown names and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Record(Part):
    """A result file. A subclass names its fields; its docstring says their units.

    VERSION: of the layout; raise it when a field changes its meaning, and teach `upgrade` the step.
    versions, code: of the packages and of umklapp that wrote the file.
    """

    VERSION: ClassVar[int] = 1

    schema_version: int = 0
    versions: dict[str, str] = Field(default_factory=dict)
    code: str = "unknown"

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Contents of a file of an earlier version in today's layout.

        Files from before there were versions count as version 0.

        Raises:
            InputError: they cannot be read any more; the message says what to run again.
        """
        return data

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record of a file.

        Raises:
            InputError: no json, of a newer version, or not this kind of record; file, field and
                remedy are named.
        """
        return cls.parse(read_json(Path(path)), path)

    @classmethod
    def parse(cls, data: object, path: Path) -> Self:
        """The record of json that is read already, a part of the file at `path`.

        Raises:
            InputError: as `read`.
        """
        name = cls.__name__
        if not isinstance(data, dict):
            raise InputError(f"{path}: not a {name} record; delete it and run again")
        version = data.get("schema_version", 0)
        if not isinstance(version, int) or version > cls.VERSION:
            raise InputError(
                f"{path}: a {name} record of version {version}, this umklapp reads up to "
                f"{cls.VERSION}: use the umklapp that wrote it"
            )
        if version < cls.VERSION:
            data = cls.upgrade(data, version)
        try:
            return cls.model_validate({**data, "schema_version": cls.VERSION})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(
                f"{path}: not a {name} record: {where}: {first['msg']}; delete it and run again"
            ) from None

    @field_serializer("schema_version")
    def _today(self, _: int) -> int:
        """In memory every record has today's layout, also one within another."""
        return self.VERSION

    def write(self, path: Path) -> None:
        """Write json at once, with today's versions and code state."""
        written = {
            **self.model_dump(mode="json"),
            **provenance.record(),
        }
        write_json(path, written)
