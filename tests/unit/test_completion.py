"""The completion in a real bash: commands, options of a command, choices, files."""

import shutil
import subprocess

import pytest

from umklapp.__main__ import parser
from umklapp.completion import script


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to complete in")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("umklapp sta", ["status"]),
        ("umklapp status --j", ["--json"]),
        ("umklapp testbed m", ["missed"]),
        ("umklapp check camp", ["campaign.yaml"]),
        ("umklapp sigma-a --s", ["--skip", "--structure"]),
    ],
)
def test_words_are_completed(tmp_path, line, offered):
    (tmp_path / "campaign.yaml").write_text("")
    ask = f"""
        COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _umklapp
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    command = ["bash", "--norc", "-c", script(parser()) + ask]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (sorted(done.stdout.split()), done.stderr) == (offered, "")
