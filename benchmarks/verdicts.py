"""How often the final words of a campaign are right, where the truth is known.

    python benchmarks/verdicts.py --campaigns teacher missed false --seeds 5

`teacher`: a trained network of CuI in which a Cu atom hops and stays (`cui_teacher.py`); `missed`
and `false`: the double-well crystal (`umklapp.campaign.testbed_campaign`). First committees of
`teacher` and `missed` have never seen the event, those of `false` cannot tell that there is none.
`kznf3` is no campaign: a false event of a real one, judged once from its files (`kznf3_case.py`).
Every criterion is the shipped default. Each seed is a campaign of its own through Snakemake; one
that is in the table is not run again, one that was interrupted goes on. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kznf3_case
import pandas as pd
import yaml

from umklapp import provenance
from umklapp.campaign import teacher_campaign, testbed_campaign
from umklapp.config import Conductivity, Phonons, Rounds
from umklapp.crystals import frames
from umklapp.files import write_json
from umklapp.lattice import force_constants
from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures import events
from umklapp.transport import bte

ROOT = Path(__file__).resolve().parents[1]
WANTED = Rounds().force_error
"""eV/Å, the default criterion."""

EVENT = 1.0
"""σᴬ of reference frames beyond which they count as within an event."""


@dataclass(frozen=True)
class Campaign:
    """truth: the verdict that is right; write: folder and seed → configuration."""

    truth: str
    write: Callable[[Path, int], Path]


def double_well(case: testbed_campaign.Case) -> Callable[[Path, int], Path]:
    """Writes a double-well campaign with default criteria."""

    def write(folder: Path, seed: int) -> Path:
        reference = str(folder.resolve() / f"{case}_reference.extxyz")
        defaults = {"acquisition": {}, "rounds": {}, "verdict": {"reference": reference}}
        return testbed_campaign.write_campaign(case, folder, seed=seed, **defaults)

    return write


CAMPAIGNS = {
    "teacher": Campaign("missed event", teacher_campaign.write_campaign),
    "missed": Campaign("missed event", double_well("missed")),
    "false": Campaign("false event", double_well("false")),
}


def configured(name: str, folder: Path, seed: int, quick: bool) -> Path:
    """The configuration of a seed; what is there already is kept, with its seeds and reference."""
    path = folder / f"{name}.yaml"
    if not path.exists():
        path = CAMPAIGNS[name].write(folder, seed)
        if quick:
            path.write_text(yaml.safe_dump(quickened(yaml.safe_load(path.read_text()))))
    return path


def quickened(settings: dict[str, Any]) -> dict[str, Any]:
    """The campaign made small, to try the harness; its words mean nothing."""
    settings["potential"]["training"] |= {"epochs": 3, "patience": 3}
    settings["exploration"] |= {"steps": 200, "replicas": 2}
    settings["rounds"] = {"max": 2, "physics": ["anharmonicity"]}
    settings["conductivity"] = {"mesh": [3, 3, 3], "round_mesh": [3, 3, 3]}
    return settings


def run(name: str, seed: int, folder: Path, cores: int, quick: bool) -> dict[str, object]:
    """Row of one campaign, from its final records.

    Raises:
        RuntimeError: Snakemake failed; what it said last is in the message.
    """
    began = time.monotonic()
    path = configured(name, folder, seed, quick)
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--cores", str(cores), "--rerun-incomplete"),
        *("--configfile", str(path)),
    ]
    with (folder / "snakemake.log").open("a") as log:
        code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    if code:
        said = (folder / "snakemake.log").read_text()[-3000:]
        raise RuntimeError(f"{name} {seed} failed; {folder}/snakemake.log ends with\n{said}")
    minutes = (time.monotonic() - began) / 60
    results = folder / f"results_{name}"
    return row(name, seed, results) | {"minutes": round(minutes, 1)}


def row(name: str, seed: int, results: Path) -> dict[str, object]:
    """What the records of a finished campaign say, and whether it is right.

    A verdict is right, wrong, or undecided. `converged` is wrong where the last committee's force
    error along the reference trajectories, quiet or within events, is above the wanted one.
    """
    material = pd.read_csv(results / "summary.csv")["material"].iloc[0]
    summary = json.loads((results / material / "summary.json").read_text())
    series = pd.read_csv(results / material / "events.csv")
    along = series[series["source"] == "reference"]
    inside = along["sigma"] > EVENT
    quiet, event = (along.loc[mask, "force_error_after"].mean() for mask in (~inside, inside))
    verdict, truth = summary["verdict"], CAMPAIGNS[name].truth
    bad = max(quiet, event) > WANTED  # NaN, where no reference frame is in an event, is not bad
    return {
        "campaign": name,
        "seed": seed,
        "rounds": summary["rounds"],
        "labels": summary["labels"],
        "converged": summary["converged"],
        "verdict": verdict,
        "truth": truth,
        "verdict_right": {truth: "yes", "undecided": "undecided"}.get(verdict, "no"),
        "converged_right": "no" if summary["converged"] and bad else "yes",
        "quiet_error_meV_per_A": round(1e3 * quiet, 1),
        "event_error_meV_per_A": round(1e3 * event, 1),
        "kappa_W_per_mK": summary["kappa_300K_W_per_mK"],
        "kappa_error_W_per_mK": summary["kappa_300K_error_W_per_mK"],
        "cpu_minutes": round(60 * pd.read_csv(results / "costs.csv")["cpu_hours"].sum(), 1),
        "reason": summary["reason"],
        "verdict_reason": summary["verdict_reason"],
    }


def given_case(folder: Path) -> dict[str, object]:
    """Row of the KZnF3 case, whose rounds were not judged by today's criteria."""
    began = time.process_time()
    record = kznf3_case.judged(folder)
    truth = "false event"
    right = {truth: "yes", "undecided": "undecided"}.get(record.verdict, "no")
    return {
        "campaign": "kznf3",
        "seed": 0,
        "rounds": 1,
        "labels": len(record.labels),
        "converged": False,
        "verdict": record.verdict,
        "truth": truth,
        "verdict_right": right,
        "converged_right": "not judged",
        "cpu_minutes": round((time.process_time() - began) / 60, 1),
        "verdict_reason": record.reason,
    }


