"""What is generated from the models: JSON schema and the reference table of the documentation."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_origin

from pydantic import BaseModel

from umklapp.config.base import Section
from umklapp.config.campaign import Campaign

log = logging.getLogger(__name__)


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
                kind = item.model_fields.get("kind") or item.model_fields.get("engine")
                label = f"{name}.{key}" if name != "campaign" else key
                yield from _sections(item, f"{label} ({kind.default})" if kind else label)
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


def docs_table() -> str:
    """The configuration reference as markdown."""
    lines = [
        "# Configuration reference",
        "",
        "Generated from `umklapp/config/` by `make docs`; do not edit by hand.",
        "An unknown key or an impossible value stops before any job starts.",
    ]
    for name, model in _sections(Campaign, "campaign"):
        lines += ["", f"## {name}", "", (model.__doc__ or "").strip(), ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in model.model_fields.items():
            default = (
                "**needed**"
                if field.is_required()
                else field.get_default(call_default_factory=True)
            )
            if isinstance(default, BaseModel):
                default = "see below"
            extra = field.json_schema_extra
            said = extra.get("form") if isinstance(extra, dict) else None
            kind = said or _type_name(field.annotation)
            lines.append(f"| `{key}` | {kind} | {default} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


GENERATED = {Path("config/schema.json"): schema, Path("docs/configuration.md"): docs_table}


def run() -> None:
    """Write everything that is generated from the models."""
    for target, make in GENERATED.items():
        target.write_text(make())
        log.info(f"wrote {target}")
