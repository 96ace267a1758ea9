"""A stop rule: materials that end without rounds, and what happens when the rule is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from instant_campaigns import SI, C, campaign, planned, run, state

FOUNDATION = {"model": {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}}
STOP = FOUNDATION | {"stop": {}}
OF_ROUNDS = {"label", "train", "explore", "assess", "audit", "seed_displaced"}


def rules_of(diary: Path, material: str) -> set[str]:
    """Rules of the jobs that were done for a material."""
    lines = [line.split() for line in diary.read_text().splitlines()]
    return {rule for rule, output in lines if f"/{material}/" in output}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Silicon goes through the rounds, diamond is done by the rule; look, don't touch."""
    folder = tmp_path_factory.mktemp("stopped")
    campaign(folder, [SI, C], foundation=STOP)
    status, text = run(folder, INSTANT_STOP=C, INSTANT_DIARY=str(folder / "diary"))
    assert status == 0, text
    return folder


@pytest.fixture
def changed(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "changed"))


def test_a_material_ends_without_rounds_and_another_goes_on(stopped: Path) -> None:
    results = stopped / "results"
    ended = rules_of(stopped / "diary", C)
    assert {"baseline", "stop_frames", "label_stop", "stop_audit", "stop"} <= ended
    assert {"comparison", "material_summary"} <= ended
    assert not OF_ROUNDS & ended
    assert not list((results / C).glob("round_*"))
    assert [path.name for path in (results / f"figures/{C}").glob("*.png")] == ["comparison.png"]
    assert rules_of(stopped / "diary", SI) >= OF_ROUNDS
    assert (results / SI / "conductivity.json").exists()
    assert (results / SI / "stop.json").exists()
    assert (results / "summary.csv").exists()


def test_a_second_run_plans_nothing(stopped: Path) -> None:
    status, text = run(stopped, "--dry-run", INSTANT_STOP=C)
    assert status == 0, text
    assert "Nothing to be done" in text


def test_the_page_and_one_material_need_no_rounds(changed: Path) -> None:
    status, text = run(changed, "report_page", f"only_{C}", "figures", INSTANT_STOP=C)
    assert status == 0, text
    assert (changed / "results/campaign.html").exists()
    assert not list((changed / f"results/{C}").glob("round_*"))


def test_a_file_of_the_rounds_of_a_stopped_material_says_why_there_is_none(changed: Path) -> None:
    status, text = run(changed, f"results/{C}/conductivity.json", INSTANT_STOP=C)
    assert status != 0
    assert f"{C} is done without rounds (results/{C}/stop.json)" in text


def test_turning_the_rule_off_goes_on_with_the_rounds_and_keeps_the_labels(changed: Path) -> None:
    before = state(changed, SI)
    campaign(changed, [SI, C], foundation=FOUNDATION)
    status, text = run(changed, INSTANT_DIARY=str(changed / "later"))
    assert status == 0, text
    assert rules_of(changed / "later", C) >= OF_ROUNDS
    assert "baseline" not in rules_of(changed / "later", C)
    assert not OF_ROUNDS & rules_of(changed / "later", SI)
    assert before == state(changed, SI)
    labels = changed / f"results/{C}/stop/labels.extxyz"
    labels.write_text("other labels\n")
    status, text = run(changed, "--dry-run")
    assert planned(text)["dataset"] >= 1, "the labels of the rule train the rounds"


def test_another_rule_makes_no_round_again_and_may_begin_some(changed: Path) -> None:
    campaign(changed, [SI, C], foundation=FOUNDATION | {"stop": {"error": 0.01}})
    status, text = run(changed, INSTANT_STOP="nothing", INSTANT_DIARY=str(changed / "later"))
    assert status == 0, text
    assert rules_of(changed / "later", SI) == set()
    later = rules_of(changed / "later", C)
    assert "label_stop" not in later, "the bound decides about no frame"
    assert later >= OF_ROUNDS


def test_a_rule_that_is_added_later_keeps_all_rounds(copy: Path) -> None:
    campaign(copy, [SI, C], foundation=STOP)
    status, text = run(copy, INSTANT_STOP=C, INSTANT_DIARY=str(copy / "diary"))
    assert status == 0, text
    assert not {"stop_frames", "stop", *OF_ROUNDS} & rules_of(copy / "diary", C)
