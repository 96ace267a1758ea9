"""envs/preflight.sh on machines that lack something: one clear failure, nothing on stdout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "envs" / "preflight.sh"
COMMANDS = ["sh", "df", "awk", "sed", "dirname", "mktemp", "rm", "rmdir"]


@pytest.fixture
def preflight(tmp_path):
    """Run the script with a PATH of our making; `bin` starts with the shell's own commands only."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in COMMANDS:
        (programs / name).symlink_to(shutil.which(name))

    def run(path=str(programs), **environment):
        settings = {"PATH": path, "TMPDIR": str(tmp_path), "VENV": str(tmp_path / "venv")}
        settings |= {"PYTHON": sys.executable} | environment
        settings = {key: str(value) for key, value in settings.items() if value is not None}
        command = [shutil.which("sh"), str(SCRIPT)]
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    run.programs = programs
    run.path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return run


def executable(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def pretender(path, patch):
    """This interpreter, patched before it does what `-c` asks for."""
    path.write_text(
        f"#!{sys.executable}\nimport sys, sysconfig\n"
        f"sys._base_executable = {str(path)!r}\n{patch}\nexec(sys.argv[2])\n"
    )
    path.chmod(0o755)
    return path


def failures(result):
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Nothing was installed" in result.stderr
    lines = result.stderr.splitlines()
    failed = [i for i, line in enumerate(lines) if line.startswith("  FAIL")]
    assert all(lines[i + 1].lstrip().startswith("-> ") for i in failed)  # each has its remedy
    return [lines[i] for i in failed]


def only_failure(result):
    found = failures(result)
    assert len(found) == 1, result.stderr
    return found[0]


def test_this_machine_is_fit(preflight, tmp_path):
    result = preflight(preflight.path, NEED_DISK_GB=0, NEED_TMP_GB=0)
    assert result.returncode == 0, result.stderr
    assert not list(tmp_path.glob("*umklapp*"))  # it leaves nothing behind
    answer = subprocess.run(
        ["sh", "-c", f'{result.stdout}\nprintf "%s\\n%s" "$PYTHON" "$CXX"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert shutil.which(answer[1])
    # The interpreter below an activated environment, never that environment's own.
    code = "import sys; print(sys.prefix == sys.base_prefix, sys.version_info >= (3, 11))"
    said = subprocess.run([answer[0], "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True"]


def test_no_python(preflight):
    result = preflight(PYTHON=None, CXX=shutil.which("g++") or shutil.which("clang++"))
    assert any("no Python >= 3.11" in line for line in failures(result))


def test_python_too_old(preflight):
    old = pretender(preflight.programs / "python3.10", "sys.version_info = (3, 10, 13)")
    line = only_failure(preflight(preflight.path, PYTHON=old, NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert "no Python >= 3.11" in line
    assert str(old) in line


def test_the_named_python_is_quoted(preflight):
    shim = executable(preflight.programs / "shim", "echo 'pyenv: shim: not found' >&2; exit 127")
    settings = {"path": preflight.path, "NEED_DISK_GB": 0, "NEED_TMP_GB": 0}
    assert "it says: pyenv: shim: not found)" in only_failure(preflight(PYTHON=shim, **settings))
    line = only_failure(preflight(PYTHON="python3.99", **settings))
    assert "(tried: python3.99; there is no such command)" in line


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_python_without_venv(preflight, module):
    """As on Debian without python3-venv."""
    bare = pretender(preflight.programs / "python3.11", f"sys.modules['{module}'] = None")
    line = only_failure(preflight(preflight.path, PYTHON=bare, NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert "venv and ensurepip" in line


def test_python_without_headers(preflight):
    """As on Debian without python3-dev."""
    patch = "sysconfig.get_path = lambda name: '/nonexistent'"
    bare = pretender(preflight.programs / "python3.11", patch)
    line = only_failure(preflight(preflight.path, PYTHON=bare, NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert "Python.h" in line


def test_second_interpreter_is_taken_when_the_first_is_incomplete(preflight):
    executable(preflight.programs / "python3.11", "exit 127")  # a pyenv shim of another version
    (preflight.programs / "python3").symlink_to(sys.executable)
    compiler = shutil.which("g++") or shutil.which("clang++")
    result = preflight(
        f"{preflight.programs}{os.pathsep}/usr/bin",
        PYTHON=None,
        CXX=compiler,
        NEED_DISK_GB=0,
        NEED_TMP_GB=0,
    )
    assert result.returncode == 0, result.stderr


def test_no_compiler(preflight):
    line = only_failure(preflight(NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert "no working C++ compiler (tried: g++, clang++" in line


def test_a_c_compiler_is_not_enough(preflight):
    """It must compile <algorithm>, not only exist."""
    refuse = 'for source; do :; done; ! grep "<algorithm>" "$source"'
    broken = executable(preflight.programs / "g++", refuse)
    line = only_failure(preflight(preflight.path, CXX=broken, NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert str(broken) in line


def test_disk_too_small(preflight):
    line = only_failure(preflight(preflight.path, NEED_DISK_GB=10**7, NEED_TMP_GB=0))
    assert "disk for" in line
    assert "10000000 GB needed" in line


def test_temporary_space_too_small(preflight, tmp_path):
    line = only_failure(preflight(preflight.path, NEED_DISK_GB=0, NEED_TMP_GB=10**7))
    assert f"temporary space ({tmp_path})" in line


def test_gpu_asks_for_room_for_cuda(preflight):
    executable(preflight.programs / "nvidia-smi", "echo 'GPU 0: some NVIDIA GPU'")
    report = preflight(preflight.path, NEED_TMP_GB=0).stderr
    assert "8 GB needed" in report


def test_temporary_directory_missing(preflight, tmp_path):
    gone = tmp_path / "gone"
    line = only_failure(preflight(preflight.path, TMPDIR=gone, NEED_DISK_GB=0))
    assert str(gone) in line


def test_place_of_the_environment_not_writable(preflight):
    """/proc refuses even root."""
    if not Path("/proc/self").is_dir():
        pytest.skip("needs a file system that refuses writing")
    line = only_failure(preflight(preflight.path, VENV="/proc/venv", NEED_DISK_GB=0, NEED_TMP_GB=0))
    assert "cannot write in /proc" in line


def test_all_failures_are_told_at_once(preflight):
    found = failures(preflight(PYTHON=None, NEED_DISK_GB=10**7, NEED_TMP_GB=10**7))
    assert len(found) == 4  # python, compiler, temporary space, disk
