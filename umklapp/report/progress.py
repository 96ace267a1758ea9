"""What a running campaign is doing, once a minute: stage, material, round, time spent and left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from umklapp.paths import Results
from umklapp.report import costs, unfinished_jobs
from umklapp.stages import STAGES
from umklapp.wording import counted

QUIET = 60.0
"""Seconds after which something is said of a job that still runs."""

SHARE = 1 / 30
"""Of the time that looking may take: the logs of a large campaign are many files."""

EARLIER = 20
"""Finished jobs of a rule whose median tells how long another one takes."""

Job = tuple[str, str]
"""Rule and name of its log file."""


@dataclass
class Progress:
    """The jobs of one run of Snakemake, and since when each is known to run.

    begun: when the run began, in seconds since 1970; unfinished logs that are older are of another.
    queued: says how many jobs wait in the queue of a batch system.
    """

    results: Results
    begun: float
    queued: Callable[[], int] | None = None
    since: dict[Job, float] = field(default_factory=dict)

    def lines(self, now: float) -> list[str]:
        """Jobs that have ended since the last call after a minute or more, and those that run.

        Args:
            now: seconds since 1970.
        """
        jobs = {
            (job["rule"], job["file"])
            for job in unfinished_jobs.unfinished(Path(self.results.folder), now)
            if not job["failed"] and _written(Path(job["log"])) >= self.begun
        }
        ended = [
            f"finished: {_of(job)} after {duration(seconds)}"
            for job in sorted(self.since.keys() - jobs)
            if (seconds := self._seconds(job)) is not None and seconds >= QUIET
        ]
        self.since = {job: self.since.get(job, now) for job in jobs}
        stages = [
            f"{stage}: {', '.join(parts)}"
            for stage, rules in STAGES.items()
            if (parts := [self._rule(rule, now) for rule in rules if self._of_rule(rule)])
        ]
        waiting = self.queued() if self.queued else 0
        queue = [f"{counted(waiting, 'job')} in Slurm's queue"] if waiting else []
        lines = {"running": stages, "waiting": queue}
        said = [f"{word}: {'; '.join(parts)}" for word, parts in lines.items() if parts]
        return [*ended, *said]

    def _of_rule(self, rule: str) -> list[Job]:
        return sorted(job for job in self.since if job[0] == rule)

    def _rule(self, rule: str, now: float) -> str:
        """How many jobs of a rule run, of what, for how long, and how long usual ones take."""
        jobs = self._of_rule(rule)
        which = _of(jobs[0]) if len(jobs) == 1 else f"{_of(jobs[0])} and {len(jobs) - 1} more"
        spent = now - min(self.since[job] for job in jobs)
        taken = f"for {duration(spent)}" if spent else f"for less than {duration(QUIET)}"
        usual = self._usual(rule)
        if usual is None:
            return f"{which} {taken}"
        if usual > spent:
            return f"{which} {taken}, about {duration(usual - spent)} left"
        return f"{which} {taken} (usual: {duration(usual)})"

    def _usual(self, rule: str) -> float | None:
        """Median duration (s) of the last finished jobs of a rule; None of none."""
        paths = sorted(Path(self.results.benchmarks, rule).glob("*.tsv"), key=_written)[-EARLIER:]
        seconds = [taken for path in paths if (taken := costs.seconds(path)) is not None]
        return median(seconds) if seconds else None

    def _seconds(self, job: Job) -> float | None:
        path = Path(self.results.benchmarks, job[0], job[1]).with_suffix(".tsv")
        return costs.seconds(path) if path.exists() else None

    def tell(self, say: Callable[[str], object]) -> None:
        """Say the lines for as long as the process lives; for a thread of its own."""
        pause = QUIET
        while True:
            time.sleep(pause)
            began = time.monotonic()
            for line in self.lines(time.time()):
                say(line)
            pause = max(QUIET, (time.monotonic() - began) / SHARE)


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _of(job: Job) -> str:
    """Rule, material and round of a job, from the name of its log."""
    rule, name = job
    material, *others = name.removesuffix(".log").split("_")
    if rule.endswith("engine"):
        return f"{rule} for {[material, *others][-1]} species"
    rounds = [part for part in others[:2] if len(part) == 2 and part.isdigit()]
    return f"{rule} {material}" + "".join(f" round {part}" for part in rounds)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
