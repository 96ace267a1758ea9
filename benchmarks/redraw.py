"""Figures of benchmarks drawn again from the numbers in benchmarks/results; nothing is computed.

For a change of style. Figures whose curves are not stored (green_kubo_*, lifetimes, low_fidelity,
cui_green_kubo) are drawn by their own script, which reads what it has kept or computes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import backends
import elastic
import heat_transport
import nacl
import pandas as pd
import shared_model

from umklapp.campaign import figure_files
from umklapp.report.figures import panel, strategies, tuning_benchmark, zero_label

RESULTS = Path("benchmarks/results")


def draw_backends(out: Path) -> None:
    """Error against cost of the architectures."""
    backends.figure(pd.read_csv(RESULTS / "backends.csv", index_col=0), out / "backends")


def draw_elastic(out: Path) -> None:
    """Elastic constants against the engine's own."""
    own = json.loads((RESULTS / "elastic.json").read_text())["engine"]
    elastic.draw(pd.read_csv(RESULTS / "elastic.csv"), own, [out / "elastic.png"])


def draw_heat_transport(out: Path) -> None:
    """κ of argon by all methods."""
    rows = json.loads((RESULTS / "heat_transport.json").read_text())["kappa_W_per_mK"]
    heat_transport.figure(rows, [out / f"heat_transport.{kind}" for kind in ("png", "pdf")])


def draw_nacl(out: Path) -> None:
    """Error of κ against frames."""
    table, target, _ = nacl.summary(pd.read_csv(RESULTS / "nacl.csv"))
    nacl.figure(table, target, [out / f"nacl.{kind}" for kind in ("png", "pdf")])


def draw_shared_model(out: Path) -> None:
    """Force error against labels, with and without a start."""
    shared_model.figure(pd.read_csv(RESULTS / "shared_model.csv"), [out / "shared_model.png"])


ARCHIVED = {
    "label_efficiency": ("strategies", strategies),
    "panel": ("panel", panel),
    "phonon_finetuning": ("finetuning", tuning_benchmark),
    "zero_label": ("zero_label", zero_label),
}
"""Figures that `snakemake figures` draws, too: by the name of their file, their name there."""


def draw_archived(out: Path, stem: str) -> None:
    """One of `ARCHIVED` from its tables."""
    name, module = ARCHIVED[stem]
    tables = {Path(path).stem: pd.read_csv(path) for path in figure_files.tables(name)}
    kinds = [path.suffix for path in RESULTS.glob(f"{stem}.*") if path.suffix in (".png", ".pdf")]
    module.draw(module.table(tables), [(out / stem).with_suffix(kind) for kind in kinds])


FIGURES: dict[str, Callable[[Path], None]] = {
    "backends": draw_backends,
    "elastic": draw_elastic,
    "heat_transport": draw_heat_transport,
    "nacl": draw_nacl,
    "shared_model": draw_shared_model,
    **{stem: partial(draw_archived, stem=stem) for stem in ARCHIVED},
}


def main() -> None:
    """Draw the figures that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(FIGURES):
        parser.error(
            f"{', '.join(sorted(unknown))}: no such figure; there are {', '.join(FIGURES)}"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or FIGURES:
        FIGURES[name](options.out)


if __name__ == "__main__":
    main()
