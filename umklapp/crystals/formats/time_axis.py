"""Frames in the order of their times: copies, frames in another order, times of other frames.

A file may hold a frame twice (a restart, two files joined), or hold its frames in another order.
Copies are left out and frames are sorted, and both is said. Times that the motion contradicts are
refused: frames that are close in time are near each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from ase import Atoms, units

from umklapp.crystals import frames, sites
from umklapp.crystals.formats import motion
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError
from umklapp.wording import counted

UNIFORM = 1e-3
"""Relative difference of time steps that is rounding."""

SAME_ENERGY, SAME_FORCE = 1e-3, 0.05
"""eV per atom and eV/Å by which two calculations of one configuration may differ."""

MARGIN, JUMP, SHORT = (0.1, 2.0), 4.0, 12.0
"""Squared distance between neighbours in time, over that of any two of n frames: by how much and
how many times it may be more than in harmonic motion (`neighbour_shares`), in the median and
(`JUMP`) once, and what over n² besides, because a short path is straight. Six
real trajectories have 0.6 to 1.04 times the harmonic value."""

FEWEST, LOOKED = 5, 4000
"""Frames whose motion is looked at: at least, and at most."""

STILL = 1e-12
"""u Å²; frames that differ by less do not move."""


def in_order(
    labels: Sequence[Atoms], names: Sequence[int], source: str
) -> tuple[list[int], tuple[str, ...]]:
    """Which of labelled frames are kept, in which order, and what is to be said of it.

    Frames whose times come twice (several runs in one file) stay in the order of the file.

    Args:
        names: numbers of the frames in the file, for errors.

    Raises:
        InputError: one configuration with two labels, or at two times.
    """
    kept, notes = _without_copies(labels, names, source)
    times = [FrameInfo.of(labels[n]).time for n in kept]
    stated = np.array([time for time in times if time is not None])
    back = np.flatnonzero(np.diff(stated) < 0)
    order = [kept[n] for n in np.argsort(stated, kind="stable")]
    sortable = len(back) > 0 and len(np.unique(stated)) == len(times)
    if sortable and not _is_several_runs(stated) and _is_nearer(labels, order, kept):
        notes.append(
            f"{counted(len(back), 'frame')} came before an earlier one: the frames were sorted by "
            "their times"
        )
        kept = order
    return kept, tuple(notes)


def _is_several_runs(times: np.ndarray) -> bool:
    """Whether times (n,) that go back are those of runs, one after the other, in uniform steps."""
    steps = np.split(np.diff(times), np.flatnonzero(np.diff(times) <= 0))
    inside = [part[part > 0] for part in steps]
    return all(len(part) > 1 and np.ptp(part) <= UNIFORM * part.max() for part in inside)


def _is_nearer(labels: Sequence[Atoms], order: Sequence[int], other: Sequence[int]) -> bool:
    """Whether frames in one order are as near to their neighbours as in another one; frames of
    several runs that are sorted by time take turns, and are not."""

    def squares(chosen: Sequence[int]) -> float:
        return sum(
            float((motion.moves(labels[one], labels[two]) ** 2).sum())
            for one, two in itertools.pairwise(chosen)
            if len(labels[one]) == len(labels[two])
        )

    return squares(order) <= (1 + UNIFORM) * squares(other)


def _without_copies(
    labels: Sequence[Atoms], names: Sequence[int], source: str
) -> tuple[list[int], list[str]]:
    seen: dict[str, int] = {}
    kept = []
    for index, frame in enumerate(labels):
        first = seen.setdefault(frames.frame_id(frame), index)
        if first == index:
            kept.append(index)
            continue
        _check_copy(labels[first], frame, f"{source} frames {names[first]} and {names[index]}")
    copies = len(labels) - len(kept)
    said = f"{copies} of {counted(len(labels), 'frame')} came twice: the copies were left out"
    return kept, [said] * bool(copies)


def _check_copy(one: Atoms, two: Atoms, where: str) -> None:
    energy = abs(two.calc.results["energy"] - one.calc.results["energy"]) / len(two)
    force = np.abs(np.subtract(two.calc.results["forces"], one.calc.results["forces"])).max()
    if energy > SAME_ENERGY or force > SAME_FORCE:
        raise InputError(
            f"{where} have the same positions, but their energies differ by {1e3 * energy:.3g} meV "
            f"per atom and their forces by {force:.3g} eV/Å: positions are missing, or two "
            "calculations are mixed"
        )
    times = [FrameInfo.of(frame).time for frame in (one, two)]
    if None not in times and times[0] != times[1]:
        raise InputError(
            f"{where} have the same positions, but the times {times[0]:g} and {times[1]:g} fs: "
            "moving atoms do not come back to the last digit, so steps are in the file twice and "
            "the times after them are wrong; leave the copies out, and count the times anew"
        )


def check_motion(labels: Sequence[Atoms], names: Sequence[int], source: str) -> tuple[str, ...]:
    """Hold times of frames of the same atoms against the motion; what is to be said of it.

    Raises:
        InputError: from frame to frame the atoms move farther than their forces let them.
    """
    first, times = labels[0], [FrameInfo.of(frame).time for frame in labels[:LOOKED]]
    alike = [
        n
        for n, time in enumerate(times)
        if time is not None
        and np.abs(sites.strain(labels[n].cell.array, first.cell.array)).max() < sites.SMALL_STRAIN
    ]
    duration = np.diff([times[n] or 0.0 for n in alike]) * units.fs
    if len(alike) < FEWEST or (duration <= 0).any():
        return ()
    roots = np.sqrt(first.get_masses())[:, None]
    moved = sites.of_frames([labels[n] for n in alike], first) * roots
    forces = np.array([labels[n].calc.results["forces"] for n in alike]) / roots
    shares, most, squares = neighbour_shares(moved, forces, duration)
    short, middle = SHORT / len(alike) ** 2, float(np.median(shares))
    if middle > MARGIN[0] + MARGIN[1] * most.mean() + short:
        raise InputError(
            f"{source}: between frames that are neighbours in time atoms move {middle:.2g} "
            "times as far (squared) as between any two frames; their forces allow "
            f"{most.mean():.2g}. Likely: frames that are not in the order of their times, or times "
            "that are not in fs. Correct them, or take the times away where the frames are no "
            "trajectory"
        )
    allowed = MARGIN[0] + JUMP * most + short
    jumps = np.flatnonzero(shares > allowed)
    if not len(jumps):
        return ()
    for jump in np.intersect1d(jumps, jumps - 1):  # there and back
        apart = ((moved[jump + 2] - moved[jump]) ** 2).sum() / squares
        if apart < 4 * allowed[jump] and apart < shares[jump] / 4:
            raise InputError(
                f"{source} frame {names[alike[jump + 1]]}: its atoms lie far from where they are "
                "before and after, farther than they can move in that time: a frame of another "
                "run, or with another order of the atoms; leave it out"
            )
    one, two = names[alike[jumps[0]]], names[alike[jumps[0] + 1]]
    return (
        f"between frames {one} and {two} atoms move farther than they can in the time between "
        f"them ({len(jumps)} such places): steps are missing there, or another run begins",
    )


def neighbour_shares(
    moved: np.ndarray, forces: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """|Δx|² (n − 1,) between neighbours in time, over the mean of any two frames; what it may be on
    average; and that mean.

    A mode of frequency ω gives 1 − cos ωΔt, so all of them (Ω Δt)²/2 at most, with the mean square
    Ω² = −⟨ΔF·Δx⟩/⟨|Δx|²⟩ of frequencies that the same frames show.

    Args:
        moved: (n, N, 3) displacements times √m. forces: (n, N, 3) over √m. steps: (n − 1,), all in
            ASE's units.
    """
    places, pulls = moved - moved.mean(axis=0), forces - forces.mean(axis=0)
    squares = 2 * (places**2).sum(axis=(1, 2)).mean()
    back = -2 * (pulls * places).sum(axis=(1, 2)).mean()
    if squares < STILL or back <= 0:
        return np.zeros(len(steps)), np.ones(len(steps)), 1.0
    shares = (np.diff(moved, axis=0) ** 2).sum(axis=(1, 2)) / squares
    return shares, np.minimum(back / squares * steps**2 / 2, 1.0), float(squares)


def words(labels: Sequence[Atoms], names: Sequence[int]) -> str:
    """The time axis in words: its step, or where it goes back or changes its step."""
    times = [FrameInfo.of(frame).time for frame in labels]
    stated = [time for time in times if time is not None]
    if not stated:
        return ""
    if len(stated) < len(times):
        return f"{len(stated)} of {len(times)} frames have a time"
    steps = np.diff(stated)
    back = np.flatnonzero(steps <= 0)
    if len(back):
        return f"times do not increase at frame {names[back[0] + 1]} ({len(back)} times in all)"
    if len(steps) and np.ptp(steps) > UNIFORM * steps.max():
        return f"time steps are not uniform: {steps.min():g} to {steps.max():g} fs"
    return f"a frame every {steps.mean():g} fs" if len(steps) else ""
