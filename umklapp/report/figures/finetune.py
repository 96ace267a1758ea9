"""What fine-tuning on curvature did to the members of a committee."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from umklapp.report.figures.style import BLUE, ORANGE, SETTINGS, save
from umklapp.report.history import Round

QUANTITIES = {
    "curvature_mae_eV_per_A2": ("MAE of second derivatives (meV/Å²)", 1e3),
    "force_mae_eV_per_A": ("force MAE, held-out frames (meV/Å)", 1e3),
    "omega_max_THz": ("highest frequency (THz)", 1.0),
}
"""Drawn quantities: label of the axis, and the factor from the units of the table to it."""


def table(rounds: Sequence[Round]) -> pd.DataFrame:
    """A row per round, member and quantity (units in its name): `before`, `after`, `label`.

    `label` is that of the reference's second derivatives, NaN for errors.
    """
    rows = []
    for record in rounds:
        tuning = record.committee.finetune
        for member in tuning.members if tuning else ():
            place = {"round": record.assessment.round, "member": member.member}
            rows += [
                {**place, "quantity": name, "before": member.before[name],
                 "after": member.after[name], "label": np.nan}
                for name in ("curvature_mae_eV_per_A2", "force_mae_eV_per_A")
            ]  # fmt: skip
            phonons = member.phonons
            for name in sorted(set(phonons["label"]) & set(phonons["before"])):
                values = {which: phonons[which][name] for which in ("before", "after", "label")}
                rows.append({**place, "quantity": name, **values})
    columns = ["round", "member", "quantity", "before", "after", "label"]
    return pd.DataFrame(rows, columns=columns)


def draw(data: pd.DataFrame, material: str, paths: Sequence[Path]) -> None:
    """A panel per quantity: every member of every round, before and after, beside the reference.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(8.4, 3.0), layout="constrained")
    panels = figure.subplots(1, len(QUANTITIES))
    members = max(1, data["member"].nunique())
    for axes, (name, (label, factor)) in zip(panels, QUANTITIES.items(), strict=True):
        rows = data[data["quantity"] == name]
        place = rows["round"] + 0.5 * (rows["member"] - (members - 1) / 2) / members
        axes.vlines(place, factor * rows["before"], factor * rows["after"], color="0.8", lw=1)
        axes.plot(place, factor * rows["before"], "s", ms=4, mfc="none", color=ORANGE)
        axes.plot(place, factor * rows["after"], "o", ms=4, color=BLUE)
        reference = rows["label"].dropna()
        if len(reference):
            axes.axhline(factor * reference.iloc[-1], color="black", ls="--", lw=1)
        axes.set(xlabel="round", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=0 if "mae" in name else None)
    panels[0].plot([], [], "s", ms=4, mfc="none", color=ORANGE, label="member before fine-tuning")
    panels[0].plot([], [], "o", ms=4, color=BLUE, label="after")
    panels[0].plot([], [], color="black", ls="--", lw=1, label="reference")
    panels[0].set_title(material)
    figure.legend(loc="outside lower center", ncols=3)
    save(figure, paths)
