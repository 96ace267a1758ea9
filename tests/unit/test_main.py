"""The command: every subcommand explains itself; errors are one sentence."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys

import h5py
import pytest
import stored_page

from umklapp.__main__ import main, parser
from umklapp.campaign import copies

COMMANDS = (
    "new",
    "check",
    "status",
    "summary",
    "report",
    "completion",
    "archive",
    "catalogue",
    "config",
    "testbed",
    "teacher",
    "vibes",
    "sigma-a",
    "vdos",
    "green-kubo",
    "kappa",
    "srme",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "example:" in line]
    example = shlex.split(line.removeprefix("example: umklapp "))
    assert example[0] == name
    assert parser().parse_args(example)  # the line can be copied as it stands


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_a_sentence_and_explains_every_argument(name):
    (subcommands,) = [
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    chosen = subcommands.choices[name]
    first = chosen.description.split()[0]
    assert first[0].isupper()
    assert first.isascii()  # κ and σᴬ have no capital letter that a physicist would know
    assert chosen.description.endswith(".")
    for action in chosen._actions:
        assert action.help, action.dest
        if action.default not in (None, False, argparse.SUPPRESS):
            assert "default" in action.help or "unit" in action.help, action.dest


def test_the_list_of_commands_is_whole(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    listed = re.findall(r"^    ([a-z][a-z-]+)\b", text, re.M)
    assert sorted(listed) == sorted(COMMANDS)


def test_without_a_command_the_list_of_commands_is_printed(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0
    assert "green-kubo" in capsys.readouterr().out


def test_the_report_of_a_copy_is_that_of_the_original(tmp_path):
    """`cp -r` loses the order of times, from which the report reads what is finished."""
    here = stored_page.results(tmp_path / "here", "passed")
    left = here / "Si-227/round_02/dataset.extxyz"  # by an earlier run, so it opens no round
    left.parent.mkdir()
    left.touch()
    os.utime(left, (1e9, 1e9))
    copies.remember(here)
    there = tmp_path / "there"
    shutil.copytree(here, there)
    files = sorted(path for path in there.rglob("*") if path.is_file())
    for number, path in enumerate(files):
        os.utime(path, (1e9 + number, 1e9 + number))
    pages = []
    for folder in (here, there):
        assert main(["report", str(folder), "--out", str(tmp_path / "page.html")]) == 0
        page = (tmp_path / "page.html").read_text()
        pages.append(re.findall(r'<td data-label="trust".*', page))
    assert pages[0] == pages[1]
    assert len(pages[0]) == 1


def test_an_error_is_one_sentence(tmp_path):
    path = tmp_path / "empty.nc"
    h5py.File(path, "w").close()
    command = [sys.executable, "-m", "umklapp", "vibes", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path}: variable 'time' is missing")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_stops_reading_gets_no_traceback(root):
    """As in `umklapp completion | head -1`."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "umklapp", "completion"], cwd=root, stdout=write,
        stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