def teachers_kappa(folder: Path) -> float:
    """κ(RTA, 300 K) of the teacher's own force constants in a campaign's cell and mesh, W/(m K)."""
    cells = folder / f"results_teacher/{testbed_campaign.MATERIAL}/structure"
    primitive, perfect = (
        frames.read_candidates(cells / f"{cell}.extxyz")[0] for cell in ("primitive", "phonon")
    )
    phonons, settings = Phonons(), Conductivity()
    calculation = force_constants.prepare(primitive, perfect, phonons)
    force_constants.evaluate(calculation, teacher_campaign.teacher(), phonons)
    solved = bte.solve(calculation, settings, settings.mesh, phonons.imaginary, None)
    return float(solved.numbers().kappa_W_per_mK[0])


def figure(name: str, seed: int, folder: Path, paths: list[Path]) -> None:
    """σᴬ(t), force error and uncertainty along the reference, before and after learning."""
    results = folder / f"results_{name}"
    material = pd.read_csv(results / "summary.csv")["material"].iloc[0]
    record = Verdict.read(results / material / "verdict.json")
    series = pd.read_csv(results / material / "events.csv")
    events.draw(series, record, f"{material}, {name} (seed {seed})", paths)


def save(rows: list[dict[str, object]], path: Path) -> None:
    """The table so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Per campaign: seeds, and how many said what."""
    grouped = table.groupby("campaign", sort=False)
    return pd.DataFrame(
        {
            "seeds": grouped.size(),
            "verdict right": grouped["verdict_right"].agg(lambda x: (x == "yes").sum()),
            "undecided": grouped["verdict_right"].agg(lambda x: (x == "undecided").sum()),
            "verdict wrong": grouped["verdict_right"].agg(lambda x: (x == "no").sum()),
            "converged": grouped["converged"].sum(),
            "converged wrongly": grouped["converged_right"].agg(lambda x: (x == "no").sum()),
            "rounds": grouped["rounds"].mean().round(1),
            "labels": grouped["labels"].mean().round(0),
            "CPU minutes": grouped["cpu_minutes"].mean().round(1),
        }
    )


def main() -> None:
    """Run what is missing; then table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--campaigns", nargs="+", choices=[*CAMPAIGNS, "kznf3"], default=[*CAMPAIGNS]
    )
    parser.add_argument("--kznf3", type=Path, default=ROOT / "../shared/cases/23-false-event")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="number of the first seed")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path("results/verdicts"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--quick", action="store_true", help="tiny campaigns, to try the harness")
    options = parser.parse_args()
    path = options.out / "verdicts.csv"
    rows = pd.read_csv(path, dtype={"campaign": str}).to_dict("records") if path.exists() else []
    campaigns = [name for name in options.campaigns if name in CAMPAIGNS]
    if "kznf3" in options.campaigns and not any(done["campaign"] == "kznf3" for done in rows):
        rows.append(given_case(options.kznf3))
        save(rows, path)
    for seed in range(options.first, options.first + options.seeds):
        for name in campaigns:
            if any(done["campaign"] == name and done["seed"] == seed for done in rows):
                continue
            folder = options.scratch / f"{name}_{seed}"
            rows.append(run(name, seed, folder, options.cores, options.quick))
            print(rows[-1], flush=True)
            save(rows, path)
            drawn = [options.out / f"verdicts_{name}_{seed}.{kind}" for kind in ("png", "pdf")]
            if seed == 1:
                figure(name, seed, folder, drawn)
    numbers = counts(pd.DataFrame(rows))
    print(numbers.to_string())
    record: dict[str, Any] = {"counts": numbers.reset_index().to_dict("records")}
    if "teacher" in options.campaigns:
        folder = options.scratch / f"teacher_{options.first}"
        record["kappa_of_the_teacher_W_per_mK"] = teachers_kappa(folder)
        print(f"κ of the teacher: {record['kappa_of_the_teacher_W_per_mK']:.2f} W/(m K)")
    write_json(options.out / "verdicts.json", provenance.record(**record))


if __name__ == "__main__":
    main()
