"""How honest the uncertainty is: expected and true errors, reliability, what is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling.calibration import Honesty
from umklapp.report.figures.style import BLUE, ORANGE, SETTINGS, decades, save
from umklapp.report.history import Round
from umklapp.wording import counted


def accepted(data: pd.DataFrame, bound: float) -> pd.DataFrame:
    """The table with a column `accepted`: whether acquisition by threshold would label the frame.

    Args:
        data: columns `expected_error_eV_per_A` and `error_eV_per_A` of `judgement.judge`.
        bound: expected largest error (eV/Å) from which a frame is worth a label.
    """
    return data.assign(accepted=~(data["expected_error_eV_per_A"] <= bound))  # unknown: accepted


def acceptance(rounds: Sequence[Round]) -> pd.DataFrame:
    """A row per round: explored frames, the share above the bound, the share that may be."""
    return pd.DataFrame(
        {
            "round": record.assessment.round,
            "explored": record.assessment.explored,
            "share_above": None if above is None else above.value,
            "allowed": None if above is None else above.limit,
            "labels": record.assessment.accepted,
        }
        for record in rounds
        for above in [record.assessment.criteria.get("still_uncertain")]
    )


def draw(
    data: pd.DataFrame,
    rounds: Sequence[Round],
    bound: float,
    material: str,
    paths: Sequence[Path],
) -> None:
    """Test frames; atoms in bins, earlier rounds faint; what of the exploration would be labelled.

    Args:
        data: of `accepted`. rounds: of history.json. bound: as in `accepted`.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(8.8, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    committees = [record.committee for record in rounds]
    _frames(left, data, bound, committees[-1].honesty)
    _reliability(middle, committees)
    _acceptance(right, acceptance(rounds))
    figure.suptitle(material, fontsize=9)
    if any(axes.get_legend_handles_labels()[1] for axes in (left, right)):
        figure.legend(loc="outside lower center", ncols=3)
    save(figure, paths)


def _frames(axes: Axes, data: pd.DataFrame, bound: float, honesty: Honesty) -> None:
    expected, true = 1e3 * data["expected_error_eV_per_A"], 1e3 * data["error_eV_per_A"]
    if expected.notna().any():
        axes.scatter(expected, true, s=18, color=BLUE, alpha=0.75, linewidths=0)
    _diagonal(axes, [*expected.dropna(), *true])
    low, high = axes.get_xlim()
    if low < 1e3 * bound < high:
        axes.axvspan(1e3 * bound, high, color=ORANGE, alpha=0.12, lw=0, label="would be labelled")
        axes.axhline(1e3 * bound, color=ORANGE, lw=0.8, ls=":", label="true error at the bound")
    axes.set(xlabel="expected largest error (meV/Å)", ylabel="true largest error (meV/Å)")
    wrong = data["error_eV_per_A"] > bound
    axes.set_title(
        f"{len(data)} test frames, {wrong.sum()} wrong by more than {1e3 * bound:.0f} meV/Å:\n"
        f"{(wrong & data['accepted']).sum()} of them would be labelled, and "
        f"{(~wrong & data['accepted']).sum()} others;\n"
        f"rank correlation {honesty.rank_correlation_frames:.2f}",
        loc="left", fontsize=6,
    )  # fmt: skip


def _acceptance(axes: Axes, data: pd.DataFrame) -> None:
    share = 100 * data["share_above"].astype(float)
    axes.bar(data["round"], share, 0.7, color=ORANGE)
    for _, row in data.iterrows():
        judged = pd.notna(row["share_above"])
        height = 100 * row["share_above"] if judged else 0.0
        text = f"{counted(int(row['labels']), 'label')}" if judged else "not known"
        axes.annotate(
            text, (row["round"], height), xytext=(0, 2), textcoords="offset points",
            ha="center", fontsize=6,
        )  # fmt: skip
    allowed = data["allowed"].astype(float).dropna()
    if len(allowed):
        limit = 100 * allowed.iloc[-1]
        axes.axhline(limit, color="black", lw=0.9, ls="--", label="share allowed when done")
    axes.set(xlabel="round", ylabel="explored frames above the bound (%)")
    axes.set_ylim(0, 1.12 * max(5.0, float(np.nanmax([0.0, *share]))))
    if len(data):
        axes.set_xlim(data["round"].min() - 0.6, data["round"].max() + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _reliability(axes: Axes, rounds: Sequence[CommitteeRecord]) -> None:
    values: list[float] = []
    for round_index, committee in enumerate(rounds):
        bins = committee.honesty.reliability
        if not bins:
            continue
        last = round_index == len(rounds) - 1
        expected = [1e3 * row.expected for row in bins]
        observed = [1e3 * row.observed for row in bins]
        bars = [1e3 * row.error_bar for row in bins]
        values += [*expected, *observed]
        look: dict[str, Any] = {"color": BLUE, "alpha": 1.0 if last else 0.25, "ms": 3}
        axes.errorbar(expected, observed, bars, fmt="o-", capsize=2, **look)
    _diagonal(axes, values or [1.0])
    axes.set(xlabel="expected error (rms over atoms, meV/Å)", ylabel="observed (meV/Å)")
    honesty = rounds[-1].honesty
    if honesty.coverage is None:
        caption = "the members agree exactly:\nno uncertainty"
    else:
        covered = ", ".join(
            f"{float(level):.0%}: {share:.0%}" for level, share in honesty.coverage.items()
        )
        caption = (
            f"last round, atoms of the test frames: rank correlation "
            f"{honesty.rank_correlation:.2f},\n"
            f"error / expected {honesty.error_over_expected:.2f}, "
            f"ENCE {honesty.ence:.2f},\ncoverage {covered}"
        )
    axes.set_title(caption, loc="left", fontsize=6)


def _diagonal(axes: Axes, values: Sequence[float]) -> None:
    positive = [value for value in values if value > 0] or [1.0]
    low, high = max(0.7 * min(positive), 1e-3), 1.4 * max(positive)
    axes.plot([low, high], [low, high], color="0.6", lw=0.8)
    axes.plot([low, high], [low / 2, high / 2], color="0.85", lw=0.6)
    axes.plot([low, high], [2 * low, 2 * high], color="0.85", lw=0.6)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        decades(axis)
