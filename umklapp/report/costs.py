"""What a campaign has cost: core hours and GPU hours per material and stage.

Snakemake writes a benchmark file per finished job; with `benchmark-extended` (profiles/default) it
also says how many cores and GPUs the job held. A job that ran again counts once, with its last run;
jobs that failed or were killed leave no file and are not counted.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from umklapp.stages import STAGES

SHARED = "(shared)"
"""Jobs that serve all materials: compiled graphs, summary, overview."""

COLUMNS = ("rule", "material", "seconds", "cpu_seconds", "threads", "gpus")


def read(benchmarks: Path, materials: Sequence[str]) -> pd.DataFrame:
    """A row per finished job: `COLUMNS`.

    Args:
        benchmarks: folder of the benchmark files, `{rule}/{material}_….tsv` or `{rule}.tsv`.
        materials: keys that a file name may begin with.
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        numbers = _last_line(path)
        if numbers is None:
            continue
        first = path.relative_to(benchmarks).parts[0]
        rule = first if path.parent != benchmarks else path.stem
        name = path.stem.split("_")[0]
        resources = _mapping(numbers.get("resources", ""))
        rows.append(
            (
                rule,
                name if name in materials else SHARED,
                float(numbers["s"]),
                _number(numbers.get("cpu_time", "NA")),
                int(numbers.get("threads") or 1),
                int(resources.get("gpu", 0)),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def table(jobs: pd.DataFrame) -> pd.DataFrame:
    """Jobs, core hours and GPU hours per material and stage, in the order of the pipeline.

    Core hours are wall time × cores held; `cpu_hours` is what the processes used of them.
    """
    stages = {rule: stage for stage, rules in STAGES.items() for rule in rules}
    order = [*STAGES, "other"]
    held = jobs.assign(
        stage=pd.Categorical([stages.get(rule, "other") for rule in jobs["rule"]], order),
        jobs=1,
        core_hours=jobs["seconds"] * jobs["threads"] / 3600,
        cpu_hours=jobs["cpu_seconds"] / 3600,
        gpu_hours=jobs["seconds"] * jobs["gpus"] / 3600,
    )
    columns = ["jobs", "core_hours", "cpu_hours", "gpu_hours"]
    return held.groupby(["material", "stage"], observed=True)[columns].sum().reset_index()


def of_material(costs: pd.DataFrame, material: str) -> dict[str, float]:
    """Core hours and GPU hours of one material, all stages together."""
    stages = costs[costs["material"] == material]
    return {name: float(stages[name].sum()) for name in ("core_hours", "gpu_hours")}


def seconds(path: Path) -> float | None:
    """Wall time of the job of a benchmark file, None while it is not written."""
    numbers = _last_line(path)
    return None if numbers is None else float(numbers["s"])


def _last_line(path: Path) -> dict[str, str] | None:
    lines = path.read_text().splitlines()
    if len(lines) < 2:
        return None
    return dict(zip(lines[0].split("\t"), lines[-1].split("\t"), strict=False))


def _mapping(text: str) -> dict[str, Any]:
    try:
        resources = ast.literal_eval(text) if text else {}
    except (ValueError, SyntaxError):  # a resource that is no literal: nothing to learn from it
        return {}
    return resources if isinstance(resources, dict) else {}


def _number(text: str) -> float:
    return 0.0 if text in ("NA", "-", "") else float(text)
