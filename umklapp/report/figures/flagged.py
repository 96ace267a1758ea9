"""Flagged materials by the class of their failure, with what decided and what is open."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures.style import SETTINGS, save

ORDER = ("missed event", "false event", "undecided", "sound")

COLUMNS = ("material", "verdict", "audit", "converged", "evidence", "needs")

WIDTHS = (0.13, 0.12, 0.11, 0.1, 0.54)
"""Of the drawn columns, shares of the figure."""


LINE = 66
"""Characters of the last column in a line."""


def table(verdicts: Mapping[str, Verdict], summary: pd.DataFrame) -> pd.DataFrame:
    """A row per material, columns `COLUMNS`, by class; sound ones that passed come last.

    Args:
        verdicts: verdict.json by material. summary: summary.csv.
    """
    rows = summary.set_index("material").reindex(columns=["audit", "converged"])
    rows["audit"] = (
        rows["audit"].astype(object).fillna("not audited")
    )  # made before there were audits
    table = pd.DataFrame(
        [
            (
                *(material, verdict.verdict, rows["audit"].get(material, "not audited")),
                "yes" if rows["converged"].get(material, False) else "no",
                "; ".join(
                    piece.sentence
                    for piece in verdict.evidence
                    if piece.points_to == verdict.verdict
                )
                or verdict.reason,
                "; ".join(dict.fromkeys(verdict.needs)),
            )
            for material, verdict in verdicts.items()
        ],
        columns=list(COLUMNS),
    )
    place = table["verdict"].map({word: rank for rank, word in enumerate(ORDER)})
    return table.loc[place.sort_values(kind="stable").index].reset_index(drop=True)


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """The table as a picture; the sentences are wrapped.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    cells = [
        [row["material"], row["verdict"], row["audit"], row["converged"],
         textwrap.fill(textwrap.shorten(row["evidence"], 230, placeholder=" …"), LINE)]
        for _, row in data.iterrows()
    ]  # fmt: skip
    lines = [1.6 + cell[-1].count("\n") for cell in cells]
    figure = Figure(figsize=(7.4, 0.13 * (1.6 + sum(lines)) / 0.98))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set_axis_off()
    heads = ["material", "verdict", "audit", "converged", "what decided"]
    drawn = axes.table(
        cells or [[""] * len(heads)], colLabels=heads, colWidths=list(WIDTHS), cellLoc="left",
        colLoc="left", loc="upper left",
    )  # fmt: skip
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7)
    total = 1.6 + sum(lines)
    for (line, _), cell in drawn.get_celld().items():
        cell.set_height((1.6 if line == 0 or not cells else lines[line - 1]) / total)
        cell.set_edgecolor("0.8")
        cell.visible_edges = "horizontal"
    save(figure, paths)
