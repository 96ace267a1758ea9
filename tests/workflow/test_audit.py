"""An audit that fails starts another round that learns from it; nothing else ever restarts one.

Si-227 is finished in round 2 at the earliest, of at most four (instant_campaigns.run).
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest
from instant_campaigns import SI, campaign, planned, run, state

DYNAMICS = {"trajectories": 2, "correction": "taylor"}
ROUNDS = [f"{SI}/round_{number:02d}" for number in range(4)]


def finished(folder: Path, failing: str, **changes: dict) -> Path:
    """A campaign of silicon whose audits fail as `INSTANT_AUDIT` says."""
    folder.mkdir(exist_ok=True)
    campaign(folder, [SI], green_kubo=DYNAMICS, **changes)
    status, text = run(folder, INSTANT_AUDIT=failing)
    assert status == 0, text
    return folder


@pytest.fixture(scope="module")
def failed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Round 2 is finished and fails its audit, round 3 passes; look, don't touch."""
    return finished(tmp_path_factory.mktemp("audit") / "failed", f"{SI}/02")


@pytest.fixture
def learned(failed_once: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(failed_once, tmp_path / "learned"))


def rounds(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / f"results/{SI}").glob("round_*"))


def inputs_of(folder: Path, name: str) -> list[str]:
    """What a result was made from, as Snakemake remembers it."""
    path = f"results/{name}"
    record = base64.urlsafe_b64encode(path.encode()).decode()
    return json.loads((folder / ".snakemake/metadata" / record).read_text())["input"]


def test_a_failed_audit_starts_another_round_that_learns_from_it(failed_once: Path) -> None:
    assert rounds(failed_once) == [f"round_{number:02d}" for number in range(4)]
    for number in (0, 1):
        assert not (failed_once / f"results/{ROUNDS[number]}/audit.json").exists()
        assert not (failed_once / f"results/{ROUNDS[number]}/green_kubo").exists()
    lesson = f"results/{ROUNDS[2]}/audit/lesson.extxyz"
    assert (failed_once / lesson).exists()
    assert not (failed_once / f"results/{ROUNDS[3]}/audit/lesson.extxyz").exists()
    assert lesson in inputs_of(failed_once, f"{ROUNDS[3]}/dataset.extxyz")
    assert not any(
        "audit" in path for path in inputs_of(failed_once, f"{ROUNDS[2]}/dataset.extxyz")
    )


def test_kappa_comes_from_the_round_that_passed(failed_once: Path) -> None:
    dynamics = inputs_of(failed_once, f"{SI}/green_kubo.json")
    assert f"results/{ROUNDS[3]}/green_kubo/trajectory_0.h5" in dynamics
    moved = f"results/{ROUNDS[3]}/green_kubo/correction.h5"
    assert moved in dynamics
    for name in ("green_kubo/trajectory_0.h5", "audit/predictions.h5"):
        assert moved in inputs_of(failed_once, f"{ROUNDS[3]}/{name}")
    assert not any(ROUNDS[2] in path for path in dynamics)
    audits = [path for path in inputs_of(failed_once, f"{SI}/history.json") if "audit" in path]
    assert audits == [
        f"results/{ROUNDS[2]}/audit/lesson.json",
        f"results/{ROUNDS[3]}/audit.json",
    ]
    assert "Nothing to be done" in run(failed_once, "--dry-run")[1]
    assert "Nothing to be done" in run(failed_once, "--dry-run", f"only_{SI}")[1]


def test_an_audit_that_always_fails_ends_at_the_cap(tmp_path: Path) -> None:
    folder = finished(tmp_path / "capped", SI)
    assert rounds(folder) == [f"round_{number:02d}" for number in range(4)]
    assert (folder / f"results/{SI}/summary.json").exists()
    assert '"failed"' in (folder / f"results/{ROUNDS[3]}/audit.json").read_text()
    assert inputs_of(folder, f"{SI}/audit.json") == [f"results/{ROUNDS[3]}/audit.json"]
    assert "Nothing to be done" in run(folder, "--dry-run")[1]


