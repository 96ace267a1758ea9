"""Logs: everything a process prints is in its file."""

import subprocess
import sys

PROGRAM = """
import logging, os, sys, warnings
from umklapp.logs import log_to
log_to(sys.argv[1])
print("from python")
print("to stderr", file=sys.stderr)
os.write(1, b"from a library\\n")
subprocess_is_heard = os.system("echo from a child")
logging.getLogger("x").warning("a warning")
logging.getLogger("x").info("chatter")
logging.getLogger("umklapp.y").info("step 3/8")
raise ValueError("the end")
"""


def test_everything_goes_to_the_file(tmp_path):
    path = tmp_path / "new folder" / "job.log"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    text = path.read_text()
    for words in ("from python", "to stderr", "from a library", "from a child", "a warning"):
        assert words in text
    assert text.endswith("ValueError: the end\n")
    assert "\nWARNING x: a warning\nstep 3/8\n" in text
    assert "chatter" not in text
    lines = text.splitlines()
    assert lines.index("from python") < lines.index("from a library")  # in the order it happened
