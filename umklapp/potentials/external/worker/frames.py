"""Frames as they come in a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """numbers (N,), positions (N, 3) Å, cell (3, 3) Å of a crystal, periodic in all directions."""

    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray


def frames_of(arrays: Mapping[str, np.ndarray]) -> list[Frame]:
    """Frames of a message: sizes (n,), numbers (ΣN,), positions (ΣN, 3), cells (n, 3, 3)."""
    parts = np.cumsum(arrays["sizes"])[:-1]
    numbers, positions = (np.split(arrays[name], parts) for name in ("numbers", "positions"))
    per_frame = zip(numbers, positions, arrays["cells"], strict=True)
    return [Frame(*fields) for fields in per_frame]
