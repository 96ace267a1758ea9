"""The whole pipeline on a tiny real campaign: Stillinger–Weber silicon labels it.

The potential stands for the DFT engine here and only here; the demo labels with GPAW. Every other
part is what a user runs: Snakemake, training, exploration, rounds, phonons, κ, figures.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked_jobs
import pandas as pd
import pytest
import yaml
from ase.io import iread

from umklapp.config import load
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline

ROOT = Path(__file__).resolve().parents[2]
MATERIAL = "Si-227"
FIGURES = (
    *("learning_curve", "uncertainty", "events", "bands", "kappa"),
    *("comparison", "green_kubo", "elastic"),
)

ALL_ROUNDS = f"results/{MATERIAL}/model/committee.json"
"""The last committee: all rounds, and nothing of what follows them."""

TINY = {
    "name": "tiny",
    "seed": 3,
    "materials": {
        "table": str(ROOT / "config/materials.csv"),
        "structures": str(ROOT / "config/structures"),
        "select": [MATERIAL],
        "sampling_supercell": [[-1, 1, 1], [1, -1, 1], [1, 1, -1]],
        "phonon_supercell": [[-1, 1, 1], [1, -1, 1], [1, 1, -1]],
    },
    "reference": {"engine": "ase", "calculator": "silicon:StillingerWeberSilicon"},
    "seeds": [
        {"kind": "aimd", "temperature": 300, "steps": 12, "every": 2},
        {"kind": "harmonic", "count": 6},
        {"kind": "rattled", "count": 6, "amplitudes": [0.05], "strain": 0.01},
    ],
    "potential": {
        "l_max": 1,
        "features": [8, 4],
        "radial_width": 16,
        "training": {"epochs": 6, "learning_rate": 0.02, "repeats": 0},
    },
    "committee": {"subsamples": 2, "seeds": 1},
    "exploration": {"kind": "md", "replicas": 2, "steps": 60, "every": 5, "temperatures": [300]},
    "acquisition": {"batch_size": 3, "spacing": 10.0},
    "rounds": {"max": 2, "force_error": 1e-4},
    "audit": {"labels": 4},
    "phonons": {"mesh": [4, 4, 4], "imaginary": -100.0},
    "conductivity": {"mesh": [3, 3, 3], "round_mesh": [2, 2, 2], "mesh_tolerance": 0.9},
    "green_kubo": {
        "trajectories": 2,
        "length": 6.0,
        "equilibration": 0.2,
        "flux_every": 5,
        "effective_frames": 30,
    },
    "elastic": {"amplitudes": [0.005], "fmax": 1e-3, "smax": 1e-4, "reference": True},
    "resources": {"label_chunks": 2},
}

FOUNDATION = {
    "model": {
        "package": "ase",
        "calculator": "umklapp.potentials.empirical:manybody",
        "parameters": {"form": "kumagai", "parameters": "Kumagai_Comp_Mat_Sci_39_Si"},
        "functional": "fitted",
    },
    "thermal_frames": 2,
}
"""Another silicon than the one that labels, as a foundation model is."""


def configure(folder: Path, **changes: dict) -> Path:
    """Write the tiny configuration with some keys of some sections changed."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        key: {**value, **changes[key]} if key in changes else value
        for key, value in (TINY | {"foundation": FOUNDATION}).items()
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def environment(forks: bool = True) -> dict[str, str]:
    """One thread per process; the labelling potential importable by name.

    Args:
        forks: jobs share their imports (forked_jobs); else every job starts as a user's does.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": forked_jobs.python_path(forks)}


def command(config: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(config.parent), "--configfile", str(config), "--cores", "2", *more),
    ]


def run(config: Path, *more: str, forks: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end and return what it said."""
    return subprocess.run(
        command(config, *more), env=environment(forks), capture_output=True, text=True, check=False
    )


