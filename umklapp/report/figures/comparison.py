"""κ by every method on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from umklapp.report.figures.style import BLUE, GREY, ORANGE, canvas, decades, save

LETTERS = 105
"""Of the sentence below the figure on a line."""

BROAD = 20.0
"""Ratio of the largest κ to the smallest from which the axis is logarithmic: on a linear one the
error bars of the small ones are hidden behind their symbols."""


def draw(table: pd.DataFrame, material: str, comparison: str, paths: Sequence[Path]) -> None:
    """A row for every method, with its error bar; `comparison` stands below.

    Args:
        table: of `comparison.rows`.
    """
    methods = list(dict.fromkeys(table["method"]))
    lines = len(comparison) / LETTERS
    figure, axes = canvas(width=4.6, height=1.1 + 0.1 * lines + 0.28 * max(1, len(methods)))
    for place, method in enumerate(methods):
        values = table[table["method"] == method]
        published = (values["error_is"] == "as published").all()
        colour = ORANGE if method == "experiment" else GREY if published else BLUE
        axes.errorbar(
            values["kappa_W_per_mK"], np.full(len(values), place),
            xerr=None if published else values["error_W_per_mK"].astype(float),
            fmt="D" if published else "o", mfc="none" if published else colour, color=colour,
            ms=5, capsize=3, ls="none",
        )  # fmt: skip
    axes.set_yticks(range(len(methods)), methods)
    axes.set_ylim(max(1, len(methods)) - 0.5, -0.5)
    _axis(axes, table["kappa_W_per_mK"].dropna())
    axes.set_xlabel("κ (W m$^{-1}$ K$^{-1}$)")
    axes.set_title(material)
    axes.grid(axis="x", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    figure.supxlabel(comparison, fontsize=6.5, wrap=True)
    save(figure, paths)


def _axis(axes: Axes, values: pd.Series) -> None:
    """Linear from zero, or logarithmic where κ differs by more than `BROAD`."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if low <= 0 or high < BROAD * low:
        axes.set_xlim(left=0)
        return
    axes.set_xscale("log")
    axes.set_xlim(0.6 * low, 1.6 * high)
    decades(axes.xaxis)
