"""Errors of κ, in sum and by modes, against labels, from the table of benchmarks/panel.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, save

LOOKS = {
    "foundation": ("foundation model, no label", GREY, ""),
    "taylor": ("Taylor expansion alone", ORANGE, "s"),
    "foundation+evidence": ("foundation model + Taylor", BLUE, "o"),
    "foundation+taylor": ("the same with fixed widths", "#3a9b6f", "D"),
}
"""Label, colour and marker; least squares without a prior is off the axis and not drawn."""

COLUMNS = (
    "crystal", "method", "labels", "draws", "error_percent", "standard_error_percent",
    "kappa_srme", "standard_error_srme", "displaced_atoms",
)  # fmt: skip

PAIR = 2
"""Displaced atoms of a label of phono3py's finite displacements."""

LINES = (
    ("error_percent", "standard_error_percent", "|κ/κ$_{DFT}$ − 1| (%)"),
    ("kappa_srme", "standard_error_srme", "κ$_{SRME}$"),
)
"""Columns of a line of panels, its bars, and the label of its axis."""


def table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Means of |κ/κ_DFT − 1| (percent) and κ_SRME over the draws, with standard errors: `COLUMNS`.

    Args:
        tables: columns `crystal`, `labels`, `method`, `kappa` and `kappa_dft` (W/(m K)), and
            `kappa_srme` and `displaced_atoms` (of a label) in tables that have them.
    """
    runs = pd.concat(tables.values()) if tables else pd.DataFrame(columns=["crystal"])
    rows = []
    if len(runs):
        runs = runs.assign(error=100 * (runs["kappa"] / runs["kappa_dft"] - 1).abs())
        for column in ("kappa_srme", "displaced_atoms"):
            if column not in runs:
                runs[column] = np.nan
        for place, group in runs.groupby(["crystal", "method", "labels"]):
            means: list[float] = []
            for column in ("error", "kappa_srme"):
                means += [group[column].mean(), group[column].std() / np.sqrt(len(group))]
            rows.append((*place, len(group), *means, group["displaced_atoms"].max()))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A column of panels per crystal, errors of κ above κ_SRME; one legend below.

    Every panel has its own axis: crystals whose labels have two displaced atoms have errors several
    times those of the others.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    crystals = list(dict.fromkeys(data["crystal"])) or ["no runs"]
    lines = [line for line in LINES if line is LINES[0] or data[line[0]].notna().any()]
    size = (max(5.2, 2.3 * len(crystals)), 2.1 * len(lines) + 0.95)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(lines), len(crystals), squeeze=False, sharex="col")
    for line, panels in zip(lines, grid, strict=True):
        for axes, crystal in zip(panels, crystals, strict=True):
            own = data[data["crystal"] == crystal]
            _crystal(axes, own, line)
            axes.set_ylim(0, _highest(own, line))
        panels[0].set_ylabel(line[2])
    for axes, crystal in zip(grid[0], crystals, strict=True):
        own = data[data["crystal"] == crystal]
        draws = int(own["draws"].max()) if len(own) else 0
        title = f"{crystal}, {draws} draws" if draws > 1 else f"{crystal}, one draw"
        moved = "two" if PAIR in set(own["displaced_atoms"]) else "all"
        axes.set_title(f"{title}\n{moved} atoms displaced")
    for axes in grid[-1]:
        axes.set_xlabel("DFT labels")
    for label, colour, marker in LOOKS.values():
        stroke = "--" if not marker else "-"
        grid[0, 0].plot([], [], f"{marker}{stroke}", color=colour, ms=4, label=label)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, paths)


def _highest(data: pd.DataFrame, line: tuple[str, str, str]) -> float:
    """Upper end of the axis of a line: a little above its highest bar."""
    drawn = data[data["method"].isin(LOOKS)]
    highest = float((drawn[line[0]] + drawn[line[1]].fillna(0)).max())
    return 1.05 * highest if np.isfinite(highest) and highest > 0 else 1.0


def _crystal(axes: Axes, data: pd.DataFrame, line: tuple[str, str, str]) -> None:
    column, bar, _ = line
    for method, (_, colour, marker) in LOOKS.items():
        rows = data[(data["method"] == method) & data[column].notna()].sort_values("labels")
        if rows.empty:
            continue
        if not marker:
            axes.axhline(rows[column].iloc[0], color=colour, ls="--", lw=1)
            continue
        axes.errorbar(
            rows["labels"], rows[column], yerr=rows[bar], fmt=f"{marker}-", color=colour, ms=4,
            capsize=2,
        )  # fmt: skip
    ticks = sorted({0, *data["labels"]})
    axes.set(xticks=ticks, xlim=(0, 1.05 * max(1, *ticks)))
