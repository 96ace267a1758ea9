"""Error of κ against labels, by method, from the table of benchmarks/panel.py."""

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
    "foundation+taylor": ("foundation model + Taylor", "#3a9b6f", "D"),
    "foundation+evidence": ("foundation model + Taylor, widths by evidence", BLUE, "o"),
}
"""Label, colour and marker; least squares without a prior is off the axis and not drawn."""

WIDEST = 4
"""Panels in a row."""

COLUMNS = ("crystal", "method", "labels", "draws", "error_percent", "standard_error_percent")


def table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean of |κ/κ_DFT − 1| over the draws with its standard error, in percent: `COLUMNS`.

    Args:
        tables: columns `crystal`, `labels`, `method`, `kappa` and `kappa_dft` (W/(m K)).
    """
    runs = pd.concat(tables.values()) if tables else pd.DataFrame(columns=["crystal"])
    rows = []
    if len(runs):
        runs = runs.assign(error=100 * (runs["kappa"] / runs["kappa_dft"] - 1).abs())
        for (crystal, method, labels), group in runs.groupby(["crystal", "method", "labels"]):
            bar = group["error"].std() / np.sqrt(len(group))
            rows.append((crystal, method, labels, len(group), group["error"].mean(), bar))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A panel per crystal on one scale of errors; one legend below.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    crystals = list(dict.fromkeys(data["crystal"])) or ["no runs"]
    columns = min(WIDEST, len(crystals))
    lines = -(-len(crystals) // columns)
    size = (max(5.2, 2.3 * columns), 2.3 * lines + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in panels[len(crystals) :]:
        axes.set_axis_off()
    for axes, crystal in zip(panels, crystals, strict=False):
        own = data[data["crystal"] == crystal]
        _crystal(axes, own)
        draws = int(own["draws"].max()) if len(own) else 0
        axes.set_title(f"{crystal}, {draws} draws" if draws > 1 else f"{crystal}, one draw")
    for axes in panels[::columns]:
        axes.set_ylabel("|κ/κ$_{DFT}$ − 1| (%)")
    drawn = data[data["method"].isin(LOOKS)]
    highest = float((drawn["error_percent"] + drawn["standard_error_percent"].fillna(0)).max())
    panels[0].set_ylim(0, 1.05 * highest if np.isfinite(highest) and highest > 0 else 1.0)
    for label, colour, marker in LOOKS.values():
        line = "--" if not marker else "-"
        panels[0].plot([], [], f"{marker}{line}", color=colour, ms=4, label=label)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, paths)


def _crystal(axes: Axes, data: pd.DataFrame) -> None:
    for method, (_, colour, marker) in LOOKS.items():
        rows = data[data["method"] == method].sort_values("labels")
        if rows.empty:
            continue
        if not marker:
            axes.axhline(rows["error_percent"].iloc[0], color=colour, ls="--", lw=1)
            continue
        axes.errorbar(
            rows["labels"], rows["error_percent"], yerr=rows["standard_error_percent"],
            fmt=f"{marker}-", color=colour, ms=4, capsize=2,
        )  # fmt: skip
    axes.set_xlabel("DFT labels")
    axes.set_xticks(sorted({0, *data["labels"]}))
    axes.set_xlim(0, 1.05 * max([1, *data["labels"]]))
