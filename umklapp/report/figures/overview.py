"""The screening at a glance, from the literature table alone: κ against σᴬ, and what is known.

The power law κ ≈ 0.02 (σᴬ)^−4.8 W/(m K) was fitted to experiments on simple crystals at 300 K by
Knoop et al. (Phys. Rev. Mater. 4, 083809, 2020; F. Knoop's thesis, chapter on anharmonicity).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.crystals import materials
from umklapp.report.figures import names
from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, canvas, decades, save

LANDMARKS = ("CuI-216", "CuCl-216", "AgGaSe2-122", "MgO-225", "NaCl-225", "GaAs-216")
"""Materials of the literature that have their name beside their κ."""

FEW = 10
"""Materials of a campaign up to which they have their name, too."""

PREFACTOR, EXPONENT = 0.02, -4.8
"""W/(m K) and power of the published law."""

GROUPS = {
    "rock salt": ("rock salt", "o"),
    "zincblende, wurtzite, diamond": ("zincblende|wurtzite|diamond", "^"),
    "fluorite": ("fluorite", "s"),
    "perovskite": ("perovskite", "D"),
    "chalcopyrite": ("chalcopyrite", "v"),
    "other": ("", "X"),
}
"""Families by their prototype (regular expression) and marker; the first that fits."""


LITERATURE = ("sigmaA_OS_300K", "sigmaA_MD_300K", "rare_event_aiMD")
"""Columns of the table that only the overview reads."""


def power_law(sigma: np.ndarray) -> np.ndarray:
    """κ(300 K) in W/(m K) expected from σᴬ(300 K)."""
    return PREFACTOR * np.asarray(sigma, float) ** EXPONENT


def table(path: Path) -> pd.DataFrame:
    """A row per material: σᴬ, mean experimental and ab initio Green–Kubo κ, expected κ, family.

    Args:
        path: the table of materials; a table of one's own need not have the columns of the
            literature. σᴬ(300 K) is that of one-shot sampling, which the law was fitted with,
            else of molecular dynamics.
    """
    source = materials.read_table(path)
    for column in LITERATURE:
        if column not in source:
            source[column] = ""
    sigma = pd.to_numeric(source["sigmaA_OS_300K"], errors="coerce").fillna(
        pd.to_numeric(source["sigmaA_MD_300K"], errors="coerce")
    )
    published = [materials.literature(row) for _, row in source.iterrows()]
    return pd.DataFrame(
        {
            "material": source["material"].to_numpy(),
            "prototype": source["prototype"].to_numpy(),
            "family": [_family(text) for text in source["prototype"]],
            "sigma_A": sigma.to_numpy(),
            "kappa_experiment_W_per_mK": [_mean(kappa.experiment) for kappa in published],
            "kappa_green_kubo_W_per_mK": [_mean(kappa.green_kubo) for kappa in published],
            "kappa_power_law_W_per_mK": power_law(sigma.to_numpy()),
            "rare_event": [bool(text) for text in source["rare_event_aiMD"]],
        }
    )


def draw_law(data: pd.DataFrame, paths: Sequence[Path], own: pd.DataFrame | None = None) -> None:
    """κ against σᴬ, double logarithmic: experiments, ab initio Green–Kubo, the power law.

    Args:
        data: of `table`. own: columns material, sigma_A, kappa_W_per_mK and error of this campaign.
    """
    figure, axes = canvas(5.2, 3.6)
    line = np.geomspace(0.085, 1.1)
    axes.plot(line, power_law(line), color=GREY, lw=1, label=r"$0.02\,(\sigma^A)^{-4.8}$")
    axes.fill_between(
        line, power_law(line) / 3, power_law(line) * 3, color=GREY, alpha=0.15, lw=0,
        label="within a factor of 3",
    )  # fmt: skip
    for column, colour, label in (
        ("kappa_experiment_W_per_mK", BLUE, "experiment"),
        ("kappa_green_kubo_W_per_mK", ORANGE, "ab initio Green–Kubo"),
    ):
        axes.plot(
            data["sigma_A"], data[column], "o", ms=4, mfc="none" if colour == ORANGE else colour,
            color=colour, alpha=0.8, label=label,
        )  # fmt: skip
    if own is not None and len(own):
        axes.errorbar(
            own["sigma_A"], own["kappa_W_per_mK"], yerr=own["error_W_per_mK"], fmt="*", ms=10,
            color="black", capsize=2, label="this campaign",
        )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlim=(0.14, 0.7), ylim=(0.2, 300),
        xlabel="σ$^A$ (300 K)", ylabel="κ(300 K) (W m$^{-1}$ K$^{-1}$)",
    )  # fmt: skip
    ticks = [0.15, 0.2, 0.3, 0.4, 0.5, 0.6]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    decades(axes.yaxis)
    figure.legend(loc="outside lower center", ncols=3)
    _name(axes, data, own)
    save(figure, paths)


def draw_screening(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Every material of the table by its σᴬ in its family, and the distribution of σᴬ."""
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    top, bottom = figure.subplots(2, height_ratios=[2, 1], sharex=True)
    with_kappa = (
        data["kappa_experiment_W_per_mK"].notna() | data["kappa_green_kubo_W_per_mK"].notna()
    )
    families = list(GROUPS)
    for height, family in enumerate(families):
        crystals = data[data["family"] == family].sort_values("sigma_A")
        offset = np.resize([-0.22, 0.0, 0.22], len(crystals))
        for chosen, fill in ((with_kappa, BLUE), (~with_kappa, "none")):
            part = chosen.loc[crystals.index].to_numpy()
            top.plot(
                crystals["sigma_A"][part], (height + offset)[part], GROUPS[family][1], ms=4.5,
                mfc=fill, color=BLUE, alpha=0.85,
            )  # fmt: skip
        rare = crystals["rare_event"].to_numpy()
        top.plot(
            crystals["sigma_A"][rare], (height + offset)[rare], "o", ms=9, mfc="none", color=ORANGE
        )
    names = [f"{family} ({(data['family'] == family).sum()})" for family in families]
    top.set_yticks(range(len(families)), names)
    top.invert_yaxis()
    top.plot([], [], "o", color=BLUE, label="κ known")
    top.plot([], [], "o", color=BLUE, mfc="none", label="κ not known")
    top.plot([], [], "o", ms=9, mfc="none", color=ORANGE, label="rare events in aiMD")
    figure.legend(loc="outside upper center", ncols=3)
    bottom.hist(data["sigma_A"].dropna(), bins=np.arange(0.15, 0.6, 0.02), color=BLUE, alpha=0.8)
    bottom.set(xlabel="σ$^A$ (300 K)", ylabel="materials", xlim=(0.14, 0.6))
    save(figure, paths)


