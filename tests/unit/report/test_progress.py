"""Progress of a run: what is said, of which jobs, and how much time it gives them."""

import os
from pathlib import Path

import pytest

from umklapp.paths import Results
from umklapp.report.progress import Progress, duration

BEGUN = 1_000_000.0


@pytest.fixture
def results(tmp_path):
    return Results(str(tmp_path))


def log(results, name, when, text="step 3"):
    write(results.logs, f"{name}.log", when, text)


def benchmark(results, name, when, seconds):
    write(results.benchmarks, f"{name}.tsv", when, f"s\th:m:s\n{seconds}\t0\n")


def write(folder, name, when, text):
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (when, when))


def test_stage_material_round_and_what_is_left(results):
    """Earlier ones took 100, 200 and 600 s: of 200 s 60 are gone."""
    for index, seconds in enumerate((100, 200, 600)):
        log(results, f"explore/C-227_0{index}", BEGUN - 10)
        benchmark(results, f"explore/C-227_0{index}", BEGUN - 5, seconds)
    progress = Progress(results, BEGUN)
    log(results, "explore/NaCl-225_01", BEGUN + 1)
    assert progress.lines(BEGUN + 60) == [
        "running: exploration: explore NaCl-225 round 01 for less than 60 s, about 3 min left"
    ]
    (line,) = progress.lines(BEGUN + 120)
    assert line.endswith("explore NaCl-225 round 01 for 60 s, about 2 min left")
    (line,) = progress.lines(BEGUN + 360)
    assert line.endswith("for 5 min (usual: 3 min)")


def test_compiling_says_that_it_runs_and_how_long_it_took(results):
    progress = Progress(results, BEGUN)
    log(results, "engine/2", BEGUN + 1)
    assert progress.lines(BEGUN + 60) == [
        "running: compilation: engine for 2 species for less than 60 s"
    ]
    benchmark(results, "engine/2", BEGUN + 140, 135.2)
    assert progress.lines(BEGUN + 180) == ["finished: engine for 2 species after 2 min"]
    assert progress.lines(BEGUN + 240) == [], "once"


def test_jobs_of_a_rule_share_a_line_and_others_are_left_out(results):
    progress = Progress(results, BEGUN)
    for member in range(3):
        log(results, f"train/NaCl-225_00_{member}", BEGUN + 1)
    log(results, "label/NaCl-225_round_00_0", BEGUN - 1)  # of an earlier run
    log(results, "label/NaCl-225_seeds_0", BEGUN + 1, "InputError: no such file")
    assert progress.lines(BEGUN + 60) == [
        "running: training: train NaCl-225 round 00 and 2 more for less than 60 s"
    ]


def test_jobs_in_the_queue_of_a_batch_system_are_counted(results):
    waiting = iter((4, 1, 0))
    progress = Progress(results, BEGUN, lambda: next(waiting))
    log(results, "train/NaCl-225_00_0", BEGUN + 1)
    running, queue = progress.lines(BEGUN + 60)
    assert running.startswith("running: training: train NaCl-225 round 00")
    assert queue == "waiting: 4 jobs in Slurm's queue"
    assert progress.lines(BEGUN + 120)[1] == "waiting: 1 job in Slurm's queue"
    assert len(progress.lines(BEGUN + 180)) == 1


def test_short_jobs_end_without_a_word(results):
    progress = Progress(results, BEGUN)
    log(results, "split/NaCl-225", BEGUN + 1)
    progress.lines(BEGUN + 60)
    benchmark(results, "split/NaCl-225", BEGUN + 61, 3.0)
    assert progress.lines(BEGUN + 120) == []


def test_durations():
    assert [duration(x) for x in (3.2, 89, 90, 5399, 9000)] == [
        "3 s", "89 s", "2 min", "90 min", "2.5 h",
    ]  # fmt: skip
