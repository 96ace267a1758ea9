"""Jobs that run, have failed or run again, by the times and last lines of their logs."""

import os

from umklapp.report import unfinished_jobs


def touch(path, text, stamp):
    """A file of a job, last written at `stamp` (s since 1970)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (stamp, stamp))


def test_running_failed_and_finished_jobs(tmp_path):
    touch(tmp_path / "logs/train/Si-227_00_0.log", "epoch 3\n", stamp=1000.0)
    touch(tmp_path / "logs/train/Si-227_00_1.log", "epoch 9\n", stamp=500.0)
    touch(tmp_path / "benchmarks/train/Si-227_00_1.tsv", "", stamp=600.0)
    text = "Traceback\nValueError: no\n"
    touch(tmp_path / "logs/label/Si-227_seeds_0.log", text, stamp=700.0)
    touch(tmp_path / "logs/report.log", "not a job", stamp=700.0)
    jobs = unfinished_jobs.unfinished(tmp_path, now=1600.0)
    assert [(job["rule"], job["failed"]) for job in jobs] == [("label", True), ("train", False)]
    assert jobs[1]["minutes_since_sign_of_life"] == 10.0
    assert jobs[0]["last_line"] == "ValueError: no"


def test_a_job_that_runs_again(tmp_path):
    touch(tmp_path / "benchmarks/train/Si-227_00_1.tsv", "", stamp=600.0)
    touch(tmp_path / "logs/train/Si-227_00_1.log", "epoch 1\n", stamp=900.0)
    assert len(unfinished_jobs.unfinished(tmp_path, now=1000.0)) == 1


def test_jobs_of_all_materials_stand_below_the_table(tmp_path):
    touch(tmp_path / "logs/engine/2.log", "compiling\n", stamp=1000.0)
    touch(tmp_path / "logs/train/Si-227_00_0.log", "epoch 3\n", stamp=1000.0)
    touch(tmp_path / "logs/structure/C-227.log", "relaxed\n", stamp=1000.0)
    (line,) = unfinished_jobs.beside(tmp_path, now=1600.0)
    assert line.startswith("running: engine 2.log: compiling (")
