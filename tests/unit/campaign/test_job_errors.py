"""What a job has died of, as one line with the log's path."""

import os

import pytest

from umklapp.campaign import job_errors

BEFORE = "frame 1/3: begun\nTraceback (most recent call last):\n  File x, line 1\n"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("umklapp.errors.InputError: a.cif: no cell; mend it\n", "a.cif: no cell; mend it"),
        ("umklapp.errors.CalculationError: one\n  two\n\n", "one two"),
        ("KeyError: 'x'\n", None),
        ("umklapp.errors.InputError: first\n\nTraceback\numklapp.errors.InputError: last", "last"),
        ("", None),
    ],
)
def test_the_end_of_a_log(tmp_path, end, words):
    path = tmp_path / "job.log"
    path.write_text("x" * 100_000 + "\n" + BEFORE + end)
    assert job_errors.last_words(path) == words


def test_logs_of_this_run_alone(tmp_path):
    for name, made in (("old", 100), ("new", 300)):
        path = tmp_path / "label" / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{BEFORE}umklapp.errors.InputError: {name}\n")
        os.utime(path, (made, made))
    (tmp_path / "broken.log").write_bytes(b"\xff" * 10)
    assert list(job_errors.of_run(tmp_path, 200)) == [f"new [{tmp_path / 'label/new.log'}]"]
    assert list(job_errors.of_run(tmp_path / "none", 0)) == []
