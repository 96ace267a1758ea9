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
from ase import Atoms, units
from pydantic import Field
from scipy.special import erf

from umklapp import config
from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import Origin
from umklapp.errors import InputError
from umklapp.learning.sampling.correlation import correlation_time, spaced
from umklapp.records import Part, Record

MIN_SPREAD = 1e-9
"""Floor for standard deviations of the calibration split: equal frames give a step, no NaN."""

IDENTICAL = 0.02
"""Frames closer than this share of the median distance between candidates are the same frame."""


class SpreadNumbers(Part):
    """A `Spread` in a file, where what is not known is None."""

    mean: float | None
    std: float | None


class AcquisitionRecord(Record):
    """acquisition.json: how frames met their fates (`Selection`), and why replicas ended.

    counts: frames by fate. strategy: that chose. replicas: how many ended for which reason. checks:
    rows of the exploration that were drawn at random (with the strategy `random`: all chosen ones).
    """

    counts: dict[str, int]
    notes: list[str]
    strategy: str
    replicas: dict[str, int]
    checks: list[int] = Field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a quantity on the calibration split."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        """Of the finite values; NaN where there is none."""
        finite = values[np.isfinite(values)]
        if not len(finite):
            return cls(float("nan"), float("nan"))
        return cls(float(finite.mean()), float(finite.std()))

    def numbers(self) -> SpreadNumbers:
        """For a record."""
        known = np.isfinite(self.mean)
        return SpreadNumbers(mean=self.mean if known else None, std=self.std if known else None)

    @classmethod
    def of_numbers(cls, numbers: SpreadNumbers) -> Spread:
        """Inverse of `numbers`."""
        mean, std = numbers.mean, numbers.std
        return cls(float("nan") if mean is None else mean, float("nan") if std is None else std)


@dataclass(frozen=True)
class Candidates:
    """n explored frames, as arrays.

    uncertainty: (n,) the configured measure; expected: (n,) eV/Å, calibrated largest force error
    (NaN without calibration); energy: (n,) eV per atom above R0; atoms: (n,); target: (n,) K of
    the dynamics, NaN without; shortest: (n,) Å; replica: (n,); time: (n,) fs;
    descriptors: (n, d).
    """

    uncertainty: np.ndarray
    expected: np.ndarray
    energy: np.ndarray
    atoms: np.ndarray
    target: np.ndarray
    shortest: np.ndarray
    replica: np.ndarray
    time: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        return len(self.energy)


@dataclass(frozen=True)
class Knowledge:
    """Of the committee on the calibration split: the configured uncertainty, the energy per atom
    above R0 (eV); bond: nearest-neighbour distance of the crystal (Å); lower: eV/Å, expected errors
    below it are good enough."""

    uncertainty: Spread
    energy: Spread
    bond: float
    lower: float


@dataclass(frozen=True)
class Selection:
    """chosen: sorted numbers of the frames to label; probability: (n,) of acceptance; counts: how
    many frames met which fate, in words; notes: what else must be said."""

    chosen: list[int]
    probability: np.ndarray
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)


def uncertainty_probability(u: np.ndarray, known: Spread, shift: float, width: float) -> np.ndarray:
    """P_U = ½ [1 + erf((U − Ū − a s_U) / (b s_U √0.2))]; never falls with U."""
    spread = max(known.std, MIN_SPREAD)
    argument = (u - known.mean - shift * spread) / (width * spread * np.sqrt(0.2))
    return np.asarray(0.5 * (1 + erf(argument)))


def energy_probability(energy: np.ndarray, known: Spread) -> np.ndarray:
    """P_E = min(1, 0.2^((E − Ē − s_E) / (0.8 s_E))); never rises with E.

    1 up to Ē + s_E, 0.2 at Ē + 1.8 s_E. Energies in eV per atom above the perfect crystal.
    """
    return _falling(energy, known.mean, known.std)


def _falling(
    energy: np.ndarray, mean: float | np.ndarray, spread: float | np.ndarray
) -> np.ndarray:
    spread = np.maximum(spread, MIN_SPREAD)
    exponent = (energy - mean - spread) / (0.8 * spread)
    return np.asarray(0.2 ** np.clip(exponent, 0, 300))


def energy_band(
    atoms: np.ndarray, target: np.ndarray, known: Spread, band: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest viable energy of every frame, (n,) eV per atom above R0.

    The calibration frames may be quieter than the dynamics, so the upper end is at least what a
    harmonic crystal has at the target temperature: mean 3/2 kT per atom, standard deviation
    kT sqrt(3/(2N)); `band` standard deviations are allowed beyond the mean, below it from the
    lower of zero (the crystal) and the calibration mean.
    """
    thermal = np.nan_to_num(units.kB * target)
    own = thermal * np.sqrt(1.5 / atoms)
    highest = np.maximum(known.mean + band * known.std, 1.5 * thermal + band * own)
    lowest = min(known.mean, 0.0) - band * np.maximum(known.std, own)
    return lowest, highest


def viability(candidates: Candidates, known: Knowledge, settings: config.Acquisition) -> list[str]:
    """For every frame why it must not be labelled, in words; empty where it may."""
    lowest, highest = energy_band(
        candidates.atoms, candidates.target, known.energy, settings.viability_band
    )
    checks = {
        "not finite": ~(np.isfinite(candidates.uncertainty) & np.isfinite(candidates.energy)),
        "atoms too close": ~(candidates.shortest >= settings.min_distance * known.bond),
        "energy too high": candidates.energy > highest,
        "energy too low": candidates.energy < lowest,
    }
    reasons = np.full(len(candidates), "", dtype=object)
    for words, bad in reversed(checks.items()):
        reasons[bad] = words
    return [str(reason) for reason in reasons]


