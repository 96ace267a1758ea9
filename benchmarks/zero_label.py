"""κ without any label for the rows of the table: a foundation model against DFT where it is known.

    python benchmarks/zero_label.py --model ../shared/data/foundation/nequix-oam-1-pft.nqx

A row of `results/zero_label.csv` is a material with at most `--largest` atoms in the primitive
cell: κ(300 K) at the lattice of the table and at the model's own, σᴬ(300 K), highest frequency,
stability, or why there is none; beside them published DFT (PBE, at its own lattice, with the
inter-band term: data/kappa103.csv), ab initio Green–Kubo and experiment. Rows that are there are
not made again, only their published values are read anew. `--materials` names some. The workflow
draws the same figure (`figures/benchmarks/zero_label`).
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
from umklapp.report.figures import zero_label as figure
from umklapp.transport import baseline
from umklapp.transport.baseline_record import BaselineAtLattice

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "config/materials.csv"
PUBLISHED = ROOT / "benchmarks/data/kappa103.csv"
KAPPA = "_kappa_300K_W_per_mK"
SECONDS = "seconds"


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


def published(row: pd.Series, dft: pd.Series) -> dict[str, Any]:
    """Published κ(300 K): DFT, means and ranges of experiments and of Green–Kubo, all in words.

    Args:
        row: of the table of materials. dft: by key, W/(m K).
    """
    stated = materials.literature(row)
    columns: dict[str, Any] = {"kappa_dft_W_per_mK": dft.get(row["material"])}
    for name, values in (("experiment", stated.experiment), ("green_kubo", stated.green_kubo)):
        for suffix, of in (("", np.mean), ("_lowest", np.min), ("_highest", np.max)):
            columns[f"kappa_{name}{suffix}_W_per_mK"] = of(values) if values else None
    return {**columns, "literature": stated.describe()}


def with_published(lines: list[dict[str, Any]], rows: pd.DataFrame) -> pd.DataFrame:
    """Computed lines with their published values; the wall time is the last column."""
    dft = pd.read_csv(PUBLISHED, comment="#", index_col="material")["kappa_dft_300K_W_per_mK"]
    both = [{**line, **published(rows.loc[line["material"]], dft)} for line in lines]
    table = pd.DataFrame(both).round(5)
    return table[[*(name for name in table if name != SECONDS), SECONDS]]


def summary(table: pd.DataFrame) -> str:
    """How far κ is from every truth, and what has no κ."""
    lines = [f"{len(table)} materials, {table[['table' + KAPPA, 'own' + KAPPA]].any(axis=1).sum()}"]
    lines[0] += " with κ at one lattice at least"
    for truth in figure.TRUTHS.values():
        both = table.dropna(subset=[truth.lattice + KAPPA, truth.column])
        if both.empty:
            continue
        ratio = both[truth.lattice + KAPPA] / both[truth.column]
        lines.append(
            f"{truth.words}, {figure.LATTICES[truth.lattice]} ({len(both)}): "
            f"median |κ/κ_published − 1| {100 * (ratio - 1).abs().median():.0f} %, "
            f"median ratio {ratio.median():.2f}, from {ratio.min():.2f} to {ratio.max():.2f}"
        )
    failed = table.dropna(subset="failure")
    return "\n".join([*lines, *(failed["material"] + ": " + failed["failure"])])


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
    rows, asked = materials.read_table(TABLE), request(options)
    size = pd.to_numeric(rows["n_primitive"], errors="coerce")
    order = rows.loc[size[size <= options.largest].sort_values(kind="stable").index]
    chosen = rows.loc[options.materials] if options.materials else order
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    known = {line["material"] for line in lines}
    missing = chosen[~chosen.index.isin(known)]
    potential = FoundationPotential(asked.foundation.model) if len(missing) else None
    for key, row in missing.iterrows():
        began = time.monotonic()
        try:
            made = computed(row, potential, asked, options.atoms)
        except UmklappError as error:
            if potential.worker.process.poll() is not None:
                raise SystemExit(f"{key}: {error}") from None  # no word about the crystal
            made = {"failure": str(error)}
        identity = {"n_primitive": row["n_primitive"], "model": potential.identity.name}
        lines.append(
            {"material": key, **identity, **made, SECONDS: round(time.monotonic() - began)}
        )
        write(with_published(lines, rows), options.out)
        print(f"{key}: own lattice {made.get('own' + KAPPA)}", flush=True)
    table = with_published(lines, rows)
    write(table, options.out)
    print(summary(table))
    stem = options.out.stem
    data = figure.table({stem: table})
    figure.draw(data, [options.out.with_suffix(suffix) for suffix in (".png", ".pdf")])


def write(table: pd.DataFrame, out: Path) -> None:
    """Write the whole table at once."""
    with replacing(out) as part:
        table.to_csv(part, index=False)


if __name__ == "__main__":
    main()
