"""Elastic constants of the committee with their spread, beside the reference engine's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from umklapp.lattice.elastic.committee import constants
from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.report.figures.style import BLUE, ORANGE, canvas, save


def table(record: ElasticRecord) -> pd.DataFrame:
    """Constants of the standard setting and the bulk modulus, from elastic.json (GPa)."""
    own = record.reference
    rows = []
    if record.laue_class is not None:
        for i, j in constants(record.laue_class):
            pick = (i - 1, j - 1)
            rows.append(
                {
                    "constant": f"C{i}{j}",
                    "committee_GPa": np.array(record.C_standard_GPa)[pick],
                    "std_GPa": np.array(record.C_standard_GPa_std)[pick],
                    "reference_GPa": np.array(own.C_standard_GPa)[pick] if own else np.nan,
                }
            )
        mean, std = (
            np.nan if getattr(record, f"bulk_GPa{n}") is None else getattr(record, f"bulk_GPa{n}")
            for n in ("", "_std")
        )
        theirs = np.nan if own is None or own.bulk_GPa is None else own.bulk_GPa
        rows.append(
            {"constant": "B", "committee_GPa": mean, "std_GPa": std, "reference_GPa": theirs}
        )
    return pd.DataFrame(rows, columns=["constant", "committee_GPa", "std_GPa", "reference_GPa"])


def draw(record: ElasticRecord, material: str, paths: Sequence[Path]) -> None:
    """Bars of the committee mean with one standard deviation, and of the reference."""
    data = table(record)
    figure, axes = canvas(width=max(3.5, 0.45 * len(data) + 1))
    if record.not_computed:
        reason = record.not_computed
        axes.text(0.5, 0.5, reason, ha="center", va="center", wrap=True, transform=axes.transAxes)
        axes.set(title=f"{material}: elastic constants not computed")
        axes.set_axis_off()
        save(figure, paths)
        return
    place = np.arange(len(data))
    referenced = data["reference_GPa"].notna().any()
    shift = 0.2 if referenced else 0.0
    axes.bar(
        place - shift,
        data["committee_GPa"],
        0.4,
        yerr=data["std_GPa"],
        color=BLUE,
        capsize=3,
        label="committee (mean ± std)",
    )
    if referenced:
        axes.bar(place + shift, data["reference_GPa"], 0.4, color=ORANGE, label="reference")
    axes.axhline(0, color="black", lw=0.8)
    stable = f"{record.stable_members} of {len(record.members)} members stable"
    axes.set_xticks(place, data["constant"])
    axes.set(ylabel="GPa", title=f"{material}: {stable}")
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, paths)
