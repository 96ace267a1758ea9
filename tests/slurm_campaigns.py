"""The Slurm of the tests, and campaigns to run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forked_jobs
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "tests/slurm/lab.sh"
SITE = {
    "slurm-init-seconds-before-status-checks": 3,
    "latency-wait": 15,
    "default-resources": {"slurm_account": "lab"},
    "partitions": {
        "cpu": {"max_runtime": 120, "max_gpu": 0},
        "gpu": {"max_runtime": 120, "max_gpu": 2},
    },
}


def lab(command: str) -> subprocess.CompletedProcess[str]:
    """Run lab.sh."""
    return subprocess.run(["bash", LAB, command], capture_output=True, text=True, check=False)


def environment(
    folder: Path, forks: bool = False, site_keys: dict[str, bool] | None = None
) -> dict[str, str]:
    """One thread per process; calculators of the tests by name; the site file of the lab.

    Args:
        forks: what a Slurm job starts is forked from a process that has its imports (forked_jobs).
        site_keys: more keys of the site file.
    """
    site = folder / "site.yaml"
    site.write_text(yaml.safe_dump(SITE | (site_keys or {})))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    return {
        **os.environ,
        **threads,
        "PYTHONPATH": forked_jobs.python_path(forks),
        "UMKLAPP_SITE": str(site),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def command(folder: Path, *more: str, snakefile: Path = ROOT / "Snakefile") -> list[str]:
    """`snakemake --profile slurm` with the profiles of the repository."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)),
        *("--directory", str(folder), "--profile", str(ROOT / "slurm")),
        *("--workflow-profile", str(ROOT / "profiles/default"), *more),
    ]


def start(
    folder: Path,
    *more: str,
    forks: bool = False,
    site_keys: dict[str, bool] | None = None,
    **keywords: Path,
) -> subprocess.Popen[str]:
    """Start Snakemake in a process group of its own; what it says goes to `snakemake.log`."""
    with (folder / "snakemake.log").open("a") as log:
        return subprocess.Popen(
            command(folder, *more, **keywords),
            env=environment(folder, forks, site_keys),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            start_new_session=True,
        )


def said(folder: Path) -> str:
    """What all runs of Snakemake in `folder` have said."""
    return (folder / "snakemake.log").read_text()


def wait_until(what: Callable[[], bool], seconds: float, process: subprocess.Popen[str]) -> None:
    """Wait for something to be true while Snakemake runs."""
    end = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "Snakemake ended too early"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
SIC = {
    "material": "SiC-216",
    "formula": "SiC",
    "space_group": "216",
    "prototype": "zincblende",
    "n_primitive": "2",
}
LATTICES = {
    "Si-227": {"a": 5.43, "species": {"A": "Si"}, "source": "test"},
    "C-227": {"a": 3.567, "species": {"A": "C"}, "source": "test"},
    "SiC-216": {"a": 4.36, "species": {"A": "Si", "B": "C"}, "source": "test"},
}


def three_materials(folder: Path, **changes: dict) -> Path:
    """A tiny campaign of silicon, diamond and SiC, labelled by the Tersoff potential."""
    structures = folder / "structures"
    structures.mkdir(parents=True)
    shutil.copy(ROOT / "config/structures/prototypes.yaml", structures)
    (structures / "lattices.yaml").write_text(yaml.safe_dump(LATTICES))
    known = pd.read_csv(ROOT / "config/materials.csv", dtype=str, keep_default_na=False)
    pd.concat([known, pd.DataFrame([SIC])]).to_csv(folder / "table.csv", index=False)
    settings = {
        "name": "three",
        "seed": 5,
        "materials": {
            "table": "table.csv",
            "structures": "structures",
            "select": list(LATTICES),
            "sampling_supercell": CUBE,
            "phonon_supercell": CUBE,
        },
        "reference": {"engine": "ase", "calculator": "tersoff:Tersoff"},
        "seeds": [{"kind": "rattled", "count": 14, "amplitudes": [0.03, 0.06]}],
        "potential": {
            "cutoff": 3.2,
            "layers": 1,
            "l_max": 1,
            "features": [8, 4],
            "radial_width": 16,
            "training": {"epochs": 8, "learning_rate": 0.02, "repeats": 0},
        },
        "committee": {"subsamples": 2, "seeds": 1, "engine": "eager"},
        # such members differ by more than the default allows: every replica would end at once
        "exploration": {
            "kind": "md",
            "replicas": 2,
            "steps": 20,
            "every": 5,
            "max_uncertainty": 100,
        },
        "acquisition": {"batch_size": 2, "spacing": 10.0, "lower": 1e-4},
        "rounds": {  # the mean error of the new labels alone decides
            "max": 2,
            "force_error": 0.3,
            "worst_error": 1000,
            "share_above": 1,
            "training_share": 0.999,
            "check_labels": 1,
            "independent": 0.5,
            "calibration_band": 1000,
            "physics": [],
        },
        "audit": None,  # else it decides beside the error
        "phonons": {"mesh": [3, 3, 3], "imaginary": -100.0},
        "conductivity": {"mesh": [2, 2, 2], "round_mesh": [2, 2, 2], "mesh_tolerance": 0.9},
        "resources": {
            "label_chunks": 1,
            "retries": 1,
            "min_free_disk": 0.1,
            "max_walltime": 110,  # of the partitions of the lab
            "max_memory": 3000,
        },
    }
    settings = {key: {**v, **changes[key]} if key in changes else v for key, v in settings.items()}
    path = folder / "three.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path
