"""What rehearsals say, beside the truth: κ of the reference model's own force constants.

    snakemake --configfile config/rehearsal.yaml --cores 2 --keep-going
    python benchmarks/rehearsals.py results/rehearsal

A row per material of a results folder whose `reference.engine` is `foundation`, from its final
records; a material that is not at its end is named and has no row. Rows that are in the csv from
other folders are kept. The truth has the cell and the mesh of κ, so it is held against the
potential's part of ± alone. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from umklapp.crystals import materials
from umklapp.errors import UmklappError
from umklapp.files import write_table
from umklapp.paths import Material, Results
from umklapp.report import costs
from umklapp.report.summary import MaterialSummary
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import ROOM

HERE = Path(__file__).resolve().parent
TABLE = HERE.parent / "config/materials.csv"
FAR = 0.2
"""|κ/truth − 1| beyond which κ is far from the truth."""


def row(files: Material, prototype: str, jobs: pd.DataFrame) -> dict[str, Any]:
    """What the records of a finished rehearsal say.

    Args:
        jobs: of `costs.read`.

    Raises:
        InputError: a record is missing or damaged.
    """
    said = MaterialSummary.read(Path(files.summary))
    truth = Baseline.read(Path(files.baseline)).given
    own = jobs[jobs["material"] == files.key]
    kappa, error = said.kappa_300K_W_per_mK, potential_part(files)
    true = truth.kappa.at_room_temperature
    apart = None if kappa is None or true is None else true - kappa
    return {
        "material": files.key,
        "prototype": prototype,
        "rounds": said.rounds,
        "labels": said.labels,
        "converged": said.converged,
        "verdict": said.verdict,
        "audit": said.audit,
        "kappa": kappa,
        "kappa_error_bar": said.kappa_300K_error_W_per_mK,
        "kappa_error_potential": error,
        "kappa_spread": said.kappa_300K_std_W_per_mK,
        "kappa_truth": true,
        "z": apart / error if apart is not None and error else None,
        "sigma_A": truth.sigma_A,
        "minutes": own["seconds"].sum() / 60,
        "reason": said.reason,
        "verdict_reason": said.verdict_reason,
        "audit_reason": said.audit_reason,
    }


def potential_part(files: Material) -> float | None:
    """What the potential alone adds to ± of κ(300 K), W/(m K); None where it is not known."""
    budget = KappaErrors.read(Path(files.error_budget)).boltzmann
    error = budget.by_source().get("potential") if budget else None
    return None if budget is None or error is None else error[budget.temperatures_K.index(ROOM)]


def gathered(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Rows of the materials at their end, and the keys of those that are not."""
    results, known = Results(str(folder)), materials.read_table(TABLE)
    keys = [key for key in known.index if Path(results.material(key).baseline).exists()]
    ended = [key for key in keys if Path(results.material(key).summary).exists()]
    jobs = costs.read(Path(results.benchmarks), keys)
    rows = [row(results.material(key), known.loc[key, "prototype"], jobs) for key in ended]
    return pd.DataFrame(rows).round(4), [key for key in keys if key not in ended]


def shown(table: pd.DataFrame) -> str:
    """The table of the documentation, in Markdown."""
    lines = [
        "| material | prototype | rounds, labels | converged | audit | verdict "
        "| κ ± all (potential) | truth | within 1 σ, 2 σ | σᴬ | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for _, said in table.iterrows():
        within = ", ".join(
            "–" if pd.isna(said["z"]) else "yes" if abs(said["z"]) <= limit else "no"
            for limit in (1, 2)
        )
        cells = [
            said["material"],
            said["prototype"],
            f"{said['rounds']}, {said['labels']}",
            "yes" if said["converged"] else "no",
            said["audit"],
            said["verdict"],
            f"{_number(said['kappa'])} ± {_number(said['kappa_error_bar'], 2)} "
            f"({_number(said['kappa_error_potential'], 2)})",
            _number(said["kappa_truth"]),
            within,
            _number(said["sigma_A"], 2),
            f"{said['minutes']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float, digits: int = 3) -> str:
    return "none" if pd.isna(value) else f"{value:.{digits}g}"


def counted(table: pd.DataFrame) -> str:
    """Coverage, the typical error, and the words beside it: sentences."""
    both = table.dropna(subset=["kappa", "kappa_truth"])
    if both.empty:
        return "no row has κ and its truth"
    off, z = (both["kappa"] / both["kappa_truth"] - 1).abs(), both["z"].dropna().abs()
    trusted = both["converged"] & (both["audit"] == "passed") & (both["verdict"] == "sound")
    within = ", ".join(f"within {n} σ in {(z <= n).sum()}" for n in (1, 2))
    verdicts = table["verdict"].value_counts()
    return "\n".join(
        [
            f"{len(table)} rehearsals of {table['prototype'].nunique()} prototypes: "
            f"{table['converged'].sum()} converged; "
            + ", ".join(f"{number} {word}" for word, number in verdicts.items()),
            f"truth of {len(z)} rows, by the potential's part of ±: {within}",
            f"|κ/truth − 1|: median {off.median():.1%}, largest {off.max():.1%} "
            f"({both.loc[off.idxmax(), 'material']})",
            f"converged, audit passed and sound: {trusted.sum()}; of these "
            f"{(off[trusted] > FAR).sum()} further than {FAR:.0%} from the truth",
        ]
    )


def main() -> None:
    """Write results/rehearsals.csv, and print the table and what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="results of rehearsals")
    parser.add_argument("--out", type=Path, default=HERE / "results/rehearsals.csv")
    arguments = parser.parse_args()
    old = [pd.read_csv(arguments.out)] if arguments.out.exists() else []
    try:
        new = [gathered(folder) for folder in arguments.folders]
    except UmklappError as error:  # a row that is made again just now
        raise SystemExit(str(error)) from None
    for folder, (_, missing) in zip(arguments.folders, new, strict=True):
        if missing:
            print(f"{folder}: not at their end: {', '.join(missing)}")
    table = pd.concat([*old, *(rows for rows, _ in new)], ignore_index=True)
    if table.empty:
        raise SystemExit("no rehearsal is at its end: nothing is written")
    table = table.drop_duplicates("material", keep="last", ignore_index=True)
    write_table(arguments.out, table)
    print(shown(table))
    print(counted(table))


if __name__ == "__main__":
    main()
