"""Where a campaign stands: `python -m umklapp.report.status config/demo.yaml [--json]`.

Reads result files and logs only, so it can be asked at any time, from any machine that sees the
results folder, while the campaign runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from umklapp import config
from umklapp.crystals import materials
from umklapp.errors import InputError
from umklapp.learning.assessment import Assessment
from umklapp.report import costs
from umklapp.wording import in_milli

IN_ROUND = ("training", "exploration", "acquisition", "labels", "between rounds")

ERRORS = ("Error", "Exception", "Killed", "Traceback")
"""Words that begin or end the last lines of the log of a job that failed."""


def of_campaign(settings: config.Campaign, now: float | None = None) -> list[dict[str, Any]]:
    """One mapping per material, in the order of the configuration (keys as in `of_material`)."""
    results = Path(settings.results)
    keys = materials.keys(settings.materials)
    spent = costs.table(costs.read(results / "benchmarks", keys))
    jobs = unfinished(results, time.time() if now is None else now)
    found = []
    for key in keys:
        mine = [job for job in jobs if job["file"].split("_")[0].removesuffix(".log") == key]
        found.append({**of_material(results / key, mine), **costs.of_material(spent, key)})
    return found


def of_material(folder: Path, jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """State of one material from its folder.

    Args:
        folder: `results/{material}`.
        jobs: of `unfinished`, of this material.

    Returns:
        material, stage (words), round, labels (in the ledger: everything ever computed),
        failed_labels, test_force_mae_eV_per_A, kappa_300K_W_per_mK and its std, converged, verdict,
        reason, running and failed (rule, file, minutes since the last sign of life). While rounds
        are open, what an earlier run found (κ, converged, verdict) is None.

    Raises:
        InputError: an assessment is no record of this workflow.
    """
    rounds = rounds_on_disk(folder)
    assessment = _assessment(rounds[-1]) if rounds else None
    done = assessment if assessment is not None and assessment.finished else None
    told = [path for path in rounds if (path / "committee.json").exists()]
    test = _json(told[-1] / "committee.json")["test"] if told else {}
    final = _of_last_committee(folder, rounds[-1]) if done else {}
    kappa, std = _kappa(final.get("conductivity.json"))
    return {
        "material": folder.name,
        "stage": _stage(folder, rounds, done is not None),
        "round": int(rounds[-1].name.removeprefix("round_")) if rounds else None,
        "labels": sum(1 for _ in folder.glob("ledger/*/*.extxyz")),
        "failed_labels": sum(
            len(_json(path)["failed"])
            for pattern in ("seeds/labels/*.failed.json", "round_*/labels/*.failed.json")
            for path in folder.glob(pattern)
        ),
        "test_force_mae_eV_per_A": test.get("force_mae_eV_per_A"),
        "kappa_300K_W_per_mK": kappa,
        "kappa_300K_std_W_per_mK": std,
        "converged": None if done is None else done.converged,
        "verdict": (final.get("verdict.json") or {}).get("verdict"),
        "reason": _reason(rounds),
        "running": [job for job in jobs if not job["failed"]],
        "failed": [job for job in jobs if job["failed"]],
    }


def rounds_on_disk(folder: Path) -> list[Path]:
    """Folders of the rounds that count, in order: up to the one that is finished.

    A later folder counts where its data set is newer than the assessment that ended the rounds:
    then they were opened again. Where it is older it was left by an earlier run.
    """
    rounds: list[Path] = []
    for path in sorted(path for path in folder.glob("round_*") if path.is_dir()):
        if rounds and (last := _assessment(rounds[-1])) is not None and last.finished:
            ended = (rounds[-1] / "assessment.json").stat().st_mtime
            dataset = path / "dataset.extxyz"
            if not dataset.exists() or dataset.stat().st_mtime <= ended:
                break
        rounds.append(path)
    return rounds


def _assessment(path: Path) -> Assessment | None:
    """Of a round's folder; None while there is none."""
    file = path / "assessment.json"
    return Assessment.read(file) if file.exists() else None


def _reason(rounds: Sequence[Path]) -> str | None:
    """Why the rounds ended, or why the last assessed one was not the last."""
    assessments = [found for path in rounds if (found := _assessment(path)) is not None]
    if not assessments or (assessments[-1].finished and _assessment(rounds[-1]) is None):
        return None
    return assessments[-1].reason


def _of_last_committee(folder: Path, last: Path) -> dict[str, Any]:
    """Results by name; those older than the committee of the last round are of an earlier run."""
    committee = last / "committee.json"
    made = committee.stat().st_mtime if committee.exists() else 0.0
    paths = [folder / name for name in ("conductivity.json", "verdict.json")]
    return {p.name: _json(p) for p in paths if p.exists() and p.stat().st_mtime >= made}


