"""What is generated from the models: JSON schema and the reference table of the documentation."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from umklapp.config import ranges
from umklapp.config.base import Section
from umklapp.config.campaign import Campaign

log = logging.getLogger(__name__)

KINDS = ("kind", "engine", "package")
"""Keys whose one value says which of several sections it is."""


def schema() -> str:
    """JSON schema of the configuration, as text."""
    return json.dumps(Campaign.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def _sections(model: type[BaseModel], name: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, model
    for key, field in model.model_fields.items():
        stack: list[Any] = [field.annotation]
        while stack:
            item = stack.pop(0)
            if isinstance(item, type) and issubclass(item, Section):
                kind = _kind(item)
                label = f"{name}.{key}" if name != "campaign" else key
                yield from _sections(item, f"{label} ({kind})" if kind else label)
            stack.extend(getattr(item, "__args__", ()))


def _holds_sections(annotation: object) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, Section)
    return any(_holds_sections(item) for item in getattr(annotation, "__args__", ()))


def _type_name(annotation: object) -> str:
    members = getattr(annotation, "__args__", ())
    if _holds_sections(annotation):
        return "list of sections" if "list" in str(annotation) else "section"
    if get_origin(annotation) is Literal:
        return " \\| ".join(f"`{item}`" for item in members)
    if "list" in str(annotation):
        return "list"
    if members and get_origin(annotation) is Annotated:
        return _type_name(members[0])
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type_name(item) for item in members).replace("NoneType", "none")
    return str(getattr(annotation, "__name__", annotation))


def _kind(model: type[BaseModel]) -> str | None:
    """The one value of the key that tells a section from its alternatives, such as `gpaw`."""
    for key in KINDS:
        field = model.model_fields.get(key)
        if (
            field
            and get_origin(field.annotation) is Literal
            and len(get_args(field.annotation)) == 1
        ):
            return str(field.default)
    return None


def _tables() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Name and model of every section, with the name under which the table of its keys stands.

    A model that is used in several places has one table, at the place nearest to the top; sections
    within it are not repeated either.
    """
    places = list(dict.fromkeys(_sections(Campaign, "campaign")))
    homes: dict[type[BaseModel], str] = {}
    for name, model in places:
        if model not in homes or name.count(".") < homes[model].count("."):
            homes[model] = name
    elsewhere = tuple(f"{name}." for name, model in places if homes[model] != name)
    for name, model in places:
        if not name.startswith(elsewhere):
            yield name, model, homes[model]


def docs_table() -> str:
    """The configuration reference as markdown."""
    lines = [
        "# Configuration reference",
        "",
        "`make docs` generates this page from `umklapp/config/`; do not edit it by hand.",
        "An unknown key or an impossible value stops the workflow before any job starts.",
        "So does a number outside the range of its key: of signed numbers the size counts, and",
        "0 is in the range of every key that takes it.",
        "A section in parentheses, such as `seeds (aimd)`, is one of several kinds.",
    ]
    for name, model, home in _tables():
        lines += ["", f"## {name}", ""]
        if name != home:
            lines += [f"The keys are those of the section `{home}`."]
            continue
        lines += [cleandoc(model.__doc__ or ""), ""]
        lines += ["| key | type | range | default | meaning |", "|---|---|---|---|---|"]
        path = [part.split(" (")[0] for part in name.split(".")]
        lines += [_row([*path, key], field) for key, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def _meaning(key: str, annotation: object) -> str:
    """Of a key without a description: the first sentence of its section."""
    if key in KINDS:
        return "selects this kind of section"
    for item in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(item, type) and issubclass(item, Section):
            return (item.__doc__ or "").splitlines()[0]
    return ""


def _row(path: list[str], field: FieldInfo) -> str:
    key = path[-1]
    default = "**needed**" if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        default = "see below"
    extra = field.json_schema_extra
    form = extra.get("form") if isinstance(extra, dict) else None
    meaning = field.description or _meaning(key, field.annotation)
    cells = [str(text).replace("|", "\\|") for text in (_range(path, field), default, meaning)]
    return f"| `{key}` | {form or _type_name(field.annotation)} | {' | '.join(cells)} |"


def _range(path: list[str], field: FieldInfo) -> str:
    """The range of a number, where the section itself allows less, too; empty of other keys."""
    allowed = ranges.of(path) if _is_number(field.annotation) else None
    if allowed is None:
        return ""
    for bound in field.metadata:
        if isinstance(bound, Ge):
            allowed = replace(allowed, low=max(allowed.low, cast(float, bound.ge)))
        elif isinstance(bound, Le) and cast(float, bound.le) > 0:
            allowed = replace(allowed, high=min(allowed.high, cast(float, bound.le)))
    return str(allowed)


def _is_number(annotation: object) -> bool:
    """Whether numbers are among what a key takes, in lists and mappings too."""
    if annotation in (int, float):
        return True
    return any(_is_number(item) for item in getattr(annotation, "__args__", ()))


GENERATED = {Path("config/schema.json"): schema, Path("docs/configuration.md"): docs_table}


def run() -> None:
    """Write everything that is generated from the models."""
    for target, make in GENERATED.items():
        target.write_text(make())
        log.info(f"wrote {target}")
