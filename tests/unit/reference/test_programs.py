"""Running a program: its end, its children, its reasons. The programs here are shells."""

import os
import subprocess
import sys
import time

import pytest

from umklapp.errors import InputError
from umklapp.reference.contract import time_limit
from umklapp.reference.programs import ProgramError, command, expand, missing_program, run


def shell(folder, text, diagnose=lambda _: None):
    run(["sh", "-c", text], folder, "out", "err", diagnose)


def test_output_and_errors_go_to_files(tmp_path):
    shell(tmp_path, "echo good; echo bad >&2; pwd")
    assert (tmp_path / "out").read_text() == f"good\n{tmp_path}\n"
    assert (tmp_path / "err").read_text() == "bad\n"


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("echo the basis is odd; exit 3", "crashed", "sh ended with 3: the basis is odd"),
        ("exit 1", "crashed", "no output at all"),
        ("kill -9 $$", "out_of_memory", "ended with -9"),
        ("exit 137", "out_of_memory", "ended with 137"),
        ("echo 'slurmstepd: oom-kill event' >&2; exit 1", "out_of_memory", "oom-kill"),
        ("echo 'forrtl: insufficient virtual memory' >&2; exit 41", "out_of_memory", "41"),
        ("kill -SEGV $$", "crashed", "ended with -11"),
    ],
)
def test_reason_of_a_bad_end(tmp_path, text, reason, message):
    with pytest.raises(ProgramError, match=message) as caught:
        shell(tmp_path, text)
    assert caught.value.reason == reason


def test_what_the_output_says_comes_before_the_status(tmp_path):
    with pytest.raises(ProgramError, match="too hard") as caught:
        shell(tmp_path, "exit 2", lambda _: ("scf_not_converged", "too hard"))
    assert caught.value.reason == "scf_not_converged"


def test_program_that_does_not_exist(tmp_path):
    with pytest.raises(ProgramError, match=r"no-such-program\.x cannot be started"):
        run(["no-such-program.x"], tmp_path, "out", None, lambda _: None)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return not state.stdout.strip().startswith("Z")


def gone(pid, seconds=8):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_a_time_limit_ends_the_program_and_its_children(tmp_path):
    begin = time.monotonic()
    with pytest.raises(TimeoutError), time_limit(0.5):
        shell(tmp_path, "sleep 60 & echo $! > child; echo $$ > me; wait")
    assert time.monotonic() - begin < 8
    for name in ("me", "child"):
        assert gone(int((tmp_path / name).read_text())), name


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_a_killed_job_leaves_no_program_behind(tmp_path):
    """SIGKILL to the job, as a scheduler may do it."""
    code = (
        "from umklapp.reference.programs import run; from pathlib import Path; "
        f"run(['sh','-c','echo $$ > pid; exec sleep 60'], Path({str(tmp_path)!r}), 'o', 'e', print)"
    )
    job = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip()):
        assert time.monotonic() < end
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    job.kill()
    job.wait()
    assert gone(pid)


def test_command_from_config_then_environment_then_name(monkeypatch):
    monkeypatch.delenv("UMKLAPP_X_COMMAND", raising=False)
    assert command(None, "UMKLAPP_X_COMMAND", "x.x") == ["x.x"]
    monkeypatch.setenv("UMKLAPP_X_COMMAND", "srun -n 4 x.x")
    assert command(None, "UMKLAPP_X_COMMAND", "x.x") == ["srun", "-n", "4", "x.x"]
    assert command("mpirun 'my x'", "UMKLAPP_X_COMMAND", "x.x") == ["mpirun", "my x"]


def test_missing_programs_are_named(tmp_path, monkeypatch):
    for name in ("mpirun", "good.x"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_program(["good.x"]) is None
    assert missing_program(["bad.x"]) == "bad.x"
    assert missing_program(["mpirun", "-np", "4", "good.x", "-nk", "2"]) is None
    assert missing_program(["mpirun", "-np", "4", "bad.x"]) == "bad.x"
    assert missing_program(["srun", "-n", "2", "good.x"]) == "srun"


def test_variables_in_paths(monkeypatch):
    monkeypatch.setenv("PLACE", "/here")
    monkeypatch.delenv("NOWHERE", raising=False)
    assert expand("$PLACE/x", "reference.scratch") == "/here/x"
    with pytest.raises(InputError, match=r"reference\.scratch: '\$NOWHERE/x' needs an environment"):
        expand("$NOWHERE/x", "reference.scratch")


@pytest.mark.parametrize("line", ["mpirun 'pw.x", 'pw.x "', "   ", "pw.x \\"])
def test_a_command_line_that_is_none(line):
    with pytest.raises(InputError, match=r"reference\.command \(or UMKLAPP_X\): "):
        command(line, "UMKLAPP_X", "pw.x")
