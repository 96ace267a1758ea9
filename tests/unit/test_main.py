"""The command: every subcommand explains itself; errors are one sentence."""

import argparse
import re
import shlex
import subprocess
import sys

import h5py
import pytest

from umklapp.__main__ import main, parser

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


def test_an_error_is_one_sentence(tmp_path):
    path = tmp_path / "empty.nc"
    h5py.File(path, "w").close()
    command = [sys.executable, "-m", "umklapp", "vibes", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path}: variable 'time' is missing")
    assert len(done.stderr.splitlines()) == 1
