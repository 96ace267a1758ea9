"""A campaign that fine-tunes its members, and one that reads the second derivatives from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from phonopy import Phonopy
from silicon import StillingerWeberSilicon
from test_campaign import MATERIAL, TINY, run, said

from umklapp import provenance
from umklapp.crystals import curvature, frames, phonopy_cells

FINETUNE = {
    "kind": "curvature",
    "steps": 20,
    "validate_every": 5,
    "learning_rate": 5e-3,
    "weights": {"curvature": 1000.0},
    "forgetting": 5.0,
}

CAMPAIGN = {
    **TINY,
    "committee": {"subsamples": 2, "seeds": 1, "engine": "eager"},
    "rounds": {"max": 2, "force_error": 1e-4, "physics": []},
    "finetune": FINETUNE,
}
SEED_FILES = ("train", "displaced", "calibration", "test")
for section in ("green_kubo", "elastic"):
    del CAMPAIGN[section]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign of two rounds, with a table that has nothing but the needed columns."""
    config = tmp_path_factory.mktemp("finetune") / "tiny.yaml"
    table = config.with_name("table.csv")
    table.write_text(
        "material,formula,space_group,prototype,n_primitive\nSi-227,Si,227,diamond,2\n"
    )
    settings = {**CAMPAIGN, "materials": {**CAMPAIGN["materials"], "table": str(table)}}
    config.write_text(yaml.safe_dump(settings))
    result = run(config)
    assert result.returncode == 0, said(result)
    return config


def test_second_derivatives_are_those_of_the_reference(finished: Path) -> None:
    """Central differences of the labelling potential, by hand."""
    folder = finished.parent / f"results/{MATERIAL}"
    label = curvature.read(folder / "curvature/labels.h5")
    atoms, step = label.perfect.copy(), 1e-3
    atoms.calc = StillingerWeberSilicon()
    column = []
    for sign in (1, -1):
        atoms.positions[0, 0] += sign * step
        column.append(sign * atoms.get_forces())
        atoms.positions[0, 0] -= sign * step
    expected = -np.sum(column, axis=0) / (2 * step)
    np.testing.assert_allclose(label.force_constants[:, 0, :, 0], expected, atol=0.05)


def test_members_come_closer_to_the_second_derivatives(finished: Path) -> None:
    folder = finished.parent / f"results/{MATERIAL}/round_01"
    for member in range(2):
        record = json.loads((folder / f"member_{member}/finetune.json").read_text())
        name = "curvature_mae_eV_per_A2"
        assert record["best_step"] > 0
        assert record["after"][name] < record["before"][name]
        kept = {
            part: provenance.file_digest(folder / f"member_{member}/{part}.ckpt")
            for part in ("model", "ordinary")
        }
        assert kept["model"] != kept["ordinary"]
        assert {part: record[part] for part in kept} == kept
        assert set(record["phonons"]) == {"label", "before", "after"}


def test_assessment_and_counts_know_the_stage(finished: Path) -> None:
    results = finished.parent / "results"
    folder = results / MATERIAL
    assessment = json.loads((folder / "round_01/assessment.json").read_text())
    assert assessment["criteria"]["finetune"]["met"]
    displaced = json.loads((folder / "curvature/labels.json").read_text())["labels"]
    parts = [folder / f"seeds/{name}.extxyz" for name in SEED_FILES]
    parts += folder.glob("round_*/labels/*.extxyz")
    parts += folder.glob("round_*/audit/labels/*.extxyz")
    parts += folder.glob("persistence/labels/*.extxyz")
    ordinary = sum(len(list(frames.read_labels(path))) for path in parts if path.stat().st_size)
    assert displaced >= 1
    assert pd.read_csv(results / "summary.csv")["labels"].iloc[0] == ordinary + displaced
    assert "Nothing to be done" in said(run(finished))


def test_force_constants_of_a_file(finished: Path, tmp_path: Path) -> None:
    """phonopy's yaml in place of labels: no displaced cell is labelled, and the array is the same.

    A file that then changes trains the members again, and nothing before them.
    """
    made = finished.parent / f"results/{MATERIAL}"
    label = curvature.read(made / "curvature/labels.h5")
    primitive = frames.read_candidates(made / "structure/primitive.extxyz")[0]
    phonon: Phonopy = phonopy_cells.harmonic_calculation(primitive, label.perfect)
    phonon.force_constants = label.force_constants
    file = tmp_path / f"{MATERIAL}.yaml"
    phonon.save(file, settings={"force_constants": True})

    config = tmp_path / "tiny.yaml"
    settings = {**FINETUNE, "labels": str(tmp_path / "{material}.yaml")}
    config.write_text(yaml.safe_dump({**CAMPAIGN, "finetune": settings}))
    target = f"results/{MATERIAL}/round_00/committee.json"
    result = run(config, target)
    assert result.returncode == 0, said(result)
    folder = tmp_path / f"results/{MATERIAL}"
    record = json.loads((folder / "curvature/labels.json").read_text())
    assert record["labels"] == 0
    read = curvature.read(folder / "curvature/labels.h5")
    np.testing.assert_allclose(read.force_constants, label.force_constants, atol=1e-6)

    phonon.force_constants = 1.1 * label.force_constants
    phonon.save(file, settings={"force_constants": True})
    plan = said(run(config, target, "--dry-run"))
    assert "fine-tune member 1" in plan
    assert "train member" not in plan

    phonon = Phonopy(phonopy_cells.to_phonopy(primitive), supercell_matrix=3 * np.eye(3, dtype=int))
    count = len(phonon.supercell)
    phonon.force_constants = 10.0 * np.einsum("ij,ab->ijab", np.eye(count), np.eye(3))
    phonon.save(file, settings={"force_constants": True})
    wrong = run(config, target)
    assert wrong.returncode != 0
    log = tmp_path / f"results/logs/curvature_labels/{MATERIAL}.log"
    assert "force constants of another cell" in log.read_text()
    assert (folder / "round_00/member_0/ordinary.ckpt").exists()
