"""Errors of the committee, and its κ, against the number of training labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, decades, save
from umklapp.report.history import Round
from umklapp.transport.baseline_record import Baseline
from umklapp.wording import counted

FEW = 3
"""Points below which a line between them is no learning curve, which the title says."""


def table(rounds: Sequence[Round], baseline: Baseline | None = None) -> pd.DataFrame:
    """A row per round from its committee.json, assessment.json and κ (eV/Å, W/(m K)).

    `kappa_std_W_per_mK` is the sample standard deviation over the members, NaN where one of them
    has no κ; `zero_label_kappa_W_per_mK` that of the foundation model at the same lattice.
    """
    zero = baseline.given.kappa.at_room_temperature if baseline else None
    rows = []
    for record in rounds:
        members = np.array(record.kappa_members_W_per_mK, float)  # None is NaN
        enough = len(members) > 1
        rows.append(
            {
                "round": record.assessment.round,
                "training_labels": record.committee.frames["train"],
                "test_force_mae_eV_per_A": record.committee.test.force_mae_eV_per_A,
                "new_label_force_mae_eV_per_A": record.assessment.criteria["force"].value,
                "wanted_eV_per_A": record.assessment.criteria["force"].limit,
                "kappa_300K_W_per_mK": members.mean() if len(members) else np.nan,
                "kappa_std_W_per_mK": members.std(ddof=1) if enough else np.nan,
                "zero_label_kappa_W_per_mK": np.nan if zero is None else zero,
            }
        )
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame, material: str, paths: Sequence[Path]) -> None:
    """Test error and error on the new labels with the wanted error; κ below it, where there is κ.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    with_kappa = bool(data["kappa_300K_W_per_mK"].notna().any())
    figure = Figure(figsize=(3.5, 4.6 if with_kappa else 2.8), layout="constrained")
    panels = figure.subplots(1 + with_kappa, 1, sharex=True, squeeze=False)[:, 0]
    _errors(panels[0], data)
    if with_kappa:
        _kappa(panels[1], data)
    panels[-1].set_xlabel("training labels")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    few = f": {counted(len(data), 'round')}, too few for a trend" if len(data) < FEW else ""
    panels[0].set_title(f"{material}{few}")
    figure.legend(loc="outside lower center")
    save(figure, paths)


def _errors(axes: Axes, data: pd.DataFrame) -> None:
    labels = data["training_labels"]
    test = 1e3 * data["test_force_mae_eV_per_A"]
    axes.plot(labels, test, "o-", color=BLUE, label="held-out test frames")
    new = 1e3 * data["new_label_force_mae_eV_per_A"].astype(float)
    axes.plot(labels, new, "s--", color=ORANGE, label="new labels, before learning them")
    wanted = 1e3 * data["wanted_eV_per_A"].iloc[0]
    axes.axhline(wanted, color="0.4", lw=0.9, ls=":", label="error wanted on new labels")
    axes.set(ylabel="force MAE (meV/Å)", yscale="log")
    decades(axes.yaxis)
    axes.margins(x=0.1)


def _kappa(axes: Axes, data: pd.DataFrame) -> None:
    axes.errorbar(
        data["training_labels"], data["kappa_300K_W_per_mK"], yerr=data["kappa_std_W_per_mK"],
        fmt="D-", ms=4, capsize=3, color=GREY, label="κ of the committee",
    )  # fmt: skip
    zero = data["zero_label_kappa_W_per_mK"].iloc[0]
    if np.isfinite(zero):
        axes.axhline(
            zero, color="black", lw=1, ls="--", label="κ of the foundation model, no label"
        )
    axes.set_ylabel("κ(300 K) (W m$^{-1}$ K$^{-1}$)")
    axes.set_ylim(bottom=0)
