"""After Ctrl-C: no job stays in Slurm's queue, and the user reads what has happened."""

from pathlib import Path

import pytest

from umklapp.campaign import interrupted
from umklapp.campaign.readiness import Job
from umklapp.errors import InputError

LOG = f"SLURM run ID: umklapp_7\nJob 3 has been submitted\n{interrupted.REQUEST}, wait.\n"


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "snakemake.log"
    path.write_text(LOG)
    return str(path)


def jobs() -> list[Job]:
    """Two of this run and one of another in the same folder."""
    names = (("1", "umklapp_7"), ("2", "umklapp_8"), ("3", "umklapp_7"))
    return [Job(number, name, "PENDING", "/here", "") for number, name in names]


def test_jobs_that_were_submitted_after_the_interrupt_are_cancelled(log: str) -> None:
    cancelled: list[str] = []
    (sentence,) = interrupted.end([log], jobs, cancelled.extend)
    assert cancelled == ["1", "3"]
    assert "has cancelled its jobs" in sentence
    assert "start the same command again" in sentence


def test_any_other_end_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_text("SLURM run ID: umklapp_7\nExiting because a job failed\n")
    assert interrupted.end([str(path), str(tmp_path / "none.log")], jobs, pytest.fail) == []


def test_a_run_without_slurm_asks_for_no_queue(tmp_path: Path) -> None:
    path = tmp_path / "local.log"
    path.write_text(interrupted.REQUEST)
    assert len(interrupted.end([str(path)], pytest.fail, pytest.fail)) == 1


def test_a_silent_slurm_is_no_reason_to_claim_that_jobs_are_cancelled(log: str) -> None:
    def look() -> list[Job]:
        raise InputError("squeue does not answer.")

    (sentence,) = interrupted.end([log], look, pytest.fail)
    assert "has cancelled" not in sentence
    assert "squeue does not answer. The next run waits" in sentence
