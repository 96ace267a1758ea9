"""Running a program of quantum chemistry: its command, its folder, its end, and what went wrong."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from umklapp.errors import InputError
from umklapp.reference.contract import Reason

LAUNCHERS = ("mpirun", "mpiexec", "mpiexec.hydra", "srun", "orterun", "aprun", "jsrun", "ibrun")
"""Programs that start other programs."""

MEMORY_SIGNS = (
    "out of memory", "out-of-memory", "oom-kill", "oom_kill", "cannot allocate memory",
    "insufficient virtual memory", "bad_alloc", "allocate: not enough", "insufficient memory",
)  # fmt: skip
"""What programs and batch systems print when memory ran out, in lower case."""

KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit status of a program killed by the kernel, itself or as a rank of mpirun."""

HEAD = 10_000
"""Bytes of an output among which the program names its version."""

TAIL = 4000
"""Characters of an output that are searched for the reason of a crash."""

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1

Diagnosis = tuple[Reason, str] | None
Diagnose = Callable[[Path], Diagnosis]


class ProgramError(Exception):
    """A program that did not do its work, and why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def expand(text: str, key: str) -> str:
    """`text` with `$VARIABLES` and `~` filled in.

    Raises:
        InputError: a variable is not set; key and variable are named.
    """
    expanded = os.path.expandvars(Path(text).expanduser() if text.startswith("~") else text)
    if "$" in str(expanded):
        raise InputError(
            f"{key}: {text!r} needs an environment variable that is not set; export it in the "
            "shell that runs snakemake (and in the jobs), or write the value itself"
        )
    return str(expanded)


def command(chosen: str | None, variable: str, default: str) -> list[str]:
    """The program's command line: from the config, else the environment, else the plain name.

    Raises:
        InputError: quotes that do not close, or nothing but spaces.
    """
    line = chosen or os.environ.get(variable) or default
    try:
        command_line = shlex.split(line)
    except ValueError as error:
        raise InputError(
            f"reference.command (or {variable}): {line!r} is no command line: {error}; close its "
            "quotes"
        ) from None
    if not command_line:
        raise InputError(f"reference.command (or {variable}): {line!r} names no program")
    return command_line


def missing_program(command_line: Sequence[str]) -> str | None:
    """Name of what cannot be found: the launcher, or the program that it is to start."""
    if shutil.which(command_line[0]) is None:
        return command_line[0]
    if Path(command_line[0]).name not in LAUNCHERS:
        return None
    options = ("-", "+")
    names = [
        w
        for w in command_line[1:]
        if not w.startswith(options) and not w.isdigit() and "=" not in w
    ]
    if any(shutil.which(name) for name in names):
        return None
    return " or ".join(names) or f"a program after {command_line[0]}"


def run(
    command_line: Sequence[str], folder: Path, output: str, errors: str | None, diagnose: Diagnose
) -> None:
    """Run a program to its end; whatever stops this call stops the program and all its ranks.

    Args:
        command_line: command line.
        folder: where it runs; `output` and `errors` are files there.
        diagnose: looks at the folder after the program ended: what went wrong, or None.

    Raises:
        ProgramError: with its reason, and the end of the output.
    """
    with (folder / output).open("wb") as out, (folder / (errors or "errors.txt")).open("wb") as err:
        try:
            process = subprocess.Popen(
                command_line, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of the kernel, no Python state
            )  # fmt: skip
        except OSError as error:
            raise ProgramError("crashed", f"{command_line[0]} cannot be started: {error}") from None
        try:
            status = process.wait()
        except BaseException:  # also a time limit or Ctrl-C: nothing may go on running
            _end(process)
            raise
    texts = [_tail(folder / name) for name in (errors or "errors.txt", output)]
    said = "\n".join(texts).lower()
    if status in KILLED or any(sign in said for sign in MEMORY_SIGNS):
        raise ProgramError(
            "out_of_memory", f"{command_line[0]} ended with {status}: {_last(texts)}"
        )
    diagnosis = diagnose(folder)
    if diagnosis is not None:
        raise ProgramError(*diagnosis)
    if status:
        raise ProgramError("crashed", f"{command_line[0]} ended with {status}: {_last(texts)}")


class Watched:
    """Mixed into ASE's profiles: their programs are run by `run`."""

    diagnose: Diagnose
    get_command: Callable[[str | None], list[str]]

    def run(
        self,
        directory: Path,
        inputfile: str | None,
        outputfile: str,
        errorfile: str | None = None,
        append: bool = False,
    ) -> None:
        """Run the program to its end; raises `ProgramError`."""
        command_line = self.get_command(inputfile)
        run(command_line, Path(directory), outputfile, errorfile, self.diagnose)


def _die_with_parent() -> None:
    """Ask the kernel to end the program when this process is killed (Linux)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode(errors="replace")


def _last(texts: Sequence[str]) -> str:
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip(" -%*=")]
    return " | ".join(lines[-3:]) or "no output at all"


def named_version(program: str, pattern: str, path: Path) -> str | None:
    """`program` with the version that the first lines of its output name; None where none does.

    Args:
        pattern: regular expression whose first group is the version.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(HEAD).decode(errors="replace")
    named = re.search(pattern, head, re.MULTILINE)
    return f"{program} {named[1]}" if named else None


def text_of(path: Path) -> str:
    """A text file, whatever bytes are in it; empty where there is none."""
    return path.read_text(errors="replace") if path.is_file() else ""
