"""Times, positions and velocities of a trajectory held against each other.

Whatever moves the atoms, they go no farther than their velocities take them, and where frames are
close in time they go just so far. A wrong unit of times, lengths or velocities, velocities of other
atoms, and steps that are missing, repeated or in another order contradict that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umklapp.errors import InputError

FARTHEST = 1.3
"""rms distance between frames over rms speed × time; at most 1, and so much by chance."""

CLOSE = 0.5
"""Correlation of the velocities of neighbouring frames above which frames are close in time."""

SLOPE = (0.75, 1.4)
"""Distance over mean velocity × time of close frames: tan(ωΔt/2)/(ωΔt/2), 1.1 at `CLOSE`."""

STRAY, REST = 0.5, 0.1
"""Share of a motion that the velocities do not explain: of one pair of frames, of the median."""

VOLUME = 1e-3
"""Å³; no cell of atoms is smaller."""


def check(
    times: np.ndarray,
    positions: Sequence[np.ndarray],
    velocities: np.ndarray,
    cells: Sequence[np.ndarray],
    source: str,
) -> None:
    """Look at all pairs of neighbouring frames.

    Args:
        times: (n,) fs. positions: n arrays (N, 3) Å, folded into the cell or not. velocities:
            (n, N, 3) Å/fs. cells: n arrays (3, 3) Å.

    Raises:
        InputError: they contradict each other; `source` and the likely causes are named.
    """
    vectors = np.nan_to_num(np.asarray(cells), posinf=0.0, neginf=0.0)
    volumes = np.abs(np.linalg.det(vectors))
    if volumes.min() < VOLUME:
        raise InputError(f"{source}: frame {int(volumes.argmin())} has no volume")
    steps = np.diff(times)
    if len(steps) < 2 or (steps <= 0).any():
        return  # whoever needs times says what is wrong with them
    moved = np.array([_moved(*pair) for pair in zip(positions, positions[1:], cells, strict=False)])
    taken = (velocities[1:] + velocities[:-1]) / 2 * steps[:, None, None]
    reach = _rms(velocities) * _rms(steps)
    if reach == 0 or not np.isfinite(moved).all():
        return
    close = (velocities[1:] * velocities[:-1]).sum() / (velocities**2).sum()
    left = ((moved - taken) ** 2).sum(axis=(1, 2))
    share = left / np.maximum((moved**2).sum(axis=(1, 2)), (taken**2).sum(axis=(1, 2)))
    stray = np.flatnonzero(share > STRAY)
    if close > CLOSE and len(stray) and np.median(share) < REST:
        raise InputError(
            f"{source}: between frames {stray[0]} and {stray[0] + 1} the atoms do not move as "
            f"their velocities say ({len(stray)} such places): steps are missing there, or are "
            "in the file twice"
        )
    if _rms(moved) > FARTHEST * reach:
        raise InputError(
            f"{source}: between frames atoms move {_rms(moved):.3g} Å (rms), but their velocities "
            f"take them {reach:.3g} Å at most. Likely: times that are not in fs, velocities or "
            "positions of another unit, or frames in another order than their times"
        )
    slope = float((moved * taken).sum() / (taken**2).sum())
    if close > CLOSE and not SLOPE[0] < slope < SLOPE[1]:
        raise InputError(
            f"{source}: between frames atoms move {slope:.3g} times as far as their velocities "
            "take them, and 1 is right. Likely: times that are not in fs, velocities or positions "
            "of another unit, or velocities of other atoms"
        )


def _moved(before: np.ndarray, after: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Displacements (N, 3) Å by the shortest way."""
    apart = (after - before) @ np.linalg.inv(cell)
    return np.asarray((apart - np.round(apart)) @ cell)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
