"""Ctrl-C in the processes of a run: the first one says one sentence, its jobs say nothing."""

import os
import subprocess
import sys

import pytest

from umklapp import interrupts

RUN = "from umklapp import interrupts; interrupts.begin_run(); "
SENTENCE = f"{interrupts.STOPPED}. {interrupts.GOES_ON}"


def ended(code: str, root: str, **variables: str) -> str:
    """What a Python process with this code says."""
    clean = {key: value for key, value in os.environ.items() if key != interrupts.JOB}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=clean | variables, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stderr.strip()


def test_the_run_says_one_sentence(root):
    assert ended(f"{RUN} raise KeyboardInterrupt", root) == SENTENCE


@pytest.mark.parametrize("code", ["import umklapp;", RUN])
def test_a_job_says_nothing(root, code):
    """A job imports the library; a job on Slurm reads the Snakefile once more."""
    assert ended(f"{code} raise KeyboardInterrupt", root, **{interrupts.JOB: "1"}) == ""


@pytest.mark.parametrize("code", [RUN, "import umklapp;"])
def test_other_errors_keep_their_traceback(root, code):
    said = ended(f"{code} 1 / 0", root, **{interrupts.JOB: "1"})
    assert said.startswith("Traceback")
    assert said.endswith("ZeroDivisionError: division by zero")


def test_a_notebook_keeps_python_s_own_words(root):
    assert ended("import umklapp; raise KeyboardInterrupt", root).startswith("Traceback")
