"""Phonon bands of a committee."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from umklapp.lattice.phonons import Bands
from umklapp.report.figures.style import BLUE, canvas, save
from umklapp.wording import counted


def table(bands: Bands) -> pd.DataFrame:
    """Distance and, per band, mean, lowest and highest frequency over the members (THz)."""
    columns = {"distance_per_A": bands.distance}
    for band in range(bands.frequencies.shape[2]):
        values = bands.frequencies[:, :, band]
        columns[f"band_{band + 1}_mean_THz"] = values.mean(axis=0)
        columns[f"band_{band + 1}_min_THz"] = values.min(axis=0)
        columns[f"band_{band + 1}_max_THz"] = values.max(axis=0)
    return pd.DataFrame(columns)


def _tick_labels(bands: Bands) -> tuple[list[float], list[str]]:
    ticks: list[float] = []
    names: list[str] = []
    for tick, label in zip(bands.ticks, bands.labels, strict=True):
        name = "Γ" if label == "G" else label
        if ticks and abs(tick - ticks[-1]) < 1e-9:
            names[-1] += f"|{name}"
        else:
            ticks.append(float(tick))
            names.append(name)
    return ticks, names


def draw(bands: Bands, material: str, paths: Sequence[Path]) -> None:
    """Mean over the members as lines, their range as shaded bands."""
    figure, axes = canvas(4.6, 3.0)
    edges = [*bands.segments, len(bands.distance)]
    for begin, end in pairwise(edges):
        x, values = bands.distance[begin:end], bands.frequencies[:, begin:end]
        for band in range(values.shape[2]):
            low, high = values[:, :, band].min(axis=0), values[:, :, band].max(axis=0)
            axes.fill_between(x, low, high, color=BLUE, alpha=0.25, lw=0)
            axes.plot(x, values[:, :, band].mean(axis=0), color=BLUE, lw=1.0)
    ticks, names = _tick_labels(bands)
    for tick in ticks:
        axes.axvline(tick, color="0.8", lw=0.6, zorder=0)
    axes.axhline(0, color="0.6", lw=0.6)
    axes.set_xticks(ticks, names)
    axes.set(xlim=(bands.distance[0], bands.distance[-1]), ylabel="frequency (THz)")
    axes.set_title(f"{material}: mean and range of {counted(len(bands.frequencies), 'member')}")
    axes.set_ylim(bottom=min(0.0, 1.05 * float(np.min(bands.frequencies))))
    save(figure, paths)
