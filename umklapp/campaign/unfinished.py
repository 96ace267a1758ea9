"""Outputs of jobs that were killed, which Snakemake would believe behind a checkpoint.

Snakemake marks the outputs of a job when it begins. When a run begins it asks for the marks of the
jobs that it knows then; jobs of later rounds join behind a checkpoint, and half of a file of theirs
would count as whole. So would what follows a file that was deleted to be made again.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

Incomplete = Callable[[Any], Awaitable[list[Any]]]
"""`DAG.incomplete_files` of Snakemake."""

MARKERS = Path(".snakemake/incomplete")
"""Marks of the jobs of the working folder."""

VERDICTS = ("assessment.json", "audit.json", "stop.json")
"""Outputs that decide whether a material gets a round, or another one."""


def marked(markers: Path = MARKERS) -> list[str]:
    """Names of all outputs whose job began and did not end, as the rules name them.

    Args:
        markers: `.snakemake/incomplete` of the working folder: files named by the base64 of the
            output, long ones as folders that begin with `@`.
    """
    names = []
    for path in sorted(markers.rglob("*")):
        if path.is_dir():
            continue
        parts = [part.removeprefix("@") for part in path.relative_to(markers).parts]
        try:
            names.append(urlsafe_b64decode("".join(parts)).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue  # no mark of Snakemake's
    return names


def drop_verdicts(names: Iterable[str]) -> None:
    """Delete the assessments and audits among outputs of killed jobs.

    The workflow reads them while it plans, before Snakemake makes them again.
    """
    for path in map(Path, names):
        if path.name in VERDICTS:
            path.unlink(missing_ok=True)


def watch(incomplete_files: Incomplete, names: list[str]) -> Incomplete:
    """`DAG.incomplete_files` that also has the outputs of jobs that are still to join.

    Without `rerun-incomplete` it is Snakemake's own answer, which ends the run.
    """

    async def all_incomplete(dag: Any) -> list[Any]:
        at_first = await incomplete_files(dag)
        return [*at_first, *(names if dag.workflow.dag_settings.force_incomplete else [])]

    return all_incomplete
