"""Errors of the committee against the number of training labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from umklapp.report.figures.style import BLUE, ORANGE, canvas, decades, save
from umklapp.report.history import Round

FEW = 3
"""Points below which a line between them is no learning curve, which the title says."""


def table(rounds: Sequence[Round]) -> pd.DataFrame:
    """A row per round from its committee.json and assessment.json (eV/Å)."""
    return pd.DataFrame(
        {
            "round": record.assessment.round,
            "training_labels": record.committee.frames["train"],
            "test_force_mae_eV_per_A": record.committee.test.force_mae_eV_per_A,
            "new_label_force_mae_eV_per_A": record.assessment.criteria["force"].value,
            "wanted_eV_per_A": record.assessment.criteria["force"].limit,
        }
        for record in rounds
    )


def draw(data: pd.DataFrame, material: str, paths: Sequence[Path]) -> None:
    """Test error and error on the new labels, with the wanted error."""
    figure, axes = canvas()
    labels = data["training_labels"]
    axes.plot(
        labels,
        1e3 * data["test_force_mae_eV_per_A"],
        "o-",
        color=BLUE,
        label="held-out test frames",
    )
    new = 1e3 * data["new_label_force_mae_eV_per_A"].astype(float)
    axes.plot(labels, new, "s--", color=ORANGE, label="new labels, before learning them")
    axes.axhline(1e3 * data["wanted_eV_per_A"].iloc[0], color="0.6", lw=0.8, ls=":")
    axes.annotate(
        "wanted on new labels",
        (1, 1e3 * data["wanted_eV_per_A"].iloc[0]),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7,
        color="0.4",
    )
    axes.set(xlabel="training labels", ylabel="force MAE (meV/Å)", title=material)
    axes.set_yscale("log")
    decades(axes.yaxis)
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center")
    if len(data) < FEW:
        axes.set_title(f"{material}: {len(data)} rounds, too few for a trend")
    save(figure, paths)
