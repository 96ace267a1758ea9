"""SIGKILL of the whole tree at random instants of a campaign of instant jobs: make test-chaos.

What is written by a job says when it was made, so that repeated work is seen. Labels themselves are
killed at every instant in tests/unit/reference/test_ledger.py.

Environment:
    CHAOS_KILLS: how many kills. CHAOS_SECONDS: no new one after so long.
    CHAOS_SEED: of the instants.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from instant_campaigns import ROOT, SI, C, campaign

KILLS = int(os.environ.get("CHAOS_KILLS", "50"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "3600"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))

pytestmark = pytest.mark.physics


def start(folder, *arguments):
    """A run in a process group of its own; what its jobs make is in diary.txt."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--configfile", "config.yaml", "--executor", "instant", "--cores", "1", *arguments),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "INSTANT_ROUNDS": "3",
            "INSTANT_DIARY": str(folder / "diary.txt"),
        },
        stdout=(folder / "out.txt").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def jobs(folder):
    """How often each output was made."""
    path = folder / "diary.txt"
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def decisions(folder):
    """Every assessment: which rounds there are, and how they ended."""
    paths = sorted((folder / "results").rglob("assessment.json"))
    return {str(p.relative_to(folder)): json.loads(p.read_text())["finished"] for p in paths}


def files(folder):
    """Names of all results but locks, logs and what is being written."""
    found = (folder / "results").rglob("*")
    names = [str(p.relative_to(folder)) for p in found if not p.name.startswith(".")]
    return sorted(name for name in names if not name.startswith("results/logs/"))


def test_a_campaign_survives_kills_at_random_instants(tmp_path):
    quiet, stormy = tmp_path / "quiet", tmp_path / "stormy"
    for folder in (quiet, stormy):
        folder.mkdir()
        campaign(folder, [SI, C])
    began = time.monotonic()
    assert start(quiet).wait() == 0, (quiet / "out.txt").read_text()[-3000:]
    whole = time.monotonic() - began
    draw, kills, struck, repeated = random.Random(SEED), 0, 0, Counter()
    while kills < KILLS and time.monotonic() - began < SECONDS:
        before = jobs(stormy)
        run = start(stormy)
        try:
            run.wait(draw.uniform(0.02, 1.2) * whole)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            kills += 1
            struck += jobs(stormy) != before
            print(f"kill {kills}: {jobs(stormy).total()} jobs so far", flush=True)
        else:  # it came to its end: everything is begun again, kills go on
            assert run.returncode == 0, (stormy / "out.txt").read_text()[-3000:]
            check_end(quiet, stormy, repeated)
            for name in ("results", ".snakemake"):
                shutil.rmtree(stormy / name)
            (stormy / "diary.txt").unlink()
    assert start(stormy).wait() == 0, (stormy / "out.txt").read_text()[-3000:]
    check_end(quiet, stormy, repeated)
    print(f"kills {kills}, {struck} of them after work; jobs made twice: {repeated.total()}")


def check_end(quiet, stormy, repeated):
    """The same files and decisions as undisturbed; whatever was made twice was in flight."""
    assert decisions(stormy) == decisions(quiet)
    assert files(stormy) == files(quiet)
    twice = Counter({name: number - 1 for name, number in jobs(stormy).items() if number > 1})
    repeated.update(twice)
    assert set(jobs(stormy)) == set(jobs(quiet))