def almomd(
    candidates: Candidates, known: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """P = P_U · P_E of Kang et al. (arXiv:2409.11808); the more uncertain the more wanted."""
    probability = uncertainty_probability(
        candidates.uncertainty, known.uncertainty, settings.shift, settings.width
    ) * energy_probability(candidates.energy, known.energy)
    return probability, candidates.uncertainty


def threshold(
    candidates: Candidates, known: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """Every frame whose expected largest force error is above `lower`.

    Wanted by that error times the viability of its energy: P_E with the statistics of the
    calibration frames or of a harmonic crystal at the target temperature, whichever are larger.
    """
    thermal = np.nan_to_num(units.kB * candidates.target)
    mean = np.maximum(known.energy.mean, 1.5 * thermal)
    spread = np.maximum(known.energy.std, thermal * np.sqrt(1.5 / candidates.atoms))
    wanted = candidates.expected * _falling(candidates.energy, mean, spread)
    return (candidates.expected > known.lower).astype(float), wanted


def at_random(
    candidates: Candidates, known: Knowledge, settings: config.Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """The control: every viable frame, none more wanted than another."""
    return np.ones(len(candidates)), np.ones(len(candidates))


STRATEGIES = {"almomd": almomd, "threshold": threshold, "random": at_random}


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


def scaled(descriptors: np.ndarray) -> tuple[np.ndarray, float]:
    """Descriptors, and the distance below which two frames are the same frame."""
    if len(descriptors) < 2:
        return descriptors, 0.0
    some = descriptors[np.linspace(0, len(descriptors) - 1, min(200, len(descriptors))).astype(int)]
    distances = np.linalg.norm(some[:, None] - some[None], axis=-1)
    typical = float(np.median(distances[np.triu_indices(len(some), 1)]))
    return descriptors, max(IDENTICAL * typical, 1e-9)


def farthest_points(
    descriptors: np.ndarray, count: int, quality: np.ndarray | None = None, closest: float = 1e-6
) -> list[int]:
    """Farthest-point sampling from row 0; (n, d) → at most `count` different row numbers.

    Args:
        quality: (n,) positive; the distance to the chosen rows is weighed with it.
        closest: rows closer than this to a chosen one are never taken.
    """
    weight = np.ones(len(descriptors)) if quality is None else quality
    chosen = [0]
    distance = np.linalg.norm(descriptors - descriptors[0], axis=1)
    while len(chosen) < min(count, len(descriptors)):
        best = int(np.argmax(np.where(distance > closest, distance * weight, -1.0)))
        if distance[best] <= closest:
            break
        chosen.append(best)
        new = np.linalg.norm(descriptors - descriptors[best], axis=1)
        distance = np.minimum(distance, new)
    return chosen


def log_determinant(
    descriptors: np.ndarray, count: int, quality: np.ndarray, closest: float = 1e-6
) -> list[int]:
    """Greedy maximum of log det(q_i q_j exp(−d_ij²/2ℓ²)), ℓ the median distance (Chen et al. 2018).

    Returns:
        At most `count` row numbers; rows closer than `closest` to a chosen one are never taken.
    """
    distance = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    typical = (
        float(np.median(distance[np.triu_indices(len(distance), 1)])) if len(distance) > 1 else 1
    )
    kernel = np.exp(-0.5 * (distance / max(typical, 1e-12)) ** 2)
    residual, chosen = np.ones(len(distance)), [int(np.argmax(quality))]
    factors = np.zeros((0, len(distance)))
    while len(chosen) < min(count, len(distance)):
        last = chosen[-1]
        row = (kernel[last] - factors.T @ factors[:, last]) / np.sqrt(max(residual[last], 1e-12))
        factors = np.vstack([factors, row])
        residual = np.maximum(residual - row**2, 0.0)
        allowed = distance[:, chosen].min(axis=1) > closest
        gain = np.where(allowed, quality**2 * residual, -1.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
    return chosen


def select(
    candidates: Candidates,
    known: Knowledge,
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
    reasons = viability(candidates, known, settings)
    viable = np.array([not reason for reason in reasons])
    probability, wanted = STRATEGIES[settings.strategy](candidates, known, settings)
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


def diverse(descriptors: np.ndarray, wanted: np.ndarray, settings: config.Acquisition) -> list[int]:
    """Rows of a diverse batch; rows stand in the order in which they are wanted."""
    descriptors, closest = scaled(descriptors)
    quality = np.maximum(wanted, 1e-12)
    if settings.strategy == "random":  # the control draws, it does not spread out
        return distinct(descriptors, settings.batch_size, closest)
    if settings.diversity == "none":
        return distinct(descriptors, settings.batch_size, closest)
    if settings.diversity == "logdet":
        return log_determinant(descriptors, settings.batch_size, quality, closest)
    return farthest_points(descriptors, settings.batch_size, quality, closest)


def distinct(descriptors: np.ndarray, count: int, closest: float) -> list[int]:
    """The first rows that are not nearly the same as an earlier one."""
    chosen: list[int] = []
    for row in range(len(descriptors)):
        near = [
            np.linalg.norm(descriptors[row] - descriptors[other]) <= closest for other in chosen
        ]
        if not any(near):
            chosen.append(row)
        if len(chosen) == count:
            break
    return chosen


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
