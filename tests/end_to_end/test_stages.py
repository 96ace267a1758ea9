"""A campaign with a schedule and warm starts, its shared model, and another that starts there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import test_campaign
import yaml
from test_campaign import MATERIAL

from umklapp import provenance

CAMPAIGN = {
    **test_campaign.TINY,
    "potential": {
        **test_campaign.TINY["potential"],
        "training": {
            "epochs": 4,
            "repeats": 0,
            "warm_start": {"epochs": 2, "learning_rate": 0.002},
            "schedule": [
                {"name": "broad"},
                {
                    "name": "fine",
                    "epochs": 2,
                    "learning_rate": 0.005,
                    "stress_weight": 1.0,
                    "freeze": ["embedding", "readout"],
                },
            ],
        },
    },
    "committee": {"subsamples": 2, "seeds": 1, "engine": "eager"},
    "rounds": {"max": 2, "force_error": 1e-4, "physics": []},
}
del CAMPAIGN["green_kubo"]


def run(config: Path, *targets: str) -> str:
    """Everything Snakemake says; it must succeed."""
    done = test_campaign.run(config, *targets)
    assert done.returncode == 0, test_campaign.said(done)
    return test_campaign.said(done)


def training(folder: Path, number: str, member: int) -> dict:
    path = folder / f"{MATERIAL}/round_{number}/member_{member}/training.json"
    return json.loads(path.read_text())


@pytest.mark.slow
def test_stages_warm_starts_the_shared_model_and_a_start_from_it(
    forks: None, tmp_path: Path
) -> None:
    config = tmp_path / "first.yaml"
    config.write_text(yaml.safe_dump({**CAMPAIGN, "results": "first"}))
    run(config, "shared")
    first = tmp_path / "first"
    assert [each["name"] for each in training(first, "00", 0)["stages"]] == ["broad", "fine"]
    later = training(first, "01", 1)
    assert [(each["name"], each["epochs"]) for each in later["stages"]] == [("fine", 2)]
    parent = first / f"{MATERIAL}/round_00/member_1/model.ckpt"
    assert later["parent"] == provenance.file_digest(parent)

    record = json.loads((first / "shared/member_0.json").read_text())
    dataset = first / f"{MATERIAL}/round_01/dataset.extxyz"
    labels = sum(line.startswith("Lattice") for line in dataset.read_text().splitlines())
    assert record["materials"][MATERIAL]["frames"] >= labels

    # another campaign, with other seeds of its own, starts from it
    second = tmp_path / "second.yaml"
    potential = {**CAMPAIGN["potential"], "start": "first/shared/member_{member}.ckpt"}
    rounds = {**CAMPAIGN["rounds"], "max": 1}
    second.write_text(
        yaml.safe_dump(
            {**CAMPAIGN, "results": "second", "seed": 8, "potential": potential, "rounds": rounds}
        )
    )
    target = f"second/{MATERIAL}/round_00/committee.json"
    run(second, target)
    for member in (0, 1):
        found = training(tmp_path / "second", "00", member)
        start = first / f"shared/member_{member}.ckpt"
        assert found["parent"] == provenance.file_digest(start)
        assert [each["name"] for each in found["stages"]] == ["broad", "fine"]
    assert "Nothing to be done" in run(second, target)
    shutil.copyfile(first / "shared/member_0.ckpt", first / "shared/member_1.ckpt")  # changed
    again = run(second, target, "--dry-run", "--rerun-triggers", "mtime")
    assert "train member 1" in again
    assert "train member 0" not in again
