"""Reading a checkpoint of NequIP's framework without running anything that is in it.

A pickle may call any function while it is read, and `_target_` entries name what NequIP builds.
Checkpoints of NequIP and Allegro need neither: tensors, numbers, text and containers suffice, and
all that is built is NequIP's, Allegro's, umklapp's, or of a few modules of torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from umklapp.errors import InputError

BUILT = (
    "nequip.",
    "allegro.",
    "umklapp.potentials.",
    "torch.optim.",
    "torch.nn.",
    "torch.utils.data.",
    "torchmetrics.",
    "lightning.pytorch.",
)
"""Beginnings of what a checkpoint may build."""

NESTED = "ModelFromCheckpoint"


def read(path: Path) -> dict[str, Any]:
    """Content of a checkpoint; nothing in the file is executed.

    Raises:
        InputError: the file is no checkpoint, holds a pickled object besides tensors and plain
            values, or names something to build that is not of NequIP's framework.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        hyper_parameters = content["hyper_parameters"]
        targets = list(_targets(hyper_parameters))
    except Exception as error:  # torch has no common error for what it cannot read
        raise InputError(
            f"{path}: cannot be loaded as a NequIP checkpoint: not one of tensors and plain values "
            f"(nothing in it was executed): {str(error).splitlines()[0] if str(error) else error!r}"
        ) from None
    foreign = sorted({name for name, _ in targets if not name.startswith(BUILT)})
    if foreign:
        raise InputError(
            f"{path}: cannot be loaded as a NequIP checkpoint: it would call {', '.join(foreign)}, "
            "which is not of NequIP's framework; nothing in it was executed"
        )
    for name, node in targets:
        if name.endswith(NESTED):  # NequIP opens that file too
            read(Path(str(node["checkpoint_path"])))
    return dict(content)


def _targets(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every `_target_` in nested containers, with the mapping that it is in."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield str(node["_target_"]), node
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _targets(value)