def own_results(summary: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """What this campaign adds to `draw_law`: its κ (Boltzmann equation) at its own σᴬ.

    σᴬ is that of the campaign where the summary has one, else that of the table.
    """
    rows = summary.dropna(subset=["kappa_300K_W_per_mK"])
    literature = data.set_index("material")["sigma_A"]
    sigma = rows.get("sigma_A", pd.Series(np.nan, rows.index))
    # made before there were error budgets: the spread of the members alone
    spread = rows.get("kappa_300K_std_W_per_mK", pd.Series(np.nan, rows.index))
    error = rows.get("kappa_300K_error_W_per_mK", spread).fillna(spread)
    return pd.DataFrame(
        {
            "material": rows["material"].to_numpy(),
            "sigma_A": sigma.fillna(rows["material"].map(literature)).to_numpy(),
            "kappa_W_per_mK": rows["kappa_300K_W_per_mK"].to_numpy(),
            "error_W_per_mK": error.fillna(0).to_numpy(),
        }
    )


def _name(axes: Axes, data: pd.DataFrame, own: pd.DataFrame | None) -> None:
    """Names of this campaign's materials and of `LANDMARKS`."""
    heights = data["kappa_experiment_W_per_mK"].fillna(data["kappa_green_kubo_W_per_mK"])
    points = data.assign(kappa_W_per_mK=heights)
    marked = points[points["material"].isin(LANDMARKS)]
    if own is not None and 0 < len(own) <= FEW:
        marked = pd.concat([own, marked[~marked["material"].isin(own["material"])]])
    columns = ["sigma_A", "kappa_W_per_mK"]
    marked = marked.dropna(subset=columns)
    others = [
        data[["sigma_A", f"kappa_{kind}_W_per_mK"]].dropna().to_numpy(float)
        for kind in ("experiment", "green_kubo")
    ]
    formulas = [str(key).rpartition("-")[0] for key in marked["material"]]
    names.place(axes, marked[columns].to_numpy(float), formulas, size=7, others=np.vstack(others))


def _family(prototype: str) -> str:
    held = pd.Series([prototype])
    return next(name for name, (pattern, _) in GROUPS.items() if held.str.contains(pattern).iloc[0])


def _mean(values: tuple[float, ...]) -> float:
    return float(np.mean(values)) if values else float("nan")
