"""κ of all methods against literature, and what the published power law says at the same σᴬ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from umklapp.report.figures import names
from umklapp.report.figures.overview import power_law
from umklapp.report.figures.overview import table as literature_table
from umklapp.report.figures.style import BLUE, GREY, ORANGE, canvas, decades, save, without_points

METHODS = {
    "boltzmann": ("Boltzmann equation", BLUE, "o"),
    "green_kubo": ("Green–Kubo", ORANGE, "s"),
    "power_law": ("power law at its σᴬ", GREY, "x"),
}

FEW = 20
"""Materials up to which all have their name; of more, those that are off by more than two."""

COLUMNS = ("material", "method", "kappa_W_per_mK", "error_W_per_mK", "published_W_per_mK", "of",
           "no_result")  # fmt: skip


def table(
    summary: pd.DataFrame, materials: Path, doubts: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """A row per material and method with a published value, columns `COLUMNS`.

    The published value is the mean of the experiments, else of ab initio Green–Kubo; `of` says
    which.

    Args:
        summary: summary.csv. materials: the table with the published values. doubts: of
            `advice.no_result`, by the material whose Green–Kubo is no result.
    """
    published = literature_table(materials).set_index("material")
    rows = []
    for _, row in summary.iterrows():
        if row["material"] not in published.index:
            continue
        literature = published.loc[row["material"]]
        experiment = literature["kappa_experiment_W_per_mK"]
        value = experiment if np.isfinite(experiment) else literature["kappa_green_kubo_W_per_mK"]
        of = "experiment" if np.isfinite(experiment) else "ab initio Green–Kubo"
        sigma = row.get("sigma_A", np.nan)
        for method, kappa, error in (
            ("boltzmann", row.get("kappa_300K_W_per_mK"), row.get("kappa_300K_error_W_per_mK")),
            (
                "green_kubo",
                row.get("kappa_green_kubo_W_per_mK"),
                row.get("kappa_green_kubo_error_W_per_mK"),
            ),
            ("power_law", float(power_law(np.array(sigma))) if pd.notna(sigma) else None, None),
        ):
            if kappa is not None and pd.notna(kappa) and pd.notna(value):
                doubt = doubts.get(row["material"], "") if method == "green_kubo" else ""
                rows.append((row["material"], method, kappa, error, value, of, doubt))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {name: float for name in COLUMNS if name.endswith("mK")}
    )


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Double logarithmic; the diagonal, and a factor of two on both sides.

    Args:
        data: of `table`.
    """
    figure, axes = canvas(4.4, 4.2)
    values = [*data["kappa_W_per_mK"], *data["published_W_per_mK"]] or [1.0, 10.0]
    ends = np.array([min(values) / 2.5, max(values) * 2.5])
    axes.plot(ends, ends, color="0.4", lw=0.8)
    axes.fill_between(ends, ends / 2, ends * 2, color=GREY, alpha=0.12, lw=0)
    for method, (label, colour, marker) in METHODS.items():
        own = data[(data["method"] == method) & (data["no_result"] == "")]
        if own.empty:
            continue
        axes.errorbar(
            own["published_W_per_mK"], own["kappa_W_per_mK"], yerr=own["error_W_per_mK"],
            fmt=marker, ms=4.5, color=colour, capsize=2, ls="none", label=label,
        )  # fmt: skip
    hollow = data[data["no_result"] != ""]
    if len(hollow):
        axes.plot(
            hollow["published_W_per_mK"], hollow["kappa_W_per_mK"], "s", ms=4.5, mfc="none",
            color=GREY, label="Green–Kubo, cell too small: no result",
        )  # fmt: skip
    first = data.drop_duplicates("material")
    off = np.abs(np.log2(first["kappa_W_per_mK"] / first["published_W_per_mK"])) > 1
    named = first[off | (len(first) <= FEW)]
    axes.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal",
        xlabel="κ(300 K), published (W m$^{-1}$ K$^{-1}$)",
        ylabel="κ(300 K), this campaign (W m$^{-1}$ K$^{-1}$)",
    )  # fmt: skip
    decades(axes.xaxis)
    decades(axes.yaxis)
    if len(data):
        figure.legend(loc="outside lower center", ncols=2)
    else:
        without_points(axes, "no material has both values")
    columns = ["published_W_per_mK", "kappa_W_per_mK"]
    formulas = [str(key).rpartition("-")[0] for key in named["material"]]
    names.place(
        axes, named[columns].to_numpy(float), formulas, others=data[columns].to_numpy(float)
    )
    save(figure, paths)
