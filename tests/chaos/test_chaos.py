"""SIGKILL of the whole tree at random instants of a campaign: make test-chaos.

Jobs take a moment and write half of their outputs first; label jobs make real labels with the
ledger. Half of the kills strike at any time (most of them while Snakemake plans), the others in a
job of the stage that was struck least. What is made is written to diaries, so that repeated work is
seen. Labels are also killed at every instant in tests/unit/reference/test_ledger.py.

Environment:
    CHAOS_KILLS: how many kills. CHAOS_SECONDS: no new one after so long.
    CHAOS_SEED: of the instants. CHAOS_JOB: seconds of a job.
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
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ase.io import read
from instant_campaigns import ROOT, SI, C, campaign

from umklapp.stages import STAGES

KILLS = int(os.environ.get("CHAOS_KILLS", "50"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "3600"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
JOB = os.environ.get("CHAOS_JOB", "0.4")

NEAR = 12
"""A kill in a job strikes one of so many that come next, so that a campaign is killed often."""

pytestmark = pytest.mark.physics


def start(folder: Path) -> subprocess.Popen:
    """A run in a process group of its own; what its jobs begin and make is in *.diary."""
    names = ("INSTANT_DIARY", "INSTANT_BEGUN", "INSTANT_LABELS")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--configfile", "config.yaml", "--executor", "instant", "--cores", "1"),
        ],
        cwd=folder,
        env={
            **os.environ,
            **{name: str(folder / f"{name}.diary") for name in names},
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "INSTANT_ROUNDS": "3",
            "INSTANT_SECONDS": JOB,
        },
        stdout=(folder / "out.txt").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def diary(folder: Path, name: str) -> list[str]:
    path = folder / f"INSTANT_{name}.diary"
    return path.read_text().splitlines() if path.exists() else []


def stage_of(line: str) -> str:
    rule = line.split()[0]
    return next((stage for stage, rules in STAGES.items() if rule in rules), "figures and others")


def decisions(folder: Path) -> dict[str, bool]:
    """Every assessment: which rounds there are, and how they ended."""
    paths = sorted((folder / "results").rglob("assessment.json"))
    return {str(p.relative_to(folder)): json.loads(p.read_text())["finished"] for p in paths}


def files(folder: Path) -> list[str]:
    """Names of all results but locks, logs and what is being written."""
    paths = (folder / "results").rglob("*")
    names = [str(p.relative_to(folder)) for p in paths if not p.name.startswith(".")]
    return sorted(name for name in names if not name.startswith("results/logs/"))


def ledgers(folder: Path) -> dict[str, float]:
    """Energy (eV) of every label in the ledgers."""
    paths = (folder / "results").glob("*/ledger/*/*.extxyz")
    return {str(p.relative_to(folder)): read(p).get_potential_energy() for p in paths}


@dataclass
class Storm:
    """Kills of one campaign, and what they cost."""

    quiet: Path
    folder: Path
    whole: float
    draw: random.Random
    kills: int = 0
    in_stage: Counter = field(default_factory=Counter)
    again: Counter = field(default_factory=Counter)
    labels_again: int = 0
    labels_lost: int = 0
    ended: int = 0

    def strike(self) -> bool:
        """Run until a random instant and kill; False where the campaign came to its end first."""
        before, earlier = ledgers(self.folder), len(diary(self.folder, "BEGUN"))
        run = start(self.folder)
        target = self.target() if self.draw.random() < 0.5 else None
        until = time.monotonic() + self.draw.uniform(0.02, 0.5) * self.whole
        while run.poll() is None and (target or time.monotonic() < until):
            if target in diary(self.folder, "BEGUN")[earlier:]:
                time.sleep(self.draw.uniform(0, float(JOB)))
                break
            time.sleep(0.02)
        if run.poll() is not None:
            assert run.returncode == 0, (self.folder / "out.txt").read_text()[-3000:]
            return False
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        self.kills += 1
        begun, made = diary(self.folder, "BEGUN"), diary(self.folder, "DIARY")
        in_job = len(begun) > earlier and begun.count(begun[-1]) > made.count(begun[-1])
        self.in_stage[stage_of(begun[-1]) if in_job else "no job"] += 1
        after = ledgers(self.folder)
        self.labels_lost += sum(after.get(name) != energy for name, energy in before.items())
        print(
            f"kill {self.kills}: {len(made)} jobs, in {begun[-1] if in_job else 'none'}", flush=True
        )
        return True

    def target(self) -> str | None:
        """A job that comes soon, of the stage that was struck least."""
        made = set(diary(self.folder, "DIARY"))
        coming = [line for line in diary(self.quiet, "DIARY") if line not in made][:NEAR]
        least = min((self.in_stage[stage_of(line)] for line in coming), default=0)
        chosen = [line for line in coming if self.in_stage[stage_of(line)] == least]
        return self.draw.choice(chosen) if chosen else None

    def check_end(self) -> None:
        """The same files, labels and decisions as undisturbed; labels made twice were in flight."""
        assert decisions(self.folder) == decisions(self.quiet)
        assert files(self.folder) == files(self.quiet)
        assert ledgers(self.folder) == ledgers(self.quiet)
        made = Counter(diary(self.folder, "DIARY"))
        assert set(made) == set(diary(self.quiet, "DIARY"))
        self.again.update({line: n - 1 for line, n in made.items() if n > 1})
        labels = Counter(diary(self.folder, "LABELS"))
        assert set(labels) == set(diary(self.quiet, "LABELS"))
        self.labels_again += labels.total() - len(labels)
        assert self.labels_again <= self.in_stage["labels"]
        self.ended += 1

    def clear(self) -> None:
        """Begin the campaign anew."""
        for name in ("results", ".snakemake"):
            shutil.rmtree(self.folder / name)
        for path in self.folder.glob("*.diary"):
            path.unlink()


def test_a_campaign_survives_kills_at_random_instants(tmp_path):
    quiet, stormy = tmp_path / "quiet", tmp_path / "stormy"
    for folder in (quiet, stormy):
        folder.mkdir()
        campaign(folder, [SI, C])
    began = time.monotonic()
    assert start(quiet).wait() == 0, (quiet / "out.txt").read_text()[-3000:]
    assert diary(quiet, "LABELS")
    storm = Storm(quiet, stormy, time.monotonic() - began, random.Random(SEED))
    while storm.kills < KILLS and time.monotonic() - began < SECONDS:
        if not storm.strike():
            storm.check_end()
            storm.clear()
    assert start(stormy).wait() == 0, (stormy / "out.txt").read_text()[-3000:]
    storm.check_end()
    assert storm.labels_lost == 0
    print(
        f"{storm.kills} kills, {storm.ended} campaigns ended like the undisturbed one; "
        f"labels lost {storm.labels_lost}, computed twice {storm.labels_again} of "
        f"{len(set(diary(quiet, 'LABELS')))} per campaign; jobs made twice {storm.again.total()}; "
        f"kills in a job of {dict(storm.in_stage)}"
    )
