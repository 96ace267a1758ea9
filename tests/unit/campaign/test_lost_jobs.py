"""Slurm itself is asked in tests/slurm; here are the states it may tell, look by look."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.campaign.lost_jobs import ENDED, LostJobs

STATES = st.sampled_from(["PENDING", "RUNNING", "PREEMPTED", "NODE_FAIL", "COMPLETED", "FAILED"])


def look(states: list[str]) -> tuple[list[str], list[str], list[str]]:
    """What one job's states become, which jobs were cancelled, and what was said."""
    cancelled: list[str] = []
    said: list[str] = []
    jobs = LostJobs(said.append, cancelled.extend)
    return [jobs.settle({"7": state})["7"] for state in states], cancelled, said


@pytest.mark.parametrize("state", ["PREEMPTED", "NODE_FAIL"])
def test_a_job_that_stays_lost_ends_and_is_cancelled_once(state: str) -> None:
    states, cancelled, said = look(["RUNNING", state, state, state])
    assert states == ["RUNNING", state, ENDED, ENDED]
    assert cancelled == ["7"]
    assert [f"job 7 is {state}" in line for line in said] == [True]


def test_a_job_that_slurm_starts_again_is_left_to_it() -> None:
    states = ["RUNNING", "PREEMPTED", "PENDING", "RUNNING", "PREEMPTED", "RUNNING", "COMPLETED"]
    assert look(states) == (states, [], [])


def test_a_job_given_up_never_comes_back() -> None:
    """A copy that Slurm starts late is cancelled; what Snakemake was told stays true."""
    assert look(["PREEMPTED", "PREEMPTED", "PENDING", "RUNNING"])[0][1:] == [ENDED] * 3


@given(st.lists(STATES, min_size=1, max_size=8))
def test_every_job_that_stays_lost_ends(states: list[str]) -> None:
    settled = look([*states, "PREEMPTED", "PREEMPTED"])[0]
    assert settled[-1] == ENDED
    other = [one for one in settled if one != ENDED]
    assert other == [*states, "PREEMPTED", "PREEMPTED"][: len(other)]


def test_a_query_that_fails_passes_as_it_is() -> None:
    answers = iter([({"1": "PREEMPTED", "2": "RUNNING"}, 0.1), (None, None)] * 2)

    async def query(command: str) -> tuple[dict[str, str] | None, float | None]:
        return next(answers)

    watched = LostJobs(lambda line: None, lambda job_ids: None).watch(query)
    answered = [asyncio.run(watched("squeue")) for _ in range(4)]
    assert answered[:2] == [({"1": "PREEMPTED", "2": "RUNNING"}, 0.1), (None, None)]
    assert answered[2] == ({"1": ENDED, "2": "RUNNING"}, 0.1)


def test_jobs_in_the_queue_are_counted_at_every_look() -> None:
    jobs = LostJobs(pytest.fail, pytest.fail)
    assert jobs.queued() == 0
    jobs.settle({"1": "PENDING", "2": "PENDING", "3": "RUNNING"})
    assert jobs.queued() == 2
    jobs.settle({"1": "RUNNING", "3": "COMPLETED"})
    assert jobs.queued() == 0
