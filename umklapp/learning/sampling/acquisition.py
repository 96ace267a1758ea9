"""Which explored frames go to the reference engine: strategy, spacing, a diverse batch.

A strategy says with what probability a frame is accepted and how much it is wanted. Whatever the
strategy, nothing that is not viable is ever sent to the engine, frames of one trajectory are a
correlation time apart, and no two of a batch are nearly the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from pydantic import Field

from umklapp import config
from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import Origin
from umklapp.errors import InputError
from umklapp.learning.sampling.candidates import Candidates, Knowledge
from umklapp.learning.sampling.correlation import correlation_time, spaced
from umklapp.learning.sampling.diversity import diverse
from umklapp.learning.sampling.strategies import STRATEGIES, viability
from umklapp.records import Record


class AcquisitionRecord(Record):
    """acquisition.json: how many frames passed each step of the choice, and why replicas ended.

    counts: frames that passed each step, and frames by the reason why they did not. strategy: that
    chose. replicas: how many ended for which reason. checks: rows of the exploration that were
    drawn at random (with the strategy `random`: all chosen ones).
    """

    counts: dict[str, int]
    notes: list[str]
    strategy: str
    replicas: dict[str, int]
    checks: list[int] = Field(default_factory=list)


@dataclass(frozen=True)
class Selection:
    """chosen: sorted numbers of the frames to label; probability: (n,) of acceptance; counts:
    frames that each step of the choice left over, by the step; notes: what else must be said."""

    chosen: list[int]
    probability: np.ndarray
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)


def spacing_of(candidates: Candidates) -> float:
    """Twice the correlation time (fs) of the uncertainty, median of the replicas."""
    spacings = []
    for replica in np.unique(candidates.replica):
        own = candidates.replica == replica
        time, series = candidates.time[own], candidates.uncertainty[own]
        if len(time) > 1 and np.isfinite(series).all():
            spacings.append(2 * correlation_time(series) * float(np.median(np.diff(time))))
    return float(np.median(spacings)) if spacings else 0.0


def least_spacing(candidates: Candidates, settings: config.Acquisition) -> float:
    """Least time (fs) between labelled frames of a replica, as configured."""
    return spacing_of(candidates) if settings.spacing == "auto" else settings.spacing


def share_above(expected: np.ndarray, bound: float) -> float:
    """Share of frames whose worst atom is expected to be wrong by more than a bound.

    What is not known counts as above; NaN where there is no frame.

    Args:
        expected: (n,) eV/Å, calibrated. bound: eV/Å.
    """
    return float(np.mean(~(expected <= bound))) if len(expected) else float("nan")


def select(
    candidates: Candidates,
    knowledge: Knowledge,
    settings: config.Acquisition,
    generator: np.random.Generator,
) -> Selection:
    """The frames to label.

    Args:
        generator: the random generator of this material and round.

    Raises:
        InputError: there is no uncertainty and the strategy needs one.
    """
    if not len(candidates):
        return Selection([], np.zeros(0), {}, ["nothing was explored"])
    if settings.strategy == "threshold" and not np.isfinite(candidates.expected).any():
        raise InputError(
            "acquisition.strategy 'threshold' needs a calibrated committee, but its members agree "
            "exactly: use committee.seeds > 1 or acquisition.strategy 'random'"
        )
    reasons = viability(candidates, knowledge, settings)
    viable = np.array([not reason for reason in reasons])
    probability, wanted = STRATEGIES[settings.strategy](candidates, knowledge, settings)
    probability = np.where(viable, probability, 0.0)
    draw = generator.random(len(candidates))
    accepted = np.flatnonzero(draw < probability)
    counts = Counter(reason for reason in reasons if reason)
    counts["viable"] = int(viable.sum())
    counts["accepted"] = len(accepted)
    if not len(accepted):
        return Selection([], probability, dict(counts))
    if settings.strategy == "random":
        order = accepted[np.argsort(draw[accepted], kind="stable")]
    else:
        order = accepted[np.argsort(-wanted[accepted], kind="stable")]
    spacing = least_spacing(candidates, settings)
    apart = np.array(spaced(order.tolist(), candidates.replica, candidates.time, spacing))
    counts[f"at least {spacing:.0f} fs apart"] = len(apart)
    batch = diverse(candidates.descriptors[apart], wanted[apart], settings)
    chosen = sorted(int(index) for index in apart[batch])
    notes = []
    if len(chosen) < settings.batch_size:
        notes.append(
            f"{len(chosen)} different frames for a batch of {settings.batch_size}: all are taken"
        )
    return Selection(chosen, probability, dict(counts), notes)


def picked(
    explored: Sequence[Atoms],
    rows: Sequence[int],
    selection: Selection,
    uncertainty: np.ndarray,
    material: str,
    origin: Origin,
) -> list[Atoms]:
    """Frames for the reference engine, each with its row, uncertainty and probability.

    Args:
        explored: n kept frames of the exploration. rows: of them. selection: what chose of them.
        uncertainty: (n,) the configured measure.
    """
    candidates = []
    for row in rows:
        atoms = frames.strip(explored[row])
        frame_info.mark(
            atoms,
            material=material,
            origin=origin,
            explored=row,
            uncertainty=uncertainty[row],
            probability=selection.probability[row],
        )
        candidates.append(atoms)
    return candidates
