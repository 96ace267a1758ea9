"""κ by a foundation model without labels against DFT, Green–Kubo and experiment.

From the table of benchmarks/zero_label.py.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.report.figures import names
from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, decades, save


@dataclass(frozen=True)
class Truth:
    """What κ is held against: its column, its words, and the lattice of the κ beside it."""

    column: str
    words: str
    lattice: str
    colour: str


TRUTHS = {
    "dft": Truth("kappa_dft_W_per_mK", "DFT (PBE), its own lattice", "own", BLUE),
    "green_kubo": Truth("kappa_green_kubo_W_per_mK", "ab initio Green–Kubo", "table", ORANGE),
    "experiment": Truth("kappa_experiment_W_per_mK", "experiment", "table", "#3a9b6f"),
}
LATTICES = {"own": "the model's own lattice", "table": "the lattice of the table"}

COLUMNS = ("material", "model", "truth", "lattice", "kappa_W_per_mK", "published_W_per_mK",
           "published_lowest_W_per_mK", "published_highest_W_per_mK", "sigma_A",
           "born_charges", "no_result")  # fmt: skip

LOWEST_CROSS = 1.25
"""Height of crosses above the lower edge, as a factor of κ."""

LONGEST_LIST = 8
"""Crystals without κ that the figure names with their reason; the csv has all."""


def table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row per crystal and published value, columns `COLUMNS`; κ(300 K) in W/(m K).

    PBE's own lattice is held against the model's own, Green–Kubo and experiment against the
    lattice of the table. A crystal without κ at a lattice stays, with the reason in `no_result`;
    where nothing is published for that lattice `truth` is empty.

    Args:
        tables: columns of benchmarks/results/zero_label.csv.
    """
    crystals = pd.concat(tables.values()) if tables else pd.DataFrame()
    rows = []
    for _, crystal in crystals.iterrows():
        truths = [name for name, truth in TRUTHS.items() if pd.notna(crystal.get(truth.column))]
        rows += [_row(crystal, name, TRUTHS[name].lattice) for name in truths]
        for lattice in LATTICES:
            row = _row(crystal, "", lattice)
            if row["no_result"] and lattice not in [TRUTHS[name].lattice for name in truths]:
                rows.append(row)
    data = pd.DataFrame(rows, columns=list(COLUMNS))
    return data.astype({name: float for name in COLUMNS if name.endswith("mK")})


def _row(crystal: pd.Series, name: str, lattice: str) -> dict[str, object]:
    kappa = crystal.get(f"{lattice}_kappa_300K_W_per_mK")
    column = TRUTHS[name].column if name else ""
    stem = column.removesuffix("_W_per_mK")
    return {
        "material": crystal["material"],
        "model": crystal["model"],
        "truth": name,
        "lattice": lattice,
        "kappa_W_per_mK": kappa,
        "published_W_per_mK": crystal.get(column),
        "published_lowest_W_per_mK": crystal.get(f"{stem}_lowest_W_per_mK"),
        "published_highest_W_per_mK": crystal.get(f"{stem}_highest_W_per_mK"),
        "sigma_A": crystal.get(f"{lattice}_sigma_A"),
        "born_charges": crystal.get("born_charges"),
        "no_result": crystal["failure"] if pd.isna(kappa) else "",
    }


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A double logarithmic panel per kind of published value; below, what has no κ and why.

    Bars are the range of the published values; hollow: no Born charges were at hand, so κ lacks
    the split of optical modes at Γ. A crystal without κ is a cross on the lower edge at its
    published value.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(9.0, 4.1), layout="constrained")
    panels = figure.subplots(1, len(TRUTHS), sharex=True, sharey=True)
    values = data[["kappa_W_per_mK", "published_W_per_mK"]].to_numpy().ravel()
    values = values[np.isfinite(values) & (values > 0)] if len(values) else np.array([1.0, 10.0])
    ends = np.array([values.min() / 2.0, values.max() * 2.0])
    for axes, (name, truth) in zip(panels, TRUTHS.items(), strict=True):
        _panel(axes, data[data["truth"] == name], truth, ends)
    figure.supylabel("κ(300 K) without labels (W m$^{-1}$ K$^{-1}$)", fontsize=9)
    legend = [
        "bars: range of the experiments; hollow: without Born charges; cross: no κ; "
        "shaded: a factor of two"
    ]
    figure.supxlabel("\n".join([*legend, *no_results(data)]), fontsize=6, color="0.3")
    for axes, name in zip(panels, TRUTHS, strict=True):
        _names(axes, data[data["truth"] == name])
    save(figure, paths)


def _panel(axes: Axes, data: pd.DataFrame, truth: Truth, ends: np.ndarray) -> None:
    axes.plot(ends, ends, color="0.4", lw=0.8)
    axes.fill_between(ends, ends / 2, ends * 2, color=GREY, alpha=0.12, lw=0)
    made = data[data["kappa_W_per_mK"].notna()]
    charged = made["born_charges"].astype(bool)
    for points, face in ((made[charged], truth.colour), (made[~charged], "white")):
        middle = points["published_W_per_mK"]
        low = middle - points["published_lowest_W_per_mK"].fillna(middle)
        high = points["published_highest_W_per_mK"].fillna(middle) - middle
        axes.errorbar(
            middle, points["kappa_W_per_mK"], xerr=[low, high], fmt="o", ms=4, mfc=face,
            color=truth.colour, capsize=2, ls="none",
        )  # fmt: skip
    failed = data[data["kappa_W_per_mK"].isna()]
    edge = ends[0] * LOWEST_CROSS
    axes.plot(failed["published_W_per_mK"], np.full(len(failed), edge), "x", ms=5, color=GREY)
    error = 100 * (made["kappa_W_per_mK"] / made["published_W_per_mK"] - 1).abs().median()
    median = f"{len(made)} crystals, median |error| {error:.0f} %" if len(made) else "no crystal"
    axes.set_title(f"{LATTICES[truth.lattice]}\n{median}", fontsize=8)
    axes.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal",
    )  # fmt: skip
    axes.set_xlabel(f"κ(300 K), {truth.words}\n(W m$^{{-1}}$ K$^{{-1}}$)", fontsize=8)
    decades(axes.xaxis)
    decades(axes.yaxis)


def _names(axes: Axes, data: pd.DataFrame) -> None:
    """Names of the crystals, the farthest from the diagonal first; the csv has all of them."""
    height = data["kappa_W_per_mK"].fillna(axes.get_ylim()[0] * LOWEST_CROSS)
    apart = np.abs(np.log(height / data["published_W_per_mK"]))
    ordered = data.assign(height=height, apart=apart).sort_values("apart", ascending=False)
    formulas = [str(key).rpartition("-")[0] for key in ordered["material"]]
    names.place(axes, ordered[["published_W_per_mK", "height"]].to_numpy(float), formulas)


def no_results(data: pd.DataFrame) -> list[str]:
    """A line per crystal and lattice without κ, with the reason; the last counts what is cut."""
    failed = data[data["no_result"] != ""].drop_duplicates(["material", "lattice"])
    lines = [
        textwrap.shorten(
            f"no κ: {row['material']}, {LATTICES[row['lattice']]}: {row['no_result']}",
            150,
        )
        for _, row in failed.iterrows()
    ]
    rest = len(lines) - LONGEST_LIST
    return [*lines[:LONGEST_LIST], f"and {rest} more, in the csv"] if rest > 0 else lines
