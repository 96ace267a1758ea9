"""Jobs that have begun and not ended well, as their logs tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from umklapp.paths import Results

OF_MATERIAL = re.compile(r"[A-Z][A-Za-z0-9]*-\d+[._]")
"""Begins the name of the log of a job that works on one material."""

ERRORS = ("Error", "Exception", "Killed", "Traceback")
"""Words that begin or end the last lines of the log of a job that failed."""


def unfinished(results: Path, now: float) -> list[dict[str, Any]]:
    """Jobs that have begun and not ended well: their log is newer than their benchmark file.

    A job is `failed` when its log ends in an error. Of a job that was killed the log tells nothing:
    it stands among the running ones with an old last sign of life.
    """
    places = Results(str(results))
    logs, jobs = Path(places.logs), []
    for path in sorted(logs.rglob("*.log")):
        name = path.relative_to(logs)
        if len(name.parts) != 2:
            continue  # Snakemake's own, and the report's
        done = Path(places.benchmarks) / name.with_suffix(".tsv")
        stamp = path.stat().st_mtime
        if done.exists() and done.stat().st_mtime >= stamp:
            continue
        tail = path.read_text(errors="replace").splitlines()[-3:]
        jobs.append(
            {
                "rule": name.parts[0],
                "file": name.parts[1],
                "minutes_since_sign_of_life": round((now - stamp) / 60, 1),
                "failed": any(word in line for line in tail for word in ERRORS),
                "last_line": tail[-1] if tail else "",
                "log": str(path),
            }
        )
    return jobs


def beside(results: Path, now: float) -> list[str]:
    """A line per job that belongs to no single material: compilation, tables, figures of all."""
    return [
        f"{'failed' if job['failed'] else 'running'}: {job['rule']} {job['file']}: "
        f"{job['last_line']} ({job['log']})"
        for job in unfinished(results, now)
        if not OF_MATERIAL.match(job["file"])
    ]
