"""From disagreement to expected error: calibration, coverage, reliability.

Errors and spreads are per atom, eV/Å: |⟨F_I⟩ − F_I(reference)| and u_I, as n arrays (n_atoms,) of
n frames or joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from scipy.stats import chi, spearmanr

from umklapp.potentials.contract import CommitteePrediction
from umklapp.records import Part

LEVELS = (0.5, 0.68, 0.9, 0.95)
BINS = 8
SMALLEST = 5
"""Frames; with fewer a calibration is a guess, and that is said."""


class ReliabilityBin(Part):
    """Atoms of like uncertainty: expected and observed error (rms, eV/Å), the standard error of
    the observed one, how many atoms."""

    expected: float
    observed: float
    error_bar: float
    atoms: float


class Honesty(Part):
    """How right the expected errors are; None where the members agree exactly.

    rank_correlation, rank_correlation_frames: Spearman's, over atoms, over frames' largest.
    error_over_expected: rms. coverage: share of atoms within what a Gaussian would cover, by level.
    ence: expected normalised calibration error of the bins of `reliability`.
    """

    rank_correlation: float
    rank_correlation_frames: float
    error_over_expected: float | None
    coverage: dict[str, float] | None
    reliability: list[ReliabilityBin]
    ence: float | None


def force_errors(prediction: CommitteePrediction, frames: Sequence[Atoms]) -> list[np.ndarray]:
    """|⟨F_I⟩ − F_I(reference)| per atom: n arrays (n_atoms,) eV/Å."""
    return [
        np.linalg.norm(mean - frame.get_forces(), axis=1)
        for mean, frame in zip(prediction.mean.forces, frames, strict=True)
    ]


def floored(spread: np.ndarray) -> np.ndarray:
    """Spreads below 1 % of their median count as that, so that no atom decides alone."""
    return np.maximum(spread, max(0.01 * float(np.median(spread)), 1e-12))


def calibration_factor(errors: Sequence[np.ndarray], spread: Sequence[np.ndarray]) -> float | None:
    """Factor α that turns u_I into an expected error: α² = mean(error² / u²).

    The maximum-likelihood scale of a Gaussian of width α u_I. None where the members agree exactly.
    """
    joined = np.concatenate(list(spread))
    if not joined.max(initial=0.0) > 1e-12:
        return None
    return error_over_expected(np.concatenate(list(errors)), joined, 1.0)


def error_over_expected(errors: np.ndarray, spread: np.ndarray, factor: float) -> float:
    """rms(error / (factor · u)) over atoms, both (n_atoms,) eV/Å; 1 where that is right."""
    return float(np.sqrt(np.mean((errors / (factor * floored(spread))) ** 2)))


def conformal_factor(
    errors: Sequence[np.ndarray], spread: Sequence[np.ndarray], level: float = 0.9
) -> float | None:
    """Factor q with: the largest error of a new frame is at most q · (its largest u) with `level`.

    Split conformal prediction over frames (atoms of a frame are not exchangeable): q is the
    ⌈(n + 1) level⌉-th smallest ratio of n calibration frames. None where n is too small for it.
    """
    frames = len(errors)
    rank = int(np.ceil((frames + 1) * level))
    top = np.array([per_atom.max() for per_atom in spread])
    if rank > frames or not (top > 1e-12).all():
        return None
    ratios = np.array([per_atom.max() for per_atom in errors]) / top
    return float(np.sort(ratios)[rank - 1])


def coverage(
    errors: np.ndarray, spread: np.ndarray, factor: float, levels: Sequence[float] = LEVELS
) -> dict[str, float]:
    """Share of atoms whose error lies within what a Gaussian would cover, by level.

    The error vector is taken as Gaussian with variance (α u)²/3 per component, so its length
    follows a chi distribution with three degrees of freedom.
    """
    ratio = errors / (factor * floored(spread) / np.sqrt(3))
    return {f"{level:g}": float((ratio <= chi.ppf(level, 3)).mean()) for level in levels}


def reliability(
    errors: np.ndarray, spread: np.ndarray, factor: float, bins: int = BINS
) -> list[ReliabilityBin]:
    """Expected against observed error (rms, eV/Å) in bins of equally many atoms.

    `error_bar` is the standard error of the observed rms.
    """
    order = np.argsort(spread, kind="stable")
    table = []
    for part in np.array_split(order, min(bins, max(1, len(order) // 10))):
        square = errors[part] ** 2
        observed = float(np.sqrt(square.mean()))
        bar = float(square.std() / np.sqrt(len(part)) / (2 * observed)) if observed > 0 else 0.0
        expected = float(factor * np.sqrt((floored(spread)[part] ** 2).mean()))
        table.append(
            ReliabilityBin(
                expected=expected, observed=observed, error_bar=bar, atoms=float(len(part))
            )
        )
    return table


def calibration_error(table: Sequence[ReliabilityBin]) -> float:
    """Expected normalised calibration error: mean |expected − observed| / expected of the bins."""
    return float(np.mean([abs(row.expected - row.observed) / row.expected for row in table]))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman rank correlation; 0 when one side is constant."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def summarise(
    errors: Sequence[np.ndarray], spread: Sequence[np.ndarray], factor: float | None
) -> Honesty:
    """Everything above on some frames; None where the members agree exactly."""
    every, doubt = np.concatenate(list(errors)), np.concatenate(list(spread))
    frames = [np.array([values.max() for values in quantity]) for quantity in (errors, spread)]
    table = [] if factor is None else reliability(every, doubt, factor)
    return Honesty(
        rank_correlation=rank_correlation(every, doubt),
        rank_correlation_frames=rank_correlation(*frames),
        error_over_expected=None if factor is None else error_over_expected(every, doubt, factor),
        coverage=None if factor is None else coverage(every, doubt, factor),
        reliability=table,
        ence=None if factor is None else calibration_error(table),
    )


def notes(frames: int, factor: float | None, members: int) -> list[str]:
    """What must be said of a calibration, in words."""
    sentences = []
    if members == 1:
        sentences.append("a committee of one has no uncertainty: only random acquisition works")
    elif factor is None:
        sentences.append(
            "the members agree exactly (identical seeds or weights?): there is no uncertainty"
        )
    if frames < SMALLEST:
        sentences.append(
            f"{frames} calibration frames: factor and acquisition statistics are a guess; raise "
            "split.calibration or the number of seed frames"
        )
    return sentences