def test_a_killed_audit_goes_on(tmp_path: Path) -> None:
    campaign(tmp_path, [SI], green_kubo=DYNAMICS)
    status, _ = run(tmp_path, INSTANT_FAIL="label_audit")
    assert status != 0
    before = state(tmp_path, *ROUNDS[:2], f"{ROUNDS[2]}/green_kubo", f"{ROUNDS[2]}/member_0")
    assert run(tmp_path)[0] == 0
    assert (
        state(tmp_path, *ROUNDS[:2], f"{ROUNDS[2]}/green_kubo", f"{ROUNDS[2]}/member_0") == before
    )
    assert len(rounds(tmp_path)) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"green_kubo": {**DYNAMICS, "length": 80.0}},
        {"audit": {"labels": 10}},
        {"audit": {"largest_error": 1.0}},
    ],
    ids=["trajectories", "labels", "bounds"],
)
def test_what_an_audit_is_made_of_restarts_no_round(learned: Path, changes: dict) -> None:
    """Only the audit of the last round is made again."""
    kept = ("dataset.extxyz", "member_0", "green_kubo", "audit")
    before = state(learned, *(f"{ROUNDS[2]}/{name}" for name in kept), f"{ROUNDS[3]}/member_0")
    datasets = [(learned / f"results/{one}/dataset.extxyz").stat().st_mtime_ns for one in ROUNDS]
    campaign(learned, [SI], **{"green_kubo": DYNAMICS, **changes})
    status, text = run(learned)
    assert status == 0, text
    after = state(learned, *(f"{ROUNDS[2]}/{name}" for name in kept), f"{ROUNDS[3]}/member_0")
    assert after == before
    assert datasets == [
        (learned / f"results/{one}/dataset.extxyz").stat().st_mtime_ns for one in ROUNDS
    ]
    assert "Nothing to be done" in run(learned, "--dry-run")[1]


def test_a_committee_trained_anew_is_audited_anew(learned: Path) -> None:
    """The lesson of the old one is not taken for its own; this time it passes."""
    (learned / f"results/{SI}/seeds/train.extxyz").write_text("other\n")
    status, text = run(learned)
    assert status == 0, text
    assert not (learned / f"results/{ROUNDS[2]}/audit/lesson.extxyz").exists()
    assert f"results/{ROUNDS[2]}/committee.json" in inputs_of(learned, f"{SI}/model/committee.json")


def test_switched_off_the_rounds_that_learned_stay(learned: Path) -> None:
    before = state(learned, *ROUNDS, f"{SI}/model")
    campaign(learned, [SI], green_kubo=DYNAMICS, audit={"labels": 0})
    status, text = run(learned)
    assert status == 0, text
    assert state(learned, *ROUNDS, f"{SI}/model") == before
    assert not any("audit" in path for path in inputs_of(learned, f"{SI}/comparison.json"))


def test_a_finished_campaign_without_audit_is_audited(tmp_path: Path) -> None:
    folder = finished(tmp_path / "old", "nothing", audit={"labels": 0})
    assert not (folder / f"results/{SI}/audit.json").exists()
    before = state(folder, *(f"{one}/member_0" for one in ROUNDS), f"{SI}/seeds", f"{SI}/model")
    campaign(folder, [SI], green_kubo=DYNAMICS)
    plan = planned(run(folder, "--dry-run")[1])
    assert plan["audit"] == plan["audit_frames"] == plan["label_audit"] == 1
    assert "train" not in plan
    assert run(folder)[0] == 0
    after = state(folder, *(f"{one}/member_0" for one in ROUNDS), f"{SI}/seeds", f"{SI}/model")
    assert after == before
    assert (folder / f"results/{SI}/audit.json").exists()


def test_figures_come_from_an_archive_without_audit_and_budget(
    failed_once: Path, tmp_path: Path
) -> None:
    """One from before there were audits and error budgets: nothing but figures is planned."""
    campaign(tmp_path, [SI], green_kubo=DYNAMICS)
    for name in (
        *("history.json", "test_errors.csv", "verdict.json", "events.csv", "conductivity.json"),
        *("phonons/bands.h5", "phonons/thermodynamics.json", "green_kubo.json", "summary.json"),
        "green_kubo/series.h5",
    ):
        target = tmp_path / f"results/{SI}/{name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(failed_once / f"results/{SI}/{name}", target)
    shutil.copy(failed_once / "results/summary.csv", tmp_path / "results/summary.csv")
    plan = planned(run(tmp_path, "figures", "--dry-run")[1])
    assert plan
    assert {"figure_kappa", "comparison"} <= plan.keys()
    made = {"audit", "audited", "assess", "train", "error_budget", "conductivity", "verdict"}
    assert not made & plan.keys()


def test_a_foreign_audit_is_named_before_any_job(learned: Path) -> None:
    (learned / f"results/{ROUNDS[3]}/audit.json").write_text("{}")
    status, text = run(learned)
    assert status != 0
    assert "audit.json: not written by this workflow" in text
