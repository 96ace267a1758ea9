"""One run at a time in a results folder; locks end with their process."""

import os
import signal

import pytest

from umklapp.campaign import locks
from umklapp.errors import InputError


def test_a_second_run_in_the_same_results_refuses(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    with locks.take_run(tmp_path / "results"):
        monkeypatch.chdir(tmp_path / "elsewhere")  # another working folder
        with pytest.raises(InputError, match=rf"process {os.getpid()} on .*Nothing was changed"):
            locks.take_run(tmp_path / "results")
        assert not locks.is_free(tmp_path / "results")
    locks.take_run(tmp_path / "results").close()
    assert locks.is_free(tmp_path / "results")


def test_a_folder_is_idle_only_where_that_is_certain(tmp_path, monkeypatch):
    assert not locks.is_idle(tmp_path), "no run has ever been here"
    with locks.take_run(tmp_path):
        assert not locks.is_idle(tmp_path)
    assert locks.is_idle(tmp_path)
    monkeypatch.setattr(locks.socket, "gethostname", lambda: "another machine")
    assert not locks.is_idle(tmp_path), "its locks may not be seen here"
    (tmp_path / locks.RUN).write_text("")
    assert not locks.is_idle(tmp_path), "shards sign nothing"


def test_shards_run_side_by_side_but_not_beside_a_whole_run(tmp_path):
    with locks.take_run(tmp_path, "01_of_02"), locks.take_run(tmp_path, "02_of_02"):
        for label in (None, "01_of_02"):
            with pytest.raises(InputError, match="in use by another run"):
                locks.take_run(tmp_path, label)
    with locks.take_run(tmp_path), pytest.raises(InputError, match="in use"):
        locks.take_run(tmp_path, "01_of_02")


def test_a_killed_run_leaves_no_lock(tmp_path):
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        held = locks.take_run(tmp_path)
        os.write(tell, b"!")
        signal.pause()
        held.close()
        os._exit(0)
    os.read(ready, 1)
    with pytest.raises(InputError, match=f"process {child}"):
        locks.take_run(tmp_path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    locks.take_run(tmp_path).close()


def test_jobs_of_a_killed_run_are_waited_for(tmp_path, monkeypatch):
    held, said = locks.take_job(tmp_path), []
    monkeypatch.setattr(locks.time, "sleep", lambda _: held.close())  # the job ends meanwhile
    locks.wait_for_jobs(tmp_path, None, said.append)
    assert len(said) == 1
    locks.wait_for_jobs(tmp_path, None, said.append)
    assert len(said) == 1


def test_locks_of_snakemake_in_other_results_are_left(tmp_path):
    for number, results in enumerate(("results/a", "results/b", "results/a")):
        (tmp_path / f"{number}.output.lock").write_text(f"{results}/Si/x\n{results}/Si/y\n")
        (tmp_path / f"{number}.input.lock").write_text("config/materials.csv\n")
    from pathlib import Path

    assert locks.drop_stale(tmp_path, Path("results/a")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.input.lock", "1.output.lock"]
