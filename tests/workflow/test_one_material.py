"""Shards, and one material at a time: what is rerun, and that nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from instant_campaigns import CUI, SI, C, campaign, planned, run, state


def test_a_new_material_runs_alone(copy: Path) -> None:
    before = state(copy, SI, C, "figures")
    campaign(copy, [SI, C, CUI])
    status, text = run(copy)
    assert status == 0, text
    assert (copy / f"results/{CUI}/summary.json").exists()
    assert {
        path: found for path, found in state(copy, SI, C, "figures").items() if path in before
    } == before | {
        path: found for path, found in state(copy, "figures/overview").items() if path in before
    }


def test_a_removed_material_breaks_nothing_and_stays_on_disk(copy: Path) -> None:
    before = state(copy, SI, C)
    campaign(copy, [SI])
    status, text = run(copy)
    assert status == 0, text
    assert planned(text).keys() <= {"summary", "figure_campaign", "figure_study", "all", "total"}
    assert state(copy, SI, C) == before


def test_one_material_from_a_named_round(copy: Path) -> None:
    """What follows from the round is made again (as far as files differ), nothing else."""
    others = state(copy, C, f"{SI}/structure", f"{SI}/seeds", f"{SI}/round_00")
    later = state(copy, f"{SI}/round_01", f"{SI}/round_02")
    status, text = run(copy, f"only_{SI}", "--forcerun", f"results/{SI}/round_01/dataset.extxyz")
    assert status == 0, text
    assert state(copy, C, f"{SI}/structure", f"{SI}/seeds", f"{SI}/round_00") == others
    now = state(copy, f"{SI}/round_01", f"{SI}/round_02")
    assert now.keys() == later.keys()
    assert not [path for path in later if now[path][1] <= later[path][1]], "all of them are newer"


def test_one_material_from_a_named_stage(copy: Path) -> None:
    """The analysis alone, with the row of the summary: rounds stay."""
    before = state(copy, C, f"{SI}/round_00", f"{SI}/round_01", f"{SI}/round_02", f"{SI}/seeds")
    made = [copy / f"results/{SI}/{name}.json" for name in ("conductivity", "summary")]
    old = max(path.stat().st_mtime_ns for path in made)
    status, text = run(copy, f"only_{SI}", "--forcerun", f"results/{SI}/model/committee.json")
    assert status == 0, text
    after = state(copy, C, f"{SI}/round_00", f"{SI}/round_01", f"{SI}/round_02", f"{SI}/seeds")
    assert after == before
    assert all(path.stat().st_mtime_ns > old for path in made)


def test_shards_make_what_one_run_makes(instant: Path, tmp_path: Path) -> None:
    campaign(tmp_path, [SI, C])
    status, text = run(tmp_path, "--config", "shard=1/2")
    assert status != 0
    assert "snakemake engines" in text
    assert run(tmp_path, "engines")[0] == 0
    for shard in ("1/2", "2/2"):
        status, text = run(tmp_path, "--config", f"shard={shard}")
        assert status == 0, text
        assert not (tmp_path / "results/summary.csv").exists()
    status, text = run(tmp_path, "summary", "--dry-run", "--config", "shard=0/2")
    assert planned(text) == {"summary": 1, "total": 1}
    made = {path.removeprefix(str(tmp_path)) for path in state(tmp_path, SI, C)}
    whole = {path.removeprefix(str(instant)) for path in state(instant, SI, C)}
    assert made == whole
    assert "Nothing to be done" not in run(tmp_path, "--dry-run")[1], "the joint table is missing"


def test_join_follows_the_configuration(tmp_path: Path) -> None:
    from umklapp.report.summary import joined

    pd.DataFrame({"material": ["b", "(shared)"], "x": [1, 9]}).to_csv(
        tmp_path / "1.csv", index=False
    )
    pd.DataFrame({"material": ["a", "(shared)"], "x": [2, 9]}).to_csv(
        tmp_path / "2.csv", index=False
    )
    table = joined([tmp_path / "1.csv", tmp_path / "2.csv"], ["a", "b"])
    assert table["material"].tolist() == ["a", "b", "(shared)"]
