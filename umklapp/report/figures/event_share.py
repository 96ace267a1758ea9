"""Share of the time that dynamics spends in rare events: reference, first and last committee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from umklapp.learning.events.observations import Observation
from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures.style import BLUE, GREY, ORANGE, canvas, rows, save

SOURCES = {
    "reference": ("reference dynamics", GREY),
    "before": ("first committee", ORANGE),
    "after": ("last committee", BLUE),
}

COLUMNS = ("material", "source", "share", "error", "events", "dynamics_ps")


def share_error(observation: Observation) -> float | None:
    """Standard error of the share of time in events; None without an event.

    The time in events is a sum of n independent dwell times d, n Poisson distributed: its variance
    is estimated by Σ d². What one event more or less changes is in it.
    """
    dwells = [event.duration / 1000 for event in observation.real_events]
    if not dwells or observation.exposure <= 0:
        return None
    return float(np.sqrt(np.sum(np.square(dwells))) / observation.exposure)


def table(verdicts: Mapping[str, Verdict]) -> pd.DataFrame:
    """A row per material and source that has dynamics, columns `COLUMNS`."""
    rows = []
    for material, verdict in verdicts.items():
        for source in SOURCES:
            observation = getattr(verdict, source)
            if observation is not None and observation.exposure > 0:
                numbers = (observation.share(), share_error(observation))
                counts = (len(observation.real_events), observation.exposure)
                rows.append((material, source, *numbers, *counts))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"error": float})


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """Bars in percent; a material per group, those without any event are counted in the title.

    Args:
        data: of `table`.
    """
    eventful = data.loc[data["events"] > 0, "material"]
    active = [str(key) for key in dict.fromkeys(eventful)]
    figure, axes = canvas(5.2, 1.4 + 0.45 * max(1, len(active)))
    quiet = data["material"].nunique() - len(active)
    axes.set_title(f"materials with events: {len(active)}, without any: {quiet}")
    if not active:
        axes.text(0.5, 0.5, "no rare event in any dynamics", ha="center", va="center")
        axes.set_axis_off()
        save(figure, paths)
        return
    for place, (source, (label, colour)) in enumerate(SOURCES.items()):
        own = data[data["source"] == source].set_index("material").reindex(active)
        axes.barh(
            np.arange(len(active)) + 0.26 * (place - 1), 100 * own["share"], 0.24,
            xerr=100 * own["error"], color=colour, capsize=2, label=label,
        )  # fmt: skip
    rows(axes, active)
    axes.set_xlabel("share of time in rare events (%)")
    axes.set_xlim(left=0)
    figure.legend(loc="outside lower center", ncols=3)
    save(figure, paths)
