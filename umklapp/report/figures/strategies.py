"""Error against labels by strategy, from the tables of benchmarks/label_efficiency.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from umklapp.report.figures.style import BLUE, ORANGE, SETTINGS, decades, save

LOOKS = {
    "ours": ("threshold (default)", BLUE, "o"),
    "farthest": ("threshold, farthest points", "#3a9b6f", "D"),
    "almomd": ("ALmoMD's $P_U P_E$", ORANGE, "s"),
    "random": ("random, viable", "0.35", "^"),
    "blind": ("random, everything", "0.7", "v"),
    "nothing": ("no labels, only training", "#8a5a9e", ""),
}
"""Label, colour and marker of every strategy."""

COLUMNS = ("system", "strategy", "round", "seeds", "labels", "event_force_mae_eV_per_A",
           "std_eV_per_A")  # fmt: skip


def table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Means over the seeds with their sample standard deviation, columns `COLUMNS`.

    Args:
        tables: rows of single runs, columns `system`, `strategy`, `seed`, `round`, `labels` and
            `event_force_mae` (eV/Å).
    """
    runs = pd.concat(tables.values()) if tables else pd.DataFrame(columns=["system"])
    rows = [
        (system, strategy, round_index, len(group), group["labels"].mean(),
         group["event_force_mae"].mean(), group["event_force_mae"].std())
        for (system, strategy, round_index), group in runs.groupby(
            ["system", "strategy", "round"], sort=False
        )
    ] if len(runs) else []  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A panel per system; one legend below.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    systems = list(dict.fromkeys(data["system"])) or ["no runs"]
    figure = Figure(figsize=(2.5 * len(systems) + 0.4, 3.3), layout="constrained")
    panels = figure.subplots(1, len(systems), squeeze=False)[0]
    for axes, system in zip(panels, systems, strict=True):
        _system(axes, data[data["system"] == system])
        axes.set(title=system, xlabel="training labels")
    panels[0].set_ylabel("force MAE, event region (meV/Å)")
    handles = {label: line for axes in panels for line, label in zip(*_legend(axes), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    save(figure, paths)


def _legend(axes: Axes) -> tuple[list[Artist], list[str]]:
    return axes.get_legend_handles_labels()


def _system(axes: Axes, data: pd.DataFrame) -> None:
    for strategy, (label, colour, marker) in LOOKS.items():
        rows = data[data["strategy"] == strategy].sort_values("round")
        if rows.empty:
            continue
        error, bar = 1e3 * rows["event_force_mae_eV_per_A"], 1e3 * rows["std_eV_per_A"]
        if strategy == "nothing":
            axes.axhline(error.iloc[-1], color=colour, ls=":", lw=1.2, label=label)
            continue
        axes.plot(rows["labels"], error, f"{marker}-", color=colour, ms=3.5, label=label)
        low, high = np.maximum(error - bar, 0.3 * error), error + bar
        axes.fill_between(rows["labels"], low, high, color=colour, alpha=0.15, lw=0)
    axes.set_yscale("log")
    decades(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
