"""The benchmark of rock salt, given a file that it cannot use."""

import os
import subprocess
import sys

import pytest


@pytest.mark.timeout(120)
def test_a_file_that_cannot_be_used_ends_the_benchmark_with_its_sentence(root, tmp_path):
    """multiprocessing restarts a process whose initializer raises, and the jobs wait for ever."""
    path = tmp_path / "labels.yaml"
    path.write_text("phono3py: {}\n")
    command = [sys.executable, str(root / "benchmarks/nacl.py"), "--params", str(path)]
    command += [
        "--draws",
        "1",
        "--numbers",
        "1",
        "--processes",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 1
    assert f"{path}: cannot be read as phono3py params" in done.stderr
    assert "Traceback" not in done.stderr
