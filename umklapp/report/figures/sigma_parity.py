"""σᴬ of the committee's dynamics against published σᴬ, before and after learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures import names
from umklapp.report.figures.overview import table as literature_table
from umklapp.report.figures.style import BLUE, GREY, ORANGE, canvas, save, without_points
from umklapp.wording import counted

APART, FEW = 0.1, 20
"""Of many materials those that differ by more have their name beside them; of a few, all."""

COLUMNS = ("material", "sigma_published", "sigma_before", "error_before", "sigma_after",
           "error_after", "not_reported")  # fmt: skip

LOOKS = {"before": ("before learning", ORANGE, "s"), "after": ("after learning", BLUE, "o")}


def table(verdicts: Mapping[str, Verdict], materials: Path) -> pd.DataFrame:
    """A row per material, columns `COLUMNS`; σᴬ at the temperatures of the exploration.

    Args:
        verdicts: verdict.json by material. materials: the table with the published values.
    """
    published = literature_table(materials).set_index("material")["sigma_A"]
    rows = []
    for material, verdict in verdicts.items():
        row: dict[str, object] = {
            "material": material,
            "sigma_published": published.get(material, np.nan),
            "not_reported": verdict.no_sigma("after") or "",
        }
        for which in LOOKS:
            numbers = verdict.sigma.get(which)
            reported = numbers is not None and numbers.reported is not None
            row[f"sigma_{which}"] = numbers.reported if numbers and reported else np.nan
            row[f"error_{which}"] = numbers.error if numbers and reported else np.nan
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {name: float for name in COLUMNS if name not in ("material", "not_reported")}
    )


def draw(data: pd.DataFrame, paths: Sequence[Path]) -> None:
    """A point per material and committee; on the diagonal both agree.

    Args:
        data: of `table`.
    """
    figure, axes = canvas(4.2, 4.0)
    drawn = data.dropna(subset=["sigma_published"])
    for which, (label, colour, marker) in LOOKS.items():
        axes.errorbar(
            drawn["sigma_published"], drawn[f"sigma_{which}"], yerr=drawn[f"error_{which}"],
            fmt=marker, ms=4, color=colour, mfc="none" if which == "before" else colour, capsize=2,
            ls="none", label=label,
        )  # fmt: skip
    highest = 1.1 * float(np.nanmax([0.6, *drawn.filter(like="sigma_").to_numpy().ravel()]))
    axes.plot([0, highest], [0, highest], color=GREY, lw=0.8)
    parity = drawn.dropna(subset=["sigma_after"])
    apart = (parity["sigma_after"] - parity["sigma_published"]).abs() > APART
    named = parity[apart | (len(parity) <= FEW)]
    axes.set(
        xlim=(0, highest), ylim=(0, highest), aspect="equal",
        xlabel="σ$^A$ (300 K), published", ylabel="σ$^A$ of the committee's dynamics",
    )  # fmt: skip
    left_out = int((data["sigma_after"].isna() | data["sigma_published"].isna()).sum())
    axes.set_title(f"both values: {len(data) - left_out} of {counted(len(data), 'material')}")
    if drawn.filter(like="sigma_").drop(columns="sigma_published").notna().any(axis=None):
        figure.legend(loc="outside lower center", ncols=2)
    else:
        without_points(axes, "no material has both values")
    columns = ["sigma_published", "sigma_after"]
    formulas = [str(key).rpartition("-")[0] for key in named["material"]]
    names.place(axes, named[columns].to_numpy(float), formulas)
    save(figure, paths)
