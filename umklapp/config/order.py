"""Section about which materials get reference calculations first."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from umklapp.config.base import Section


class Order(Section):
    """Materials are worked on in the order of what a foundation model says of them.

    It decides which job starts next while jobs wait for a core; no result depends on it.
    """

    by: Literal["anharmonicity", "kappa_change"] = Field(
        "anharmonicity",
        description="largest first: σᴬ(300 K), unstable crystals and missed events before all "
        "others; or |ln| of the ratio between κ of the baseline and what κ may become, by the "
        "model's own lattice and by Green–Kubo of the rehearsal",
    )
    rehearsal: Path | None = Field(
        None,
        description="results folder of a rehearsal, or of `snakemake baselines`; without it the "
        "baselines of this campaign (section `foundation`) are made first",
    )
