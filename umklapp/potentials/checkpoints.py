"""Files of torch: models, and states from which an interrupted training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from umklapp.files import replacing


def write(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values with torch, atomically."""
    with replacing(path) as part:
        torch.save(content, part)


def resume(path: Path, identity: str, device: torch.device | str) -> dict[str, Any] | None:
    """The state at `path` if there is one whose `identity` is that of the same inputs."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
    return state if state["identity"] == identity else None
