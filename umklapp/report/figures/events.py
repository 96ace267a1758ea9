"""σᴬ, force error and uncertainty on one time axis, with events shaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.learning.events.observations import Observation
from umklapp.learning.events.quiet import LEAVE
from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures.style import BLUE, ORANGE, SETTINGS, decades, legend_above, save

LOOKS = {"before": ("before learning", ORANGE), "after": ("after learning", BLUE)}
ENOUGH = 20
"""Reference frames from which the figure is drawn along the reference trajectory."""


def draw(data: pd.DataFrame, record: Verdict, material: str, paths: Sequence[Path]) -> None:
    """The figure of Kang et al. for CuI, for any material, with the committees' own dynamics.

    Args:
        data: columns of `reference_series` and `exploration_series` (reference_replay, replay).
        record: verdict.json.
    """
    mpl.rcParams.update(SETTINGS)
    reference = data[data["source"] == "reference"]
    along = len(reference) >= ENOUGH
    figure = Figure(figsize=(4.4, 5.4 if along else 4.2), layout="constrained")
    panels = figure.subplots(4 if along else 3, 1, sharex=True)
    if along:
        _along_reference([panels[0], *panels[2:]], reference, record)
        for name, (label, colour) in LOOKS.items():
            part = in_a_row(data[data["source"] == name])
            panels[1].plot(part["x"], part["sigma"], color=colour, label=label, lw=0.8)
        panels[1].set_ylabel("$\\sigma^A$ of the\ncommittee's MD")
        panels[1].set_ylim(panels[0].get_ylim()[0], None)
    else:
        _along_dynamics(panels, data, record)
    panels[-1].set_xlabel("time (ps)")
    panels[0].set_title(f"{material}: {record.verdict}", loc="left")
    for axes in panels:
        axes.margins(x=0.01)
    figure.align_ylabels(panels)
    save(figure, paths)


def in_a_row(part: pd.DataFrame) -> pd.DataFrame:
    """Trajectories one after the other on one time axis, column `x` in ps."""
    rows, first = [], 0.0
    for _, trajectory in part.groupby("replica"):
        trajectory = trajectory.sort_values("time_ps")
        step = trajectory["time_ps"].diff().median() if len(trajectory) > 1 else 0.0
        rows.append(
            trajectory.assign(x=trajectory["time_ps"] - trajectory["time_ps"].iloc[0] + first)
        )
        first = rows[-1]["x"].iloc[-1] + step
    return pd.concat(rows) if rows else part.assign(x=part["time_ps"])


def _along_reference(panels: Sequence[Axes], data: pd.DataFrame, record: Verdict) -> None:
    data = in_a_row(data)
    _sigma(panels[0], data, record.reference, "0.2", "reference")
    for name, (label, colour) in LOOKS.items():
        for axes, column in ((panels[1], "force_error"), (panels[2], "uncertainty")):
            axes.plot(data["x"], 1e3 * data[f"{column}_{name}"], color=colour, label=label)
    panels[1].set_ylabel("force error\n(MAE, meV/Å)")
    panels[2].set_ylabel("uncertainty\n($u_{max}$, meV/Å)")
    legend_above(panels[1])


def _along_dynamics(panels: Sequence[Axes], data: pd.DataFrame, record: Verdict) -> None:
    observed = {"before": record.before, "after": record.after}
    for axes, (name, (label, colour)) in zip(panels[:2], LOOKS.items(), strict=True):
        part = in_a_row(data[data["source"] == name])
        if part.empty:
            axes.text(0.5, 0.5, f"no dynamics {label}", transform=axes.transAxes, ha="center")
            continue
        _sigma(axes, part, observed[name], colour, label)
        column = f"uncertainty_{name}"
        panels[2].plot(part["x"], 1e3 * part[column], color=colour, label=label)
    panels[2].set_yscale("log")
    decades(panels[2].yaxis)
    panels[2].set_ylabel("uncertainty\n($u_{max}$, meV/Å)")


def _sigma(
    axes: Axes, data: pd.DataFrame, observed: Observation | None, colour: str, label: str
) -> None:
    axes.plot(data["x"], data["sigma"], color=colour, label=label, lw=1.0)
    axes.set_ylabel("$\\sigma^A$")
    legend_above(axes)
    if observed is None or observed.quiet is None:
        return
    band = (observed.quiet.level(-LEAVE), observed.quiet.level(LEAVE))
    axes.axhspan(*band, color="0.9", lw=0, zorder=0)
    for event in (*observed.real_events, *observed.apart):
        run = data[data["replica"] == event.replica]
        inside = run[(1000 * run["time_ps"]).between(event.start, event.end)]
        if len(inside):
            axes.axvspan(inside["x"].min(), inside["x"].max(), color=ORANGE, alpha=0.25, lw=0)
