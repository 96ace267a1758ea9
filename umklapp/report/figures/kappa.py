"""κ against temperature, with its total error, the members and literature at 300 K."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from umklapp.report.figures.style import BLUE, GREY, ORANGE, canvas, save
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import Conductivity


def table(conductivity: Conductivity, errors: KappaErrors | None) -> pd.DataFrame:
    """Temperature, mean, its total error, spread and every member; error_budget.json has parts."""
    columns: dict[str, Any] = {"temperature_K": conductivity.temperatures_K}
    empty = [np.nan] * len(conductivity.temperatures_K)
    columns["kappa_W_per_mK"] = conductivity.kappa_W_per_mK or empty
    total = errors.boltzmann.total_W_per_mK if errors and errors.boltzmann else None
    columns["error_W_per_mK"] = total or empty
    columns["std_W_per_mK"] = conductivity.std_W_per_mK or empty
    for member, values in enumerate(conductivity.members_W_per_mK):
        columns[f"member_{member}_W_per_mK"] = values or empty
    return pd.DataFrame(columns)


def draw(
    conductivity: Conductivity, errors: KappaErrors | None, material: str, paths: Sequence[Path]
) -> None:
    """Committee mean with the total of its error budget; members as thin lines.

    Args:
        errors: None for results from before there were budgets: the bar is the members' spread.
    """
    figure, axes = canvas()
    data = table(conductivity, errors)
    x, mean = data["temperature_K"], data["kappa_W_per_mK"]
    if conductivity.not_computed:
        reason = conductivity.not_computed
        axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, transform=axes.transAxes)
        axes.set(title=f"{material}: κ not computed")
        axes.set_axis_off()
        save(figure, paths)
        return
    bar = "± total error" if errors else "error bar: members only,\nmade before error budgets"
    for name in data.columns[4:]:
        axes.plot(x, data[name], color=BLUE, lw=0.5, alpha=0.5)
    axes.errorbar(
        x,
        mean,
        yerr=data["error_W_per_mK" if errors else "std_W_per_mK"],
        fmt="o-",
        color=BLUE,
        ms=4,
        capsize=3,
        label=f"committee, RTA\n({bar})",
    )
    literature = conductivity.literature
    for key, label, marker, colour in (
        ("experiment_300K", "experiment", "D", ORANGE),
        ("ab_initio_green_kubo_300K", "ab initio Green–Kubo", "^", GREY),
    ):
        values = getattr(literature, key)
        if values:
            axes.plot(
                [300.0] * len(values), values, marker, ms=5, mfc="none", color=colour, label=label
            )
    axes.set(xlabel="temperature (K)", ylabel="κ (W m$^{-1}$ K$^{-1}$)", title=material)
    axes.set_ylim(bottom=0)
    if len(x) == 1:
        axes.set_xlim(x[0] - 100, x[0] + 100)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, paths)