def unfinished(results: Path, now: float) -> list[dict[str, Any]]:
    """Jobs that have begun and not ended well: their log is newer than their benchmark file.

    A job is `failed` when its log ends in an error. Of a job that was killed the log tells nothing:
    it stands among the running ones with an old last sign of life.
    """
    logs, found = results / "logs", []
    for path in sorted(logs.rglob("*.log")):
        name = path.relative_to(logs)
        if len(name.parts) != 2:
            continue  # Snakemake's own, and the report's
        done = results / "benchmarks" / name.with_suffix(".tsv")
        stamp = path.stat().st_mtime
        if done.exists() and done.stat().st_mtime >= stamp:
            continue
        tail = path.read_text(errors="replace").splitlines()[-3:]
        found.append(
            {
                "rule": name.parts[0],
                "file": name.parts[1],
                "minutes_since_sign_of_life": round((now - stamp) / 60, 1),
                "failed": any(word in line for line in tail for word in ERRORS),
                "last_line": tail[-1] if tail else "",
                "log": str(path),
            }
        )
    return found


def _stage(folder: Path, rounds: Sequence[Path], finished: bool) -> str:
    if not (folder / "structure/primitive.extxyz").exists():
        return "not begun" if not folder.exists() else "structure"
    if not (folder / "seeds/train.extxyz").exists():
        return "seeds"
    if finished:
        return "finished" if (folder / "summary.json").exists() else "phonons and κ"
    if not rounds:
        return "training"
    return _stage_of_round(rounds[-1])


def _stage_of_round(path: Path) -> str:
    for name, stage in (
        ("committee.json", "training"),
        ("exploration.h5", "exploration"),
        ("candidates.extxyz", "acquisition"),
        ("assessment.json", "labels"),
    ):
        if not (path / name).exists():
            return stage
    return "between rounds"


def _kappa(conductivity: dict[str, Any] | None) -> tuple[float | None, float | None]:
    if not conductivity or conductivity["kappa_W_per_mK"] is None:
        return None, None
    place = conductivity["temperatures_K"].index(300.0)
    return conductivity["kappa_W_per_mK"][place], conductivity["std_W_per_mK"][place]


def _json(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def render(rows: Sequence[dict[str, Any]], name: str) -> Table:
    """The table that a user reads: a material per row, what is not known yet as a dash."""
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "padding": (0, 1, 0, 0)}
    shown = Table(title=f"campaign {name}", title_justify="left", **look)
    for head, folds in (
        ("material", True), ("stage", True), ("labels", False), ("MAE\nmeV/Å", False),
        ("κ(300 K)\nW/(m K)", False), ("con-\nverged", False), ("events", False), ("jobs", True),
        ("core h\n(GPU h)", False),
    ):  # fmt: skip
        shown.add_column(head, no_wrap=not folds, overflow="fold")
    for row in rows:
        shown.add_row(*_cells(row))
    return shown


def _cells(row: dict[str, Any]) -> list[str]:
    kappa, mae = row["kappa_300K_W_per_mK"], row["test_force_mae_eV_per_A"]
    failed = f"\n{row['failed_labels']} failed" if row["failed_labels"] else ""
    gpu = f"\n({row['gpu_hours']:.2f})" if row["gpu_hours"] else ""
    in_round = row["round"] is not None and row["stage"] in IN_ROUND
    return [
        row["material"],
        f"round {row['round']}: {row['stage']}" if in_round else row["stage"],
        f"{row['labels']}{failed}",
        "–" if mae is None else in_milli(mae),
        "–" if kappa is None else f"{kappa:.3g} ± {row['kappa_300K_std_W_per_mK'] or 0:.2g}",
        {True: "yes", False: "no", None: "–"}[row["converged"]],
        (row["verdict"] or "–").replace(" ", "\n"),
        _jobs(row),
        f"{row['core_hours']:.2f}{gpu}",
    ]


def _jobs(row: dict[str, Any]) -> str:
    running = sorted({job["rule"] for job in row["running"]})
    failed = sorted({f"{job['rule']} FAILED" for job in row["failed"]})
    return ", ".join([*failed, *running]) or "–"


def details(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line per failed job with its log, and per job that has been silent for an hour."""
    lines = []
    for row in rows:
        lines += [
            f"failed: {job['rule']} {job['file']}: {job['last_line']} ({job['log']})"
            for job in row["failed"]
        ]
        for job in row["running"]:
            silent = job["minutes_since_sign_of_life"]
            if silent > 60:
                lines.append(
                    f"silent for {silent:.0f} min: {job['rule']} {job['file']} "
                    f"(killed, or writing nothing; {job['log']})"
                )
    return lines


def main(arguments: Sequence[str]) -> None:
    """Print the table, or json with `--json`.

    Raises:
        InputError: the configuration cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m umklapp.report.status", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--json", action="store_true", help="all numbers, for programs")
    options = parser.parse_args(arguments)
    settings = config.load(options.config)
    rows = of_campaign(settings)
    if options.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file or a pipe has no width of its own
    console.print(render(rows, settings.name))
    for line in details(rows):
        console.print(line, markup=False)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
