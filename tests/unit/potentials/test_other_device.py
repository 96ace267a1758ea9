"""Everything of a network stays on the model's device (tests/other_device_suite.py)."""

import subprocess
import sys


def test_the_suite_of_a_card_that_is_not_there(root):
    """In a process of its own: torch takes a new device only before its first backward pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(
        [*command, str(root / "tests/other_device_suite.py")],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
