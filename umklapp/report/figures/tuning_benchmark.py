"""Fine-tuning against ordinary training, from the tables of benchmarks/phonon_finetuning.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, save

TITLES = {
    "phonon_finetuning_nacl": "NaCl, VASP, 64 atoms",
    "phonon_finetuning_mgo": "MgO, VASP, 64 atoms",
    "phonon_finetuning_cui": "CuI, its teacher, 64 atoms",
    "phonon_finetuning_gpaw": "NaCl, GPAW, 8 atoms",
    "phonon_finetuning_gpaw64": "NaCl, GPAW, hot 8-atom cells",
}

WAYS = {
    "ordinary": ("ordinary training", GREY),
    "displaced": ("displaced cells as labels", "black"),
    "before": ("before fine-tuning", ORANGE),
    "curvature": ("after fine-tuning", BLUE),
    "strong": ("after strong fine-tuning", "#3a9b6f"),
}

QUANTITIES = {
    "fc2_mae_eV_per_A2": ("MAE of second derivatives (meV/Å²)", 1e3),
    "omega_max_THz": ("error of the highest frequency (%)", 100.0),
    "kappa_W_per_mK": ("error of κ(300 K) (%)", 100.0),
    "force_mae_meV_per_A": ("force MAE (meV/Å)", 1.0),
}
"""Columns of the tables: label of the axis, factor. The middle two are relative to `ref_…`."""

COLUMNS = ("crystal", "labels", "draw", "way", "quantity", "value")


def table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row per crystal, draw, way and quantity in the units of the axis, columns `COLUMNS`.

    Args:
        tables: by the name of their files; columns `budget`, `draw`, `way`, those of `QUANTITIES`,
            and the reference's as `ref_…`.
    """
    rows = []
    for name, runs in tables.items():
        for _, run in runs.iterrows():
            place = (TITLES.get(name, name), run["budget"], run["draw"], run["way"])
            for quantity, (_, factor) in QUANTITIES.items():
                value = run.get(quantity, np.nan)
                if quantity in ("omega_max_THz", "kappa_W_per_mK"):
                    value = abs(value / run.get(f"ref_{quantity}", np.nan) - 1)
                if np.isfinite(value):
                    rows.append((*place, quantity, factor * value))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A row of panels per crystal; a point per draw, a bar at their mean.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    crystals = list(dict.fromkeys(data["crystal"])) or ["no runs"]
    figure = Figure(figsize=(9.6, 2.8 * len(crystals) + 0.4), layout="constrained")
    grid = figure.subplots(len(crystals), len(QUANTITIES), squeeze=False)
    for line, crystal in zip(grid, crystals, strict=True):
        own = data[data["crystal"] == crystal]
        for axes, (quantity, (label, _)) in zip(line, QUANTITIES.items(), strict=True):
            _panel(axes, own[own["quantity"] == quantity])
            axes.set_ylabel(label)
        line[0].set_title(crystal, loc="left")
    for label, colour in WAYS.values():
        grid[0, 0].plot([], [], "o", color=colour, label=label)
    figure.legend(loc="outside lower center", ncols=5)
    save(figure, paths)


def _panel(axes: Axes, data: pd.DataFrame) -> None:
    budgets = sorted(data["labels"].unique())
    if not budgets:
        axes.text(0.5, 0.5, "no third-order reference", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    width = 0.8 / len(WAYS)
    for place, budget in enumerate(budgets):
        for shift, (way, (_, colour)) in enumerate(WAYS.items()):
            values = data.loc[(data["labels"] == budget) & (data["way"] == way), "value"]
            at = place + width * (shift - (len(WAYS) - 1) / 2)
            if len(values):
                axes.bar(at, values.mean(), width, color=colour, alpha=0.3)
                axes.plot(np.full(len(values), at), values, "o", color=colour, ms=3)
    axes.set_xticks(range(len(budgets)), [f"{budget:g} labels" for budget in budgets])
    axes.set_ylim(bottom=0)
