"""Campaigns whose jobs take no time: the real Snakefile with the executor `instant`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SI, C, CUI = "Si-227", "C-227", "CuI-216"
"""With at most three rounds these are done in rounds 2, 1 and 0 (crc32 of the name)."""

CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def campaign(folder: Path, select: list[str], **changes: dict) -> Path:
    """A configuration of these materials in `folder`."""
    settings = {
        "name": "instant",
        "materials": {
            "table": str(ROOT / "config/materials.csv"),
            "structures": str(ROOT / "config/structures"),
            "select": select,
            "sampling_supercell": CUBE,
            "phonon_supercell": CUBE,
        },
        "reference": {"engine": "ase", "calculator": "ase.calculators.lj:LennardJones"},
        "seeds": [{"kind": "rattled", "count": 12}],
        "committee": {"subsamples": 2, "seeds": 1},
        "rounds": {"max": 4},
        "resources": {"label_chunks": 1, "min_free_disk": 0},
    }
    for key, value in changes.items():
        settings[key] = {**settings.get(key, {}), **value}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def run(folder: Path, *arguments: str, rounds: int = 3, **environment: str) -> tuple[int, str]:
    """Exit status and text of Snakemake with instant jobs, at most `rounds` per material."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--configfile", "config.yaml", "--executor", "instant", "--cores", "100"),
            *arguments,
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "INSTANT_ROUNDS": str(rounds),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def planned(text: str) -> dict[str, int]:
    """Jobs per rule in the table of a dry run (or of a run)."""
    found = {}
    for line in text.split("Job stats:")[-1].splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
        elif found and not words:
            break
    return found


def state(folder: Path, *names: str) -> dict[str, tuple[str, int]]:
    """Hash and time of every result below these folders."""
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for name in names
        for path in sorted((folder / "results" / name).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def instant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign of two materials with different numbers of rounds; look, don't touch."""
    folder = tmp_path_factory.mktemp("instant")
    campaign(folder, [SI, C])
    status, text = run(folder)
    assert status == 0, text
    return folder


@pytest.fixture
def copy(instant: Path, tmp_path: Path) -> Path:
    """The finished campaign, to be changed."""
    return Path(shutil.copytree(instant, tmp_path / "copy"))
