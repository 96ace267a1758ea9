"""Which keys there are at a place of the configuration, for a key that is not among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from umklapp.wording import nearest


def advice(root: type[BaseModel], error: Mapping[str, Any]) -> str:
    """`; did you mean cutoff? See …`: the keys there that are close to an unknown one, if any.

    Args:
        root: the whole configuration. error: of pydantic; its `loc` are keys, numbers in lists and
            kinds of sections.
    """
    place, models = error["loc"], [root]
    for part in place[:-1]:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        below = [model for field in fields for model in _models(field.annotation)]
        kinds = [m for m in models if part in _kinds(m)]
        models = below or kinds or models
    keys = dict.fromkeys(key for m in models for key in m.model_fields)
    near = nearest(str(place[-1]), keys, likeness=0.75)
    return f"{near} See docs/configuration.md" if near else "; see docs/configuration.md"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Sections within a type, also within lists, unions and annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _kinds(model: type[BaseModel]) -> set[Any]:
    """The words, such as *gpaw* or *rattled*, that choose this section among others."""
    fields = (model.model_fields.get(name) for name in ("kind", "engine", "package"))
    return {word for field in fields if field for word in get_args(field.annotation)}
