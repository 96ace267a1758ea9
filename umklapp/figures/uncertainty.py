"""Expected against true force error on the test frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from umklapp.figures.style import BLUE, canvas, save


def draw(
    data: pd.DataFrame, committee: dict[str, Any], material: str, paths: Sequence[Path]
) -> None:
    """A point per test frame; on the diagonal the expectation is right.

    Args:
        data: columns `expected_error_eV_per_A` and `error_eV_per_A` of `judgement.judge`.
        committee: its committee.json, for the numbers in the corner.
    """
    figure, axes = canvas(3.3, 3.1)
    expected, true = 1e3 * data["expected_error_eV_per_A"], 1e3 * data["error_eV_per_A"]
    low = max(0.7 * min(expected.min(), true.min()), 1e-3)
    high = 1.4 * max(expected.max(), true.max())
    axes.plot([low, high], [low, high], color="0.6", lw=0.8)
    axes.plot(
        [low, high], [low / 2, high / 2], [low, high], [2 * low, 2 * high], color="0.8", lw=0.6
    )
    axes.scatter(expected, true, s=18, color=BLUE, alpha=0.75, linewidths=0)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), title=material)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.set(xlabel="expected largest error (meV/Å)", ylabel="true largest error (meV/Å)")
    axes.text(
        0.03,
        0.97,
        f"{len(data)} test frames\n"
        f"rank correlation over atoms {committee['rank_correlation']:.2f}\n"
        f"error / expected (rms) {committee['test_error_over_expected']:.2f}",
        transform=axes.transAxes,
        va="top",
        fontsize=7,
    )
    save(figure, paths)
