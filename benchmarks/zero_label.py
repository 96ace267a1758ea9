"""κ without any label for the rows of the table: a foundation model against DFT where it is known.

    python benchmarks/zero_label.py --model ../shared/data/foundation/nequix-oam-1-pft.nqx

A row of `results/zero_label.csv` is a material with at most `--largest` atoms in the primitive
cell: κ(300 K) at the lattice of the table and at the model's own, σᴬ(300 K), highest frequency,
stability, or why there is none; beside them published DFT (PBE, at its own lattice, with the
inter-band term: kappa103) and experiment. Rows that are there are not made again. `--materials`
names some.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from umklapp import config
from umklapp.crystals import materials, phonopy_cells, supercells
from umklapp.errors import UmklappError
from umklapp.files import replacing
from umklapp.lattice import born
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport import baseline
from umklapp.transport.baseline_record import BaselineAtLattice

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "config/materials.csv"
PUBLISHED = ROOT.parent / "shared/data/kappa103/kappa103.csv"
KAPPA = "_kappa_300K_W_per_mK"
PAIRS = (
    ("own", "kappa_dft_W_per_mK", "DFT (PBE)"),
    ("table", "kappa_experiment_W_per_mK", "experiment"),
    ("table", "kappa_green_kubo_W_per_mK", "ab initio Green–Kubo"),
)
"""Lattice of the model, column it is held against, and what that is."""


def request(options: argparse.Namespace) -> baseline.Request:
    """How κ is computed: as `umklapp kappa` does."""
    model = config.NequixModel(path=options.model)
    conductivity = config.Conductivity(mesh=[options.mesh] * 3)
    return baseline.Request(config.Foundation(model=model), config.Phonons(), conductivity)


def numbers(prefix: str, result: BaselineAtLattice | None) -> dict[str, Any]:
    """Columns of one lattice."""
    if result is None:
        return {}
    return {
        prefix + KAPPA: result.kappa.at_room_temperature,
        f"{prefix}_sigma_A": result.sigma_A,
        f"{prefix}_highest_THz": result.highest_frequency_THz,
        f"{prefix}_lowest_THz": result.lowest_frequency_THz,
        f"{prefix}_stable": result.stable,
        f"{prefix}_lattice_A": result.lattice_A[0],
    }


def computed(
    row: pd.Series, potential: FoundationPotential, asked: baseline.Request, atoms: int
) -> dict[str, Any]:
    """The columns of one material.

    Raises:
        UmklappError: it has none, and why.
    """
    key = str(row["material"])
    primitive = materials.build_primitive(row, TABLE.parent / "structures")
    matrix = supercells.nearly_cubic(primitive, atoms, window=supercells.WINDOW)
    reference = config.FoundationReference(model=asked.foundation.model)
    source = born.source(
        asked.phonons, reference, TABLE.parent / "structures", None, key, primitive
    )
    with tempfile.TemporaryDirectory() as scratch:
        charges = born.make(source, primitive, key, reference, Path(scratch))
        cells = primitive, phonopy_cells.supercell(primitive, matrix)
        record = baseline.compute(
            key, potential, cells, charges, asked, Path(scratch), "of the table"
        )
    reasons = [
        result.kappa.not_computed for result in (record.given, record.own) if result is not None
    ]
    return {
        "atoms": record.given.supercell_atoms,
        "frames": record.given.frames,
        "pair_cutoff_A": record.given.pair_cutoff_A,
        **numbers("table", record.given),
        **numbers("own", record.own),
        "volume_change": record.volume_change,
        "born_charges": charges.charges is not None,
        "failure": "; ".join(dict.fromkeys(filter(None, [*reasons, record.own_missing]))),
    }


def published() -> pd.DataFrame:
    """DFT κ(300 K) by key; empty where the data are not on this machine."""
    if not PUBLISHED.exists():
        return pd.DataFrame(columns=["kappa_dft_300K_WmK"])
    return pd.read_csv(PUBLISHED).dropna(subset="material").set_index("material")


def literature(row: pd.Series) -> dict[str, Any]:
    """Published κ(300 K): means of experiments and of ab initio Green–Kubo, and all in words."""
    stated = materials.literature(row)
    return {
        "kappa_experiment_W_per_mK": np.mean(stated.experiment) if stated.experiment else None,
        "kappa_green_kubo_W_per_mK": np.mean(stated.green_kubo) if stated.green_kubo else None,
        "literature": stated.describe(),
    }


def summary(table: pd.DataFrame) -> str:
    """How far κ is from every truth, and what has no κ."""
    lines = [f"{len(table)} materials, {table[['table' + KAPPA, 'own' + KAPPA]].any(axis=1).sum()}"]
    lines[0] += " with κ at one lattice at least"
    for lattice, truth, words in PAIRS:
        both = table.dropna(subset=[lattice + KAPPA, truth])
        if both.empty:
            continue
        ratio = both[lattice + KAPPA] / both[truth]
        lines.append(
            f"{words} ({len(both)}): median |κ/κ_truth − 1| "
            f"{100 * (ratio - 1).abs().median():.0f} %, median ratio {ratio.median():.2f}, "
            f"from {ratio.min():.2f} to {ratio.max():.2f}"
        )
    failed = table.dropna(subset="failure")
    return "\n".join([*lines, *(failed["material"] + ": " + failed["failure"])])


def figure(table: pd.DataFrame, out: Path) -> None:
    """Parity with every truth."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    canvas, axes = pyplot.subplots(1, len(PAIRS), figsize=(3.6 * len(PAIRS), 3.6))
    for axis, (lattice, truth, words) in zip(axes, PAIRS, strict=True):
        both = table.dropna(subset=[lattice + KAPPA, truth])
        values = both[[truth, lattice + KAPPA]].to_numpy()
        axis.loglog(*values.T, "o", ms=4)
        if len(both):
            ends = [0.7 * values.min(), 1.4 * values.max()]
            axis.plot(ends, ends, color="0.7", lw=1, zorder=0)
        for name, place in zip(both["material"], values, strict=True):
            axis.annotate(
                name.partition("-")[0], place, (3, -6), textcoords="offset points", fontsize=6
            )
        axis.set(
            xlabel=f"κ(300 K), {words} (W/(m K))", ylabel=f"κ(300 K), no label, {lattice} lattice"
        )
    canvas.tight_layout()
    canvas.savefig(out.with_suffix(".png"), dpi=160)