def said(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


def candidate_ids(folder: Path) -> list[list[str]]:
    """Ids of the frames sent to the engine, per round."""
    paths = sorted((folder / f"results/{MATERIAL}").glob("round_*/candidates.extxyz"))
    return [
        [atoms.info["frame_id"] for atoms in iread(path)] if path.stat().st_size else []
        for path in paths
    ]


@pytest.fixture(scope="module")
def finished(forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny campaign as a user runs it, and the table of meshes that is asked for."""
    config = configure(tmp_path_factory.mktemp("campaign"))
    result = run(config, "all", f"results/{MATERIAL}/conductivity/mesh.json", forks=False)
    assert result.returncode == 0, said(result)
    return config


def test_results_are_complete(finished: Path) -> None:
    results = finished.parent / "results"
    summary = pd.read_csv(results / "summary.csv")
    row = summary.iloc[0]
    assert row["material"] == MATERIAL
    assert row["rounds"] == 2
    assert not row["converged"]
    assert "NOT converged at the cap of 2 rounds" in row["reason"]
    costs = pd.read_csv(results / "costs.csv").set_index(["material", "stage"])
    assert costs.loc[(MATERIAL, "training"), "jobs"] >= 2 * 2  # rounds × members, and more
    assert costs.loc[(MATERIAL, "training"), "core_hours"] > 0
    assert row["core_hours"] == pytest.approx(costs.loc[MATERIAL]["core_hours"].sum())
    for name in FIGURES:
        for suffix in ("png", "pdf", "csv"):
            assert (results / f"figures/{MATERIAL}/{name}.{suffix}").stat().st_size > 0


def test_every_method_is_in_the_comparison(finished: Path) -> None:
    """Values or the reason why there is none; nothing is silent."""
    folder = finished.parent / f"results/{MATERIAL}"
    record = json.loads((folder / "comparison.json").read_text())
    methods = {row["method"] for row in record["kappa"]}
    page = (folder / "comparison.md").read_text()
    for method, words in (
        ("Green–Kubo", "Green–Kubo: "),
        ("effective force constants", "effective force constants: "),
    ):
        assert method in methods or words in page
    assert "experiment" in methods
    assert "σᴬ" in record["advice"]
    for member in range(2):
        assert (folder / f"conductivity/member_{member}.modes.hdf5").stat().st_size > 0
    assert json.loads((folder / "conductivity/mesh.json").read_text())["table"]


def test_a_foundation_model_stands_beside_the_campaign(finished: Path) -> None:
    """κ at both lattices before the first label, and what the labels make of the model."""
    folder = finished.parent / f"results/{MATERIAL}"
    baseline = Baseline.read(folder / "baseline.json")
    corrected = CorrectedBaseline.read(folder / "baseline/corrected.json")
    assert baseline.own is not None
    assert corrected.learned is not None
    assert corrected.learned.labels >= 6  # all rattled, aiMD and harmonic frames are of that cell
    after = corrected.learned.residual_after_eV_per_A
    assert after < corrected.learned.residual_before_eV_per_A
    page = (folder / "comparison.md").read_text()
    row = pd.read_csv(finished.parent / "results/summary.csv").iloc[0]
    assert baseline.model.words == row["zero_label_model"]
    for result in (baseline.given, baseline.own):
        assert f"zero labels, lattice {result.lattice}" in page
        assert result.kappa.at_room_temperature
    assert corrected.at_room_temperature is not None
    assert f"with the Taylor correction of {corrected.learned.labels} labels" in page


def test_elastic_constants_beside_the_reference(finished: Path) -> None:
    """The engine's own are those of the potential; a poor committee has its own, or says why."""
    record = json.loads((finished.parent / f"results/{MATERIAL}/elastic.json").read_text())
    assert record["reference"]["C_GPa"][0][0] == pytest.approx(151.4, rel=0.01)
    assert record["reference"]["stable"]
    assert record["reference"]["labels"] > 4
    assert (record["C_GPa"] is None) == bool(record["not_computed"])


def test_labels_are_counted_once(finished: Path) -> None:
    """The summary's labels are the frames of all parts, each with forces of the engine."""
    folder = finished.parent / f"results/{MATERIAL}"
    parts = ["seeds/train", "seeds/displaced", "seeds/calibration", "seeds/test"]
    paths = [folder / f"{part}.extxyz" for part in parts]
    paths += sorted(folder.glob("round_*/labels/*.extxyz"))
    paths += sorted(folder.glob("round_*/audit/labels/*.extxyz"))
    paths += sorted(folder.glob("persistence/labels/*.extxyz"))
    ids = [atoms.info["frame_id"] for path in paths if path.stat().st_size for atoms in iread(path)]
    assert len(ids) == len(set(ids))
    summary = pd.read_csv(finished.parent / "results/summary.csv").iloc[0]
    assert summary["labels"] == len(ids)
    ledger = list(folder.glob("ledger/*/*.extxyz"))
    assert {path.stem for path in ledger} >= set(ids)


def test_kappa_is_audited_on_labels_of_its_own_ensembles(finished: Path) -> None:
    """A poor committee at its cap: the audit fails, says by how much, and stands beside κ."""
    folder = finished.parent / f"results/{MATERIAL}"
    record = AuditRecord.read(folder / "audit.json")
    assert record.round == 1
    assert record.outcome == "failed"
    assert (record.asked, record.labels, record.failed) == (4, 4, 0)
    assert record.mae is not None
    assert record.mae > 1e-4
    assert record.words in (folder / "comparison.md").read_text()
    assert not (folder / "round_00/audit.json").exists(), "not finished, so there was no κ"
    trained = {a.info["frame_id"] for a in iread(folder / "round_01/dataset.extxyz")}
    asked = {a.info["frame_id"] for a in iread(folder / "round_01/audit/candidates.extxyz")}
    assert len(asked) == 4
    assert not asked & trained
    row = pd.read_csv(finished.parent / "results/summary.csv").iloc[0]
    assert row["audit"] == "failed"
    assert row["audit_force_mae_eV_per_A"] == pytest.approx(record.mae)


def test_provenance_is_in_the_results(finished: Path) -> None:
    folder = finished.parent / f"results/{MATERIAL}"
    for name in ("conductivity.json", "round_00/committee.json", "round_01/assessment.json"):
        record = json.loads((folder / name).read_text())
        assert record["versions"]["nequip"]
        assert record["code"]


def test_status_of_a_finished_campaign(finished: Path) -> None:
    command = [sys.executable, "-m", "umklapp", "status", str(finished), "--json"]
    (row,) = json.loads(subprocess.check_output(command, cwd=finished.parent, env=environment()))
    assert row["stage"] == "finished"
    assert row["round"] == 1
    assert row["labels"] >= pd.read_csv(finished.parent / "results/summary.csv")["labels"].iloc[0]
    assert row["failed"] == []
    assert row["running"] == []


def test_second_run_does_nothing(finished: Path) -> None:
    result = run(finished)
    assert result.returncode == 0
    assert "Nothing to be done" in said(result)


def test_figures_are_drawn_again_from_an_archive(finished: Path, tmp_path: Path) -> None:
    """Small results alone, no rounds: only figures are made, and they are the same."""
    config, target = configure(tmp_path), tmp_path / f"results/{MATERIAL}"
    packed = tmp_path / "archive.tar.gz"
    command = [sys.executable, "-m", "umklapp", "archive", str(finished), str(packed)]
    subprocess.run(command, cwd=finished.parent, env=environment(), check=True)
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(tmp_path)], check=True)
    plan = said(run(config, "figures", "--dry-run"))
    planned = re.findall(r"^(\w+) +\d+$", plan, re.M)
    drawn = {f"figure_{name}" for name in FIGURES if name != "comparison"}
    assert set(planned) == drawn | {
        "comparison",
        "figure_overview",
        "figure_campaign",
        "figure_study",
        "figures",
        "total",
    }
    result = run(config, "figures")
    assert result.returncode == 0, said(result)
    assert not list(target.glob("round_*"))
    for name in FIGURES:
        made = tmp_path / f"results/figures/{MATERIAL}/{name}.csv"
        assert (
            made.read_text()
            == (finished.parent / f"results/figures/{MATERIAL}/{name}.csv").read_text()
        )


