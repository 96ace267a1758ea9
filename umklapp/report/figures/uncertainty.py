"""How honest the uncertainty is: expected against true errors, and the reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling.calibration import Honesty
from umklapp.report.figures.style import BLUE, SETTINGS, decades, save


def draw(
    data: pd.DataFrame, rounds: Sequence[CommitteeRecord], material: str, paths: Sequence[Path]
) -> None:
    """Left: a point per test frame; right: atoms in bins, earlier rounds faint.

    Args:
        data: columns `expected_error_eV_per_A` and `error_eV_per_A` of `judgement.judge`.
        rounds: committee.json of every round.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(6.4, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    honesty = rounds[-1].honesty
    _frames(left, data, honesty)
    _reliability(right, rounds)
    left.set_title(material)
    save(figure, paths)


def _frames(axes: Axes, data: pd.DataFrame, honesty: Honesty) -> None:
    expected, true = 1e3 * data["expected_error_eV_per_A"], 1e3 * data["error_eV_per_A"]
    if expected.notna().any():
        axes.scatter(expected, true, s=18, color=BLUE, alpha=0.75, linewidths=0)
    _diagonal(axes, [*expected.dropna(), *true])
    axes.set(xlabel="expected largest error (meV/Å)", ylabel="true largest error (meV/Å)")
    axes.text(
        0.03,
        0.97,
        f"{len(data)} test frames\nrank correlation {honesty.rank_correlation_frames:.2f}",
        transform=axes.transAxes,
        va="top",
        fontsize=7,
    )


def _reliability(axes: Axes, rounds: Sequence[CommitteeRecord]) -> None:
    values: list[float] = []
    for round_index, committee in enumerate(rounds):
        bins = committee.honesty.reliability
        if not bins:
            continue
        last = round_index == len(rounds) - 1
        expected = [1e3 * row.expected for row in bins]
        observed = [1e3 * row.observed for row in bins]
        bars = [1e3 * row.error_bar for row in bins]
        values += [*expected, *observed]
        look: dict[str, Any] = {"color": BLUE, "alpha": 1.0 if last else 0.25, "ms": 3}
        axes.errorbar(expected, observed, bars, fmt="o-", capsize=2, **look)
    _diagonal(axes, values or [1.0])
    axes.set(xlabel="expected error (rms over atoms, meV/Å)", ylabel="observed (meV/Å)")
    honesty = rounds[-1].honesty
    if honesty.coverage is None:
        caption = "the members agree exactly:\nno uncertainty"
    else:
        covered = ", ".join(
            f"{float(level):.0%}: {share:.0%}" for level, share in honesty.coverage.items()
        )
        caption = (
            f"last round, atoms of the test frames\nrank correlation "
            f"{honesty.rank_correlation:.2f}\n"
            f"error / expected {honesty.error_over_expected:.2f}, "
            f"ENCE {honesty.ence:.2f}\ncoverage {covered}"
        )
    axes.text(0.03, 0.97, caption, transform=axes.transAxes, va="top", fontsize=6)


def _diagonal(axes: Axes, values: Sequence[float]) -> None:
    positive = [value for value in values if value > 0] or [1.0]
    low, high = max(0.7 * min(positive), 1e-3), 1.4 * max(positive)
    high *= (high / low) ** 0.3  # room for the words
    axes.plot([low, high], [low, high], color="0.6", lw=0.8)
    axes.plot([low, high], [low / 2, high / 2], color="0.85", lw=0.6)
    axes.plot([low, high], [2 * low, 2 * high], color="0.85", lw=0.6)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        decades(axis)
