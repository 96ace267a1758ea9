"""What every material has cost: core hours, GPU hours, and reference calculations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, rows, save

COLUMNS = ("material", "core_hours", "gpu_hours", "labels", "failed_labels")


def table(summary: pd.DataFrame) -> pd.DataFrame:
    """A row per material, dearest first, columns `COLUMNS`; hours are NaN where none are recorded.

    Args:
        summary: summary.csv.
    """
    columns = summary.reindex(columns=list(COLUMNS))
    return columns.sort_values("core_hours", ascending=False, kind="stable").reset_index(drop=True)


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Hours on the left, labels on the right; counts of finished jobs, without error bars.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(6.6, 1.3 + 0.2 * max(1, len(data))), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(data))
    left.barh(place, data["core_hours"], 0.7, color=BLUE)
    left.set_xlabel("core hours")
    if data["gpu_hours"].fillna(0).any():
        left.barh(place, data["gpu_hours"], 0.35, color=GREY, label="GPU hours")
        left.set_xlabel("core hours, GPU hours")
    good, failed = data["labels"].fillna(0), data["failed_labels"].fillna(0)
    right.barh(place, good, 0.7, color=BLUE)
    if failed.any():
        right.barh(place, failed, 0.7, left=good, color=ORANGE, label="labels that failed")
    right.set_xlabel("labels")
    for axes in (left, right):
        axes.margins(x=0.05)
    if data["gpu_hours"].fillna(0).any() or failed.any():
        figure.legend(loc="outside lower center", ncols=2)
    rows(left, list(data["material"]), 7)
    save(figure, paths)