def test_same_seed_selects_the_same_frames(finished: Path, tmp_path: Path) -> None:
    config = configure(tmp_path)
    result = run(config, ALL_ROUNDS)
    assert result.returncode == 0, said(result)
    chosen = candidate_ids(finished.parent)
    assert any(chosen), "a campaign that chose nothing would make this test empty"
    assert candidate_ids(tmp_path) == chosen


def test_tighter_criterion_adds_rounds_and_keeps_the_old_ones(finished: Path) -> None:
    """Runs last on the shared campaign: raising the cap must not redo rounds 0 and 1."""
    folder = finished.parent / f"results/{MATERIAL}"
    models = {path: path.stat().st_mtime_ns for path in folder.glob("round_0[01]/member_*/*.ckpt")}
    config = configure(finished.parent, rounds={"max": 3})
    result = run(config, ALL_ROUNDS)
    assert result.returncode == 0, said(result)
    assert (folder / "round_02/assessment.json").exists()
    lesson = {a.info["frame_id"] for a in iread(folder / "round_01/audit/lesson.extxyz")}
    trained = {a.info["frame_id"] for a in iread(folder / "round_02/dataset.extxyz")}
    assert lesson < trained, "the failed audit of the old cap is learned from"
    assert {path: path.stat().st_mtime_ns for path in models} == models
    assert load(config).rounds.max == 3


def test_bad_configuration_stops_before_the_first_job(tmp_path: Path) -> None:
    config = configure(tmp_path, rounds={"force_eror": 0.1})
    result = run(config)
    assert result.returncode != 0
    assert "rounds.force_eror: unknown key" in said(result)
    assert not (tmp_path / "results").exists()


def test_kill_during_labels_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL of Snakemake and all its children while labels are made; no label is made twice."""
    config = configure(
        tmp_path,
        reference={"calculator": "silicon:SlowSilicon", "parameters": {"seconds": 0.5}},
        materials={"relax": False},
        rounds={"max": 1},
    )
    process = subprocess.Popen(
        command(config),
        env=environment(forks=False),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ledger = tmp_path / f"results/{MATERIAL}/ledger"
    chunks = tmp_path / f"results/{MATERIAL}/seeds/candidates.extxyz"
    deadline = time.monotonic() + 300
    while not (chunks.exists() and len(list(ledger.glob("*/*.extxyz"))) >= 10):
        assert process.poll() is None, "the campaign ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in ledger.glob("*/*.extxyz")}
    assert not (tmp_path / f"results/{MATERIAL}/seeds/train.extxyz").exists()

    assert run(config, "--unlock").returncode == 0
    result = run(config, f"results/{MATERIAL}/seeds/train.extxyz")
    assert result.returncode == 0, said(result)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(ledger.glob("*/*.extxyz"))) > len(before)