def main() -> None:
    """Make the rows that are missing; then print the summary and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="weights of nequix; none: downloaded")
    parser.add_argument("--materials", nargs="+", help="keys; none: all that are small enough")
    parser.add_argument("--largest", type=int, default=8, help="atoms in the primitive cell")
    parser.add_argument("--atoms", type=int, default=64, help="of the supercell, about")
    parser.add_argument("--mesh", type=int, default=11)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/zero_label.csv")
    options = parser.parse_args()
    rows, truth, asked = materials.read_table(TABLE), published(), request(options)
    size = pd.to_numeric(rows["n_primitive"], errors="coerce")
    order = rows.loc[size[size <= options.largest].sort_values(kind="stable").index]
    chosen = rows.loc[options.materials] if options.materials else order
    potential = FoundationPotential(asked.foundation.model)
    for key, row in chosen.iterrows():
        known = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
        if any(line["material"] == key for line in known):
            continue
        began = time.monotonic()
        try:
            made = computed(row, potential, asked, options.atoms)
        except UmklappError as error:
            made = {"failure": str(error)}
        line = {
            "material": key,
            "n_primitive": row["n_primitive"],
            "model": potential.identity.name,
            **made,
            "kappa_dft_W_per_mK": truth["kappa_dft_300K_WmK"].get(key),
            **literature(row),
            "seconds": round(time.monotonic() - began),
        }
        with replacing(options.out) as part:
            pd.DataFrame([*known, line]).round(5).to_csv(part, index=False)
        kappa = line.get("own" + KAPPA)
        print(f"{key}: own lattice {kappa}, DFT {line['kappa_dft_W_per_mK']}", flush=True)
    table = pd.read_csv(options.out)
    print(summary(table))
    figure(table, options.out)


if __name__ == "__main__":
    main()
