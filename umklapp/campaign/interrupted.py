"""What a run does last when Ctrl-C has ended it: cancel what it submitted too late.

Snakemake cancels the jobs that it knows at that moment. A thread of it that is submitting jobs goes
on (9.27 with snakemake-executor-plugin-slurm 2.8.0), and these jobs would stay in Slurm's queue.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from umklapp.campaign.lost_jobs import cancel
from umklapp.campaign.readiness import Job, queue
from umklapp.errors import InputError
from umklapp.processes import GOES_ON, STOPPED

REQUEST = "Terminating processes on user request"
"""What Snakemake logs when it ends its jobs after Ctrl-C."""

RUN_ID = re.compile(r"SLURM run ID: (\S+)")
"""The line of Snakemake's log with the name of all Slurm jobs of the run."""


def end(
    logs: Iterable[str],
    look: Callable[[], list[Job]] = queue,
    cancel: Callable[[Iterable[str]], None] = cancel,
) -> list[str]:
    """Cancel the Slurm jobs that an interrupted run has left; nothing after any other end.

    Args:
        logs: files of Snakemake's log of this run.

    Returns:
        What to tell the user, one sentence or none.
    """
    text = "".join(Path(log).read_text(errors="replace") for log in logs if Path(log).is_file())
    if REQUEST not in text:
        return []
    if name := RUN_ID.search(text):
        try:
            left = [job.job_id for job in look() if job.name == name[1]]
        except InputError as error:
            return [
                f"{STOPPED}, but whether all its jobs are cancelled is not known: {error} The next "
                f"run waits for those that are left. {GOES_ON}"
            ]
        if left:
            cancel(left)
    return [f"{STOPPED}: this run has cancelled its jobs, also those on a cluster. {GOES_ON}"]
