"""Where a campaign stands: `umklapp status config/demo.yaml [--json]`.

Reads result files and logs only, so it can be asked at any time, from any machine that sees the
results folder, while the campaign runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table

from umklapp import config
from umklapp.crystals import materials
from umklapp.files import read_json
from umklapp.learning.assessment import Assessment, counted_rounds, of_round
from umklapp.learning.events.verdict import current
from umklapp.learning.judgement import CommitteeRecord
from umklapp.paths import Material, Results, Round, existing
from umklapp.potentials.training_records import CompiledGraph, Training
from umklapp.records import Record
from umklapp.reference.contract import Failures
from umklapp.report import costs, unfinished_jobs, without_rounds
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import ROOM, Conductivity
from umklapp.transport.stop_rule.record import stopped
from umklapp.wording import counted, in_milli

Kind = TypeVar("Kind", bound=Record)

IN_ROUND = ("training", "exploration", "acquisition", "labels", "between rounds")


def of_campaign(settings: config.Campaign, now: float | None = None) -> list[dict[str, Any]]:
    """One mapping per material, in the order of the configuration (keys as in `of_material`)."""
    results = Results(settings.results)
    keys = materials.keys(settings.materials)
    spent = costs.table(costs.read(Path(results.benchmarks), keys))
    jobs = unfinished_jobs.unfinished(Path(results.folder), time.time() if now is None else now)
    graphs = [
        f"{Path(path).parent.name}: {reason}"
        for path in existing(f"{results.engines}/*/engine.json")
        if (reason := CompiledGraph.read(Path(path)).fallback)
    ]
    states = []
    for key in keys:
        own_jobs = [job for job in jobs if job["file"].split("_")[0].removesuffix(".log") == key]
        of_one = of_material(Path(results.material(key).folder), own_jobs, settings.rounds.max)
        of_one["fallbacks"] = [*graphs, *of_one["fallbacks"]]
        states.append({**of_one, **costs.of_material(spent, key)})
    return states


def of_material(folder: Path, jobs: Sequence[dict[str, Any]], cap: int) -> dict[str, Any]:
    """State of one material from its folder.

    Args:
        folder: `results/{material}`.
        jobs: of `unfinished`, of this material.
        cap: most rounds, `rounds.max` of the configuration.

    Returns:
        material, stage (words), round, labels (in the ledger: everything ever computed),
        failed_labels, test_force_mae_eV_per_A, kappa_300K_W_per_mK, its std
        and its total error (None where there is no error budget yet), converged, verdict,
        verdict_note (why a verdict on disk is not shown), audit (of the last round, with its words
        and reason), audit_note (that no round is left to learn from a failed one), labelled_by
        (programs and versions behind the training labels), mixed_versions (whether several),
        labels_not_tested (given labels whose file is too small to exclude wrong units),
        reason,
        fallbacks (what was asked for and is not so, as a GPU or a compiled graph, in words),
        running and failed (rule, file, minutes since the last sign of life).
        While rounds are open, what an earlier run found (κ, converged, verdict) is None.

    Raises:
        InputError: an assessment is no record of this workflow.
    """
    files = Material(str(folder))
    if (stop := stopped(files)) is not None:
        return without_rounds.standing(stop, files, jobs)
    rounds = counted_rounds(files)[:cap]
    committees = [
        committee for one in rounds if (committee := _read(CommitteeRecord, one.committee))
    ]
    last = of_round(rounds[-1]) if rounds else None
    audit = (_json(rounds[-1].audit) if rounds else None) or {}
    failed = audit.get("another_round", False)
    ended = last if last is not None and _ends(last, failed, cap) else None
    verdict, verdict_note = current(files)
    if verdict is not None and ended is None:
        verdict, verdict_note = None, "verdict.json is not shown: rounds are open again"
    kappa, std = _kappa(files, rounds[-1], bool(jobs)) if ended else (None, None)
    errors = _read(KappaErrors, files.error_budget) if kappa is not None else None
    total = errors.boltzmann.total(ROOM) if errors and errors.boltzmann else None
    return {
        "material": folder.name,
        "stage": _stage(files, rounds, ended is not None),
        "round": rounds[-1].index if rounds else None,
        "labels": len(existing(f"{files.ledger}/*/*.extxyz")),
        "failed_labels": sum(
            len(Failures.read(Path(path)).failed)
            for stage in (files.seeds, files.round("*"), files.round("*").audit_stage)
            for path in existing(stage.failed("*"))
        ),
        "test_force_mae_eV_per_A": (committees[-1].test.force_mae_eV_per_A if committees else None),
        "kappa_300K_W_per_mK": kappa,
        "kappa_300K_std_W_per_mK": std,
        "kappa_300K_error_W_per_mK": total,
        "converged": ended.converged if ended else None,
        "verdict": verdict.verdict if verdict else None,
        "verdict_note": verdict_note,
        "audit": audit.get("outcome"),
        "audit_words": audit.get("words"),
        "audit_reason": audit.get("reason"),
        "audit_note": _no_round_left(cap) if ended and failed else None,
        "labelled_by": committees[-1].labelled_by if committees else None,
        "mixed_versions": committees[-1].mixed_versions if committees else False,
        "labels_not_tested": committees[-1].not_tested if committees else "",
        "reason": _reason(rounds),
        "fallbacks": [
            f"{folder.name} {Path(path).parent.name}: {record.fallback}"
            for path in (existing(rounds[-1].member("*").training) if rounds else [])
            if (record := Training.read(Path(path))).fallback
        ],
        "running": [job for job in jobs if not job["failed"]],
        "failed": [job for job in jobs if job["failed"]],
    }


def _ends(last: Assessment, audit_failed: bool, cap: int) -> bool:
    """Whether the last assessment ends the rounds, as the workflow reads it (`last_round`).

    At the cap nothing opens another round, a failed audit neither. An assessment that had ended
    without convergence below the cap is of an earlier, lower one: it is made again.
    """
    if last.round + 1 >= cap:
        return True
    return last.converged and not audit_failed


def _no_round_left(cap: int) -> str:
    return (
        f"the audit of the last of {counted(cap, 'round')} failed, and no round is left to learn "
        "from its labels: raise rounds.max"
    )


def _reason(rounds: Sequence[Round]) -> str | None:
    """Why the rounds ended, or why the last round that was assessed was not the last."""
    assessed = [assessment for one in rounds if (assessment := of_round(one)) is not None]
    if not assessed or (assessed[-1].finished and of_round(rounds[-1]) is None):
        return None  # the rounds were opened again
    return assessed[-1].reason


def _kappa(files: Material, last: Round, busy: bool) -> tuple[float | None, float | None]:
    """κ(300 K) and its spread of the last committee; None where it is of an earlier run.

    That is so where the final committee is not yet that of the last round, or, while jobs run,
    where κ is older than it. Times alone do not tell: a copy of results has others.
    """
    if not _exists(files.conductivity):
        return None, None
    if _exists(files.final_committee) and _exists(last.committee):
        final, own = Path(files.final_committee), Path(last.committee)
        old = Path(files.conductivity).stat().st_mtime < final.stat().st_mtime
        if final.read_bytes() != own.read_bytes() or (busy and old):
            return None, None
    return Conductivity.read(Path(files.conductivity)).at_room_temperature or (None, None)


def _stage(files: Material, rounds: Sequence[Round], ended: bool) -> str:
    if not _exists(files.primitive):
        return "structure" if _exists(files.folder) else "not begun"
    if _exists(files.stop_stage("correction").candidates) and not _exists(files.stop):
        return "stop rule"
    if not _exists(files.seeds.train):
        return "seeds"
    if ended:
        if _exists(rounds[-1].audit_predictions) and not _exists(rounds[-1].audit):
            return "audit"
        return "finished" if _exists(files.summary) else "phonons and κ"
    if not rounds:
        return "training"
    return _stage_of_round(rounds[-1])


def _stage_of_round(files: Round) -> str:
    for path, stage in (
        (files.committee, "training"),
        (files.exploration, "exploration"),
        (files.candidates, "acquisition"),
        (files.assessment, "labels"),
    ):
        if not _exists(path):
            return stage
    return "between rounds"


def _exists(path: str) -> bool:
    return Path(path).exists()


def _read(kind: type[Kind], path: str) -> Kind | None:
    return kind.read(Path(path)) if _exists(path) else None


def _json(path: str) -> Any:
    return read_json(Path(path)) if _exists(path) else None


def render(rows: Sequence[dict[str, Any]], name: str) -> Table:
    """The table that a user reads: a material per row, what is not known yet as a dash."""
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "padding": (0, 1, 0, 0)}
    shown = Table(title=f"campaign {name}", title_justify="left", **look)
    for head, folds in (
        ("material", True), ("stage", True), ("labels", False), ("MAE\nmeV/Å", False),
        ("κ(300 K)\nW/(m K)", False), ("con-\nverged", False), ("events,\naudit", False),
        ("jobs", True), ("core h\n(GPU h)", False),
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
        "–" if kappa is None else _with_error(kappa, row),
        {True: "yes", False: "no", None: "–"}[row["converged"]],
        f"{row['verdict'] or '–'}\n{row['audit'] or '–'}".replace(" ", "\n"),
        _jobs(row),
        f"{row['core_hours']:.2f}{gpu}",
    ]


def _with_error(kappa: float, row: dict[str, Any]) -> str:
    """κ ± its total error, or ± the spread of the members while that is all there is."""
    total, spread = row["kappa_300K_error_W_per_mK"], row["kappa_300K_std_W_per_mK"]
    if total is not None:
        return f"{kappa:.3g} ± {total:.2g}"
    return f"{kappa:.3g} ± {spread or 0:.2g}\n(members)"


def _jobs(row: dict[str, Any]) -> str:
    running = sorted({job["rule"] for job in row["running"]})
    failed = sorted({f"{job['rule']} FAILED" for job in row["failed"]})
    return ", ".join([*failed, *running]) or "–"


def details(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line per verdict that is not shown, failed job with its log, silent job, and fallback.

    A job is silent when it has written nothing for an hour.
    """
    lines = []
    for row in rows:
        notes = (row["verdict_note"], row["audit_note"])
        lines += [f"{row['material']}: {note}" for note in notes if note]
        if row["mixed_versions"]:
            lines.append(f"{row['material']}: labels by several versions: {row['labelled_by']}")
        if row["labels_not_tested"]:
            lines.append(f"{row['material']}: {row['labels_not_tested']}")
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
    fallbacks = dict.fromkeys(line for row in rows for line in row["fallbacks"])
    return lines + [f"not as asked: {line}" for line in fallbacks]


def run(path: Path, as_json: bool = False, at_work: bool = True) -> None:
    """Print the table of the campaign with this configuration, or json.

    Args:
        at_work: whether a run of the workflow works in the results folder, as far as is known.

    Raises:
        InputError: the configuration cannot be read.
    """
    settings = config.load(path)
    rows = of_campaign(settings)
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file or a pipe has no width of its own
    console.print(render(rows, settings.name))
    results = Path(settings.results)
    for line in [*details(rows), *unfinished_jobs.beside(results, time.time())]:
        console.print(line, markup=False)
    if not at_work and any(row["running"] for row in rows):
        console.print(
            f"No run of the workflow is at work in {results}: the jobs of the table were "
            "interrupted, or are left in Slurm's queue. The same snakemake command goes on.",
            markup=False,
        )
