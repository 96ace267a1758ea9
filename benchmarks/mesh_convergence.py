"""Does the mesh's part of ± reach κ of a dense mesh? Ten crystals of `coverage.py`, eight meshes.

    python benchmarks/mesh_convergence.py        half an hour on one core

κ of every crystal's own force constants on cubes of 5 to 23 points along an axis; the truth is the
mean of 19 and 23. For every set of two coarser meshes and a fine one, the table says how often the
truth lies within the mesh's part: by the coarsest mesh alone, and by both. See
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from coverage import PHONONS, crystals, kappa, prepare

from umklapp.files import replacing
from umklapp.lattice import force_constants
from umklapp.transport import error_budget

MESHES = (5, 7, 9, 11, 13, 15, 19, 23)
TRUTH = (19, 23)
SETS = (
    (5, 7, 9), (7, 9, 11), (9, 11, 13), (7, 11, 13), (7, 11, 15), (9, 13, 15), (11, 13, 15),
    (7, 9, 15),
)  # fmt: skip
"""Coarse, between, fine; none of the truth."""


def measured(name: str, scratch: Path) -> pd.DataFrame:
    """κ on every mesh, a row each."""
    setting = prepare(crystals()[name](), scratch)
    cells = force_constants.displaced_cells(setting.calculation, PHONONS)
    forces = setting.crystal.reference.evaluate(cells).forces
    found = [kappa(setting.calculation, forces, [points] * 3) for points in MESHES]
    return pd.DataFrame({"crystal": name, "points": MESHES, "kappa_W_per_mK": found})


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """A row per crystal and set of meshes: distance from the truth over each of two parts."""
    rows = []
    for name, part in table.groupby("crystal"):
        known = part.set_index("points")["kappa_W_per_mK"]
        truth = known[list(TRUTH)].mean()
        for coarse, between, fine in SETS:
            away = abs(truth - known[fine])
            one, both = (
                error_budget.mesh([[n] * 3 for n in meshes], [[known[n]] for n in meshes])
                for meshes in ((coarse, fine), (coarse, between, fine))
            )
            rows.append(
                {"crystal": name, "meshes": f"{coarse}, {between}, {fine}"}
                | {
                    f"{way}_{what}": value
                    for way, answer in (("one", one), ("two", both))
                    for what, value in (
                        ("z", away / answer.error_W_per_mK[0]),
                        ("relative", answer.error_W_per_mK[0] / known[fine]),
                    )
                }
            )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing; then print how often the truth lies within."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_coverage"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/mesh_convergence.csv"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    table = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame({"crystal": []})
    for name in crystals():
        if name not in set(table["crystal"]):
            table = pd.concat([table, measured(name, options.scratch)], ignore_index=True)
            with replacing(options.out) as part:
                table.round(6).to_csv(part, index=False)
            print(table[table["crystal"] == name].round(3).to_string(index=False), flush=True)
    rows = judged(table)
    for way in ("one", "two"):
        z, size = rows[f"{way}_z"], rows[f"{way}_relative"]
        print(
            f"{way} coarser: {100 * np.mean(z < 1):.0f} % of {len(z)} within 1, "
            f"{100 * np.mean(z < 2):.0f} % within 2; median part {100 * size.median():.1f} % of κ"
        )


if __name__ == "__main__":
    main()
