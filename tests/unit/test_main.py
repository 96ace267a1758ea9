"""The command: every subcommand explains itself; errors are one sentence."""

import re
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
    "kappa",
    "srme",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"example: umklapp {name}" in text
    example = text.split(f"example: umklapp {name}")[1].split()
    assert parser().parse_args([name, *example])  # it can be typed as it stands


def test_the_list_of_commands_is_whole(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {name}\b", text, re.M) for name in COMMANDS)


def test_no_command_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "required: command" in capsys.readouterr().err


def test_an_error_is_one_sentence(tmp_path):
    path = tmp_path / "empty.nc"
    h5py.File(path, "w").close()
    command = [sys.executable, "-m", "umklapp", "vibes", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path}: variable 'time' is missing")
    assert len(done.stderr.splitlines()) == 1
