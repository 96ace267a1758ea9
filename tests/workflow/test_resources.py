"""What jobs ask for: GPUs where they are of use, memory and wall time by rule, cell and limits."""

from __future__ import annotations

import json
from pathlib import Path

from instant_campaigns import campaign, run

WITH_GPU = {"gpu_engine", "train", "explore", "events", "persistence", "audit_frames"}


def requests(folder: Path) -> dict[str, dict[str, int]]:
    """What one job of every rule has asked for, in a campaign of instant jobs."""
    status, text = run(folder, "--forceall", "--config", "changes=accept", rounds=1)
    assert status == 0, text
    files = (folder / "results/benchmarks").rglob("*.tsv")
    return {
        path.stem if path.parent.name == "benchmarks" else path.parent.name: json.loads(
            path.read_text()
        )
        for path in files
    }


def test_gpus_are_asked_for_by_the_rules_that_use_them(tmp_path: Path) -> None:
    campaign(tmp_path, ["Si-227"], resources={"gpu": True})
    found = requests(tmp_path)
    assert {"structure", "label", "assess", *WITH_GPU} <= set(found)
    assert {rule for rule, asked in found.items() if asked.get("gpu", 0)} == WITH_GPU


def test_requests_follow_the_cell_the_factors_and_the_limits(tmp_path: Path) -> None:
    campaign(tmp_path, ["Si-227"])
    small = requests(tmp_path)
    large = [[-4, 4, 4], [4, -4, 4], [4, 4, -4]]  # 512 atoms
    campaign(
        tmp_path,
        ["Si-227"],
        materials={"sampling_supercell": large},
        resources={
            "walltime": {"train": 0.5, "default": 2},
            "max_memory": 20000,
            "max_walltime": 10000,
        },
    )
    found = requests(tmp_path)
    assert found["train"]["runtime"] == small["train"]["runtime"] * 8 * 0.5
    assert found["structure"]["runtime"] == small["structure"]["runtime"] * 2  # a primitive cell
    assert found["split"]["runtime"] == small["split"]["runtime"] * 2
    assert found["label"]["runtime"] == 10000
    assert found["label"]["mem_mb"] == 20000
    assert small["label"]["mem_mb"] == 3000


def test_a_factor_for_no_rule_is_named(tmp_path: Path) -> None:
    campaign(tmp_path, ["Si-227"], resources={"walltime": {"trian": 2}})
    status, text = run(tmp_path, "--dry-run")
    assert status != 0
    assert "resources.walltime.trian: there is no such rule; did you mean train" in text
