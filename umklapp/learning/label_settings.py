"""Whether labels can be trained on together: those of our engine are all of the same settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ase import Atoms

from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError

GIVEN = ("frames", "nomad", "other")
"""Kinds of origin whose labels are the user's: what they were made with is the user's business."""


def check_same(frames: Sequence[Atoms], today: Callable[[str], str] = str) -> None:
    """Raise `InputError` where labels of the campaign's engine are of different settings.

    Args:
        today: gives today's hash for one of an earlier version (`Ledger.same_settings`).
    """
    counted: Counter[tuple[str, str]] = Counter()
    origins: dict[tuple[str, str], set[str]] = {}
    for frame in frames:
        info = FrameInfo.of(frame)
        if info.settings_hash is None or info.origin is None or info.origin.kind in GIVEN:
            continue
        settings = str(info.engine), today(info.settings_hash)
        counted[settings] += 1
        origins.setdefault(settings, set()).add(str(info.origin))
    if len(counted) > 1:
        said = "; ".join(
            f"{count} by {engine} with {settings} ({', '.join(sorted(origins[engine, settings]))})"
            for (engine, settings), count in counted.most_common()
        )
        raise InputError(
            f"labels of different settings would be trained on together: {said}. The section "
            "`reference` (or a file that it names) has changed since the first labels: put it "
            "back, or run without --rerun-triggers mtime, which hides the change, and all labels "
            "are made again"
        )
