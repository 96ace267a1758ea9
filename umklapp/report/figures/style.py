"""What all figures share: size, fonts, colours, and saving without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from umklapp.files import replacing

BLUE, ORANGE, GREY = "#1f5fa8", "#d1731b", "#777777"
"""Told apart in print and by colour-blind readers."""

CROWDED = 60.0
"""Ratio of the ends of a logarithmic axis above which ticks between powers of ten overlap."""

NARROW = 9.0
"""The same ratio, below which 1, 2 and 5 times powers of ten leave two or three ticks."""

SETTINGS: Any = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "umklapp",
}


def canvas(width: float = 3.5, height: float = 2.8) -> tuple[Figure, Axes]:
    """One panel of a journal column; width and height in inches."""
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def save(figure: Figure, paths: Sequence[Path]) -> None:
    """Save in the format of every path, without dates, so that equal figures are equal files."""
    for path in paths:
        stamp = {".pdf": "CreationDate", ".svg": "Date"}.get(path.suffix, "Software")
        with replacing(path) as part:
            figure.savefig(part, dpi=200, metadata={stamp: None})


def legend_above(axes: Axes, columns: int = 3) -> None:
    """The legend of one of several panels, above it, where no curve is."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, borderaxespad=0.2,
        columnspacing=1.0, handlelength=1.5,
    )  # fmt: skip


def rows(axes: Axes, names: Sequence[str], size: float | None = None) -> None:
    """A named row for every bar, the first on top, and no empty row above or below them."""
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)


def without_points(axes: Axes, words: str) -> None:
    """Say in the lower right corner of a panel why it has no point."""
    axes.text(0.97, 0.05, words, ha="right", transform=axes.transAxes, color=GREY)


def decades(axis: Axis) -> None:
    """Ticks of a logarithmic axis as plain numbers: at 1, 2 and 5 times powers of ten.

    Where the axis spans more than `CROWDED`, at powers of ten alone, and at 3 times these where at
    most one of them is on the axis; also at 3, 4, 6 and 8 times where it spans less than `NARROW`.
    Short ticks without numbers show that it is logarithmic.
    """
    low, high = axis.axes.get_xlim() if isinstance(axis, XAxis) else axis.axes.get_ylim()
    span = high / low
    powers = np.floor(np.log10(high)) - np.ceil(np.log10(low)) + 1
    crowded = (1,) if powers > 1 else (1, 3)
    subs = (1, 2, 3, 4, 6, 8) if span < NARROW else (1, 2, 5) if span < CROWDED else crowded
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(LogLocator(subs=range(2, 10), numticks=100))
    axis.set_minor_formatter(NullFormatter())
