from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from assessments import assessment

from umklapp.campaign import readiness
from umklapp.errors import InputError
from umklapp.learning.assessment import Assessment


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    readiness.check_disk(tmp_path / "not/there/yet", 0)
    with pytest.raises(InputError, match=r"GB free, resources\.min_free_disk asks for 1e\+09"):
        readiness.check_disk(tmp_path, 1e9)


@pytest.mark.parametrize("name", ["here", "here/work", "here/work/loop"])
def test_results_are_a_folder_of_their_own(tmp_path: Path, name: str) -> None:
    working = tmp_path / "here/work"
    working.mkdir(parents=True)
    (working / "loop").symlink_to(tmp_path)
    with pytest.raises(InputError, match="holds the workflow or your home"):
        readiness.check_folder(tmp_path / name, working)
    readiness.check_folder(working / "results", working)


def test_results_that_are_a_file(tmp_path: Path) -> None:
    (tmp_path / "results").touch()
    with pytest.raises(InputError, match="a file, a folder is expected"):
        readiness.check_folder(tmp_path / "results/si", tmp_path / "work")


def test_read_only_results_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InputError, match="cannot be written to"):
        readiness.check_folder(tmp_path / "results/si", tmp_path / "work")


def test_a_missing_batch_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    readiness.check_batch_system(remote=False)
    with pytest.raises(InputError, match="sbatch, squeue, scancel cannot be found"):
        readiness.check_batch_system(remote=True)


def test_strangers_in_results_are_named(tmp_path: Path) -> None:
    for name in ("engines", "NaCl-225", "figures", "holiday"):
        (tmp_path / name).mkdir()
    (tmp_path / "summary.csv").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "Si-227").touch()
    lines = readiness.strangers(tmp_path, ["NaCl-225", "Si-227"])
    assert [line.partition(":")[0] for line in lines] == [
        str(tmp_path / "Si-227"),
        str(tmp_path / "holiday"),
    ]
    assert readiness.strangers(tmp_path / "none", []) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"finished": "yes"}', '{"finished": true}', "what is this"]
)
def test_a_foreign_verdict_is_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "Si-227/round_00"
    folder.mkdir(parents=True)
    assessment(0, met=False).write(folder / "assessment.json")
    readiness.check_verdicts(tmp_path, ["Si-227", "C-227"])
    (folder / "assessment.json").write_text(text)
    with pytest.raises(InputError, match=r"round_00/assessment\.json: not written by this"):
        readiness.check_verdicts(tmp_path, ["Si-227"])
    readiness.check_verdicts(tmp_path, ["C-227"])


def test_whether_rounds_are_finished_is_read_in_no_time(tmp_path: Path) -> None:
    """Once per round of every material while Snakemake builds its graph."""
    path = tmp_path / "assessment.json"
    for met in (False, True):
        assessment(2, met=met).write(path)
        assert readiness.read_finished(path) is met
    old = {name: value for name, value in json.loads(path.read_text()).items() if name != "checks"}
    path.write_text(json.dumps(old | {"schema_version": 0}))
    assert readiness.read_finished(path) is True
    assert Assessment.read(path).checks == 0
    assert readiness.read_finished(tmp_path / "none.json") is None


def job(job_id: str, comment: str, folder: str = "/here", name: str = "umklapp_1") -> readiness.Job:
    return readiness.Job(job_id, name, "RUNNING", folder, comment)


def test_orphans_are_jobs_of_this_folder_and_these_materials() -> None:
    jobs = [
        job("1", "rule_label_wildcards_NaCl-225_round_00_1"),
        job("2", "rule_structure_wildcards_NaCl-225"),
        job("3", "rule_label_wildcards_NaCl-22_seeds_0"),
        job("4", "rule_label_wildcards_Si-227_seeds_0"),
        job("5", "rule_engine_wildcards_2"),
        job("6", "rule_structure_wildcards_NaCl-225", folder="/there"),
        job("7", "rule_structure_wildcards_NaCl-225", name="other_1"),
    ]
    left = readiness.orphans(jobs, Path("/here"), ["NaCl-225", "C-227"])
    assert [job.job_id for job in left] == ["1", "2", "5"]


def test_waiting_ends_with_the_last_orphan() -> None:
    said: list[str] = []
    left = job("1", "rule_structure_wildcards_C-227")
    answers = iter([[left], [left], []])
    count = readiness.wait_for_orphans(
        Path("/here"), ["C-227"], said.append, pause=0, look=lambda: next(answers)
    )
    assert count == 1
    assert len(said) == 2
    assert said[0] == (
        "1 Slurm job of an earlier run in this folder is still in the queue (1 running, 0 "
        "waiting): structure C-227. This run waits for it; to cancel instead: scancel 1"
    )
    assert said[1] == "The 1 job has ended; this run takes the results over."


def test_waiting_says_so_again_and_names_the_first_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "QUIET", -1.0)
    said: list[str] = []
    left = [job(str(n), f"rule_train_wildcards_C-227_00_{n}") for n in range(6)]
    answers = iter([left, left, []])
    readiness.wait_for_orphans(
        Path("/here"), ["C-227"], said.append, pause=0, look=lambda: next(answers)
    )
    assert len(said) == 3
    assert said[0] == said[1]
    assert "train C-227_00_3 and 2 more. This run waits for them" in said[0]
    assert said[0].endswith("scancel 0 1 2 3 4 5")


def test_a_silent_slurm_stops_those_who_need_it_only() -> None:
    said: list[str] = []

    def look() -> list[readiness.Job]:
        raise InputError("squeue fails")

    with pytest.raises(InputError, match="squeue fails"):
        readiness.wait_for_orphans(Path("/here"), [], said.append, look=look)
    assert readiness.wait_for_orphans(Path("/here"), [], said.append, look=look, remote=False) == 0
    assert "cannot be known: squeue fails" in said[0]


def test_engines_come_before_shards(tmp_path: Path) -> None:
    readiness.check_engines([tmp_path], "1/2")
    with pytest.raises(InputError, match="snakemake engines"):
        readiness.check_engines([tmp_path / "2_species"], "1/2")


def test_the_shared_model_is_not_made_by_a_shard():
    readiness.check_options(["snakemake", "shared"])
    with pytest.raises(InputError, match="learns from all materials"):
        readiness.check_options(["snakemake", "shared"], sharded=True)


@pytest.mark.parametrize("name", [".git", "umklapp", "config/x", "link", ".snakemake/x", "x" * 300])
def test_results_in_a_folder_of_the_workflow_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "link").symlink_to("config")
    with pytest.raises(InputError, match=r"a folder of the workflow|more than 200 characters"):
        readiness.check_folder(tmp_path / name, tmp_path)
    with pytest.raises(InputError, match="a folder of the workflow"):
        readiness.check_folder(readiness.WORKFLOW / "rules", tmp_path)
