"""Forces held against the motion of the atoms: what energies and forces of one wrong unit escape.

In a trajectory m Δ²r/Δt² = F, whatever the thermostat, where the frames are close in time. In any
frames about a crystal the forces push atoms back: ⟨Σ F·u⟩ < 0 with u from the mean positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units

from umklapp.crystals.frame_info import FrameInfo

TRIPLES = 100
"""Triples of neighbouring frames of a long trajectory."""

BENT = 0.3
"""⟨|Δ²r|²⟩ over ⟨|Δr|²⟩ of both halves below which frames are close in time: 1 − cos ωΔt of an
oscillation, whose slope is then 0.95; 1.5 of frames without a memory."""

FACTOR, SIGMAS = 2.0, 4.0
"""The slope of Newton's law may be off by so much, and by so many errors besides: a thermostat's
forces are in the accelerations, too."""

PUSHED = 0.3
"""Share of Σ|F·u| that may push atoms away from their mean positions."""

DIRECTIONS = 3
"""Independent displacements, at least; fewer may be a path along one unstable mode."""


@dataclass(frozen=True)
class Newton:
    """Slope of m Δ²r/Δt² on F (1 is right), its error, and how bent the paths are (`BENT`)."""

    slope: float
    error: float
    bent: float
    triples: int

    @property
    def right(self) -> bool:
        """Whether it is 1 up to `FACTOR`, or the frames are too far apart in time to tell."""
        low, high = self.slope - SIGMAS * self.error, self.slope + SIGMAS * self.error
        return self.bent > BENT or (high > 1 / FACTOR and low < FACTOR)

    def of_forces_times(self, factor: float) -> Newton:
        """Newton's law of the same frames with every force times a factor."""
        return replace(self, slope=self.slope / factor, error=self.error / factor)


def newton(labels: Sequence[Atoms]) -> Newton | None:
    """Newton's law in labelled frames of the same atoms, in order of time (fs).

    None without three frames at uniform times in one cell.
    """
    times = [FrameInfo.of(frame).time for frame in labels]
    middles = [n for n in range(1, len(labels) - 1) if _uniform(times[n - 1 : n + 2])]
    pushed, moved, bends, steps = [], [], 0.0, 0.0
    for n in middles[:: max(1, len(middles) // TRIPLES)]:
        before, frame, after = labels[n - 1 : n + 2]
        if not np.allclose(before.cell, frame.cell) or not np.allclose(frame.cell, after.cell):
            continue
        first, second = moves(before, frame), moves(frame, after)
        bend = second - first
        bends, steps = bends + (bend**2).sum(), steps + (first**2).sum() + (second**2).sum()
        roots = np.sqrt(frame.get_masses())[:, None]
        duration = ((times[n] or 0.0) - (times[n - 1] or 0.0)) * units.fs
        moved.append((roots * bend / duration**2).ravel())
        pushed.append((frame.get_forces(apply_constraint=False) / roots).ravel())
    if not pushed or not steps or not np.any(pushed):
        return None
    x, y = np.concatenate(pushed), np.concatenate(moved)
    slope = float((x * y).sum() / (x**2).sum())
    scatter = float(((y - slope * x) ** 2).sum() / max(len(x) - 1, 1) / (x**2).sum())
    return Newton(slope, float(np.sqrt(scatter)), float(bends / steps), len(pushed))


def _uniform(times: Sequence[float | None]) -> bool:
    if any(time is None for time in times):
        return False
    one, two = np.diff(np.array(times, float))
    return bool(one > 0 and abs(two - one) < 1e-3 * one)


def moves(one: Atoms, two: Atoms) -> np.ndarray:
    """Displacements (N, 3) Å by the shortest way, without the drift of all atoms."""
    apart = two.get_scaled_positions(wrap=False) - one.get_scaled_positions(wrap=False)
    shortest = (apart - np.round(apart)) @ one.cell.array
    return np.asarray(shortest - shortest.mean(axis=0))


def pushes_away(labels: Sequence[Atoms]) -> float | None:
    """Share of Σ|F·u| by which forces push atoms away from their mean positions; −1 to 1.

    In a crystal it is near −1. None where the frames do not move in `DIRECTIONS` independent ways
    (a path along one unstable mode is pushed away rightly), or cells differ.
    """
    first = labels[0]
    if len(labels) <= DIRECTIONS or not all(np.allclose(f.cell, first.cell) for f in labels):
        return None
    displaced = np.array([moves(first, frame) for frame in labels])
    displaced -= displaced.mean(axis=0)
    sizes = np.linalg.svd(displaced.reshape(len(labels), -1), compute_uv=False)
    if (sizes > 0.1 * sizes[0]).sum() < DIRECTIONS or sizes[0] == 0.0:
        return None
    works = [
        f.get_forces(apply_constraint=False) * u for f, u in zip(labels, displaced, strict=True)
    ]
    total = np.abs(works).sum()
    return float(np.sum(works) / total) if total else None
