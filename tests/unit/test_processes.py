"""Processes of a run: Ctrl-C gives one sentence in the first one and nothing in its jobs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from umklapp import processes

RUN = "from umklapp import processes; processes.begin_run(); "
SENTENCE = f"{processes.STOPPED}. {processes.GOES_ON}"


def ended(code: str, root: str, **variables: str) -> str:
    """What a Python process with this code says."""
    clean = {key: value for key, value in os.environ.items() if key != processes.JOB}
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
    assert ended(f"{code} raise KeyboardInterrupt", root, **{processes.JOB: "1"}) == ""


@pytest.mark.parametrize("code", [RUN, "import umklapp;"])
def test_other_errors_keep_their_traceback(root, code):
    said = ended(f"{code} 1 / 0", root, **{processes.JOB: "1"})
    assert said.startswith("Traceback")
    assert said.endswith("ZeroDivisionError: division by zero")


def heed_ctrl_c() -> None:
    """In a child: a shell lets what it runs in the background ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


STRIKE = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"


@pytest.mark.parametrize(
    "start", [["-m", "umklapp"], [str(Path(sys.executable).parent / "umklapp")]]
)
def test_the_command_says_one_sentence_while_it_still_imports(root, tmp_path, start):
    """Ctrl-C strikes in the middle of the import of a module that `umklapp.__main__` needs."""
    (tmp_path / "textwrap.py").write_text(STRIKE)
    clean = {key: value for key, value in os.environ.items() if key != processes.JOB}
    path = os.pathsep.join([str(tmp_path), str(root)])
    done = subprocess.run(
        [sys.executable, *start, "--help"], env=clean | {"PYTHONPATH": path}, check=False,
        capture_output=True, text=True, timeout=60, preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", f"\n{processes.STOPPED}.\n")


def test_a_second_interrupt_ends_the_clean_up_in_silence(root):
    late = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT); "
    assert ended(f"{RUN} {late} raise KeyboardInterrupt", root) == SENTENCE


def test_a_second_interrupt_does_not_break_off_how_a_run_stops(root):
    """The first raises, as Snakemake expects; the second speaks, and the third ends the process."""
    strike = "import os, signal; strike = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
    stopping = "try:\n strike()\nexcept KeyboardInterrupt:\n strike(); print('on', flush=True)\n"
    clean = {key: value for key, value in os.environ.items() if key != processes.JOB}
    done = subprocess.run(
        [sys.executable, "-c", f"{strike}{RUN}\n{stopping} strike(); print('never')"], cwd=root,
        env=clean, capture_output=True, text=True, check=False, timeout=60,
        preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("on\n", f"\n{processes.STILL}\n")
    assert done.returncode == -signal.SIGINT


def test_a_notebook_keeps_python_s_own_words(root):
    assert ended("import umklapp; raise KeyboardInterrupt", root).startswith("Traceback")


def test_every_process_has_one_thread_unless_the_user_says_otherwise(monkeypatch):
    for name in (*processes.THREADS, processes.JOB):
        monkeypatch.setenv(name, "")  # so that the old value comes back
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    interrupt = signal.getsignal(signal.SIGINT)
    processes.begin_run()
    signal.signal(signal.SIGINT, interrupt)
    assert [os.environ[name] for name in processes.THREADS] == ["4", "1", "1", "1"]
