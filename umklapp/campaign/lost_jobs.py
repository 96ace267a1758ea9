"""Jobs that Slurm has taken from their node and does not start again.

The executor plugin (snakemake-executor-plugin-slurm 2.8.0) takes PREEMPTED for running, and
NODE_FAIL too where jobs are requeued. Where Slurm does not start such a job again, the state stays
and the run would wait for ever. Where Slurm does, the job is PENDING by the next look.
"""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

LOST = ("PREEMPTED", "NODE_FAIL")
ENDED = "CANCELLED"
"""A state that the plugin takes for the end of a job."""

QUEUED = "PENDING"
"""The state of a job that Slurm has not started yet."""

Answer = tuple[dict[str, str] | None, float | None]
Query = Callable[..., Awaitable[Answer]]


def cancel(job_ids: Iterable[str]) -> None:
    """Make sure that Slurm starts none of these jobs any more: there is one copy of a job."""
    subprocess.run(["scancel", *job_ids], capture_output=True, check=False, timeout=120)


class LostJobs:
    """States of jobs as Slurm tells them, look by look.

    Args:
        say: gets a sentence for every job that is given up.
        cancel: is given the numbers of jobs before they count as ended.
    """

    def __init__(
        self, say: Callable[[str], None], cancel: Callable[[Iterable[str]], None] = cancel
    ) -> None:
        self._say, self._cancel = say, cancel
        self._suspects: dict[str, str] = {}
        self._given_up: set[str] = set()
        self._queued = 0

    def queued(self) -> int:
        """How many jobs waited in the queue at the last look."""
        return self._queued

    def settle(self, states: dict[str, str]) -> dict[str, str]:
        """The states, a job that was lost in the look before, too, as `ENDED`.

        Args:
            states: job number → state of this look.
        """
        self._queued = sum(state == QUEUED for state in states.values())
        suspects = {job: state for job, state in states.items() if state in LOST}
        lasting = [
            job
            for job, state in suspects.items()
            if self._suspects.get(job) == state and job not in self._given_up
        ]
        if lasting:
            self._cancel(lasting)
        for job in lasting:
            self._say(
                f"Slurm job {job} is {suspects[job]} and Slurm does not start it again: it has "
                "failed, and is asked for again as often as resources.retries says"
            )
        self._suspects = suspects
        self._given_up |= set(lasting)
        return states | dict.fromkeys(self._given_up & states.keys(), ENDED)

    def watch(self, query: Query) -> Query:
        """`query` of the plugin with its states through `settle`; a failed query passes as is."""

        @wraps(query)
        async def settled(*arguments: Any, **keywords: Any) -> Answer:
            states, seconds = await query(*arguments, **keywords)
            return (states if states is None else self.settle(states)), seconds

        return settled
