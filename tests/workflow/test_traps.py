"""What Snakemake does behind one's back, trap by trap (docs/cluster.md), on the real Snakefile.

Si-227 is done in round 2, C-227 in round 1, CuI-216 in round 0 (campaigns.run).
"""

from __future__ import annotations

import re
import shutil
import zlib
from pathlib import Path

import pytest
import yaml
from instant_campaigns import CUI, ROOT, SI, C, campaign, planned, run, state

RULES = {path.name: path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))}
LAST_OF_4 = {each: zlib.crc32(each.encode()) % 4 for each in (SI, C)}


STUDY_RULES = ("figure_overview", "figure_campaign", "figure_study")
"""They read the table of materials."""


def test_materials_end_in_rounds_of_their_own(instant: Path) -> None:
    assert len(list((instant / f"results/{SI}").glob("round_*"))) == 3
    assert len(list((instant / f"results/{C}").glob("round_*"))) == 2
    assert (instant / "results/summary.csv").exists()


def test_trap_1_a_stale_result_does_not_hide_pending_rounds(copy: Path) -> None:
    """κ exists, the verdict is made again and wants more: the new round must be planned."""
    campaign(copy, [SI, C], rounds={"max": 4, "kappa_change": 0.001})
    before = state(copy, f"{C}/round_00/labels", f"{C}/structure", f"{SI}/round_01/member_0")
    status, text = run(copy, rounds=4)  # C-227 is done in round 3 of these, Si-227 in round 1
    assert status == 0, text
    assert (
        state(copy, f"{C}/round_00/labels", f"{C}/structure", f"{SI}/round_01/member_0") == before
    )
    assert len(list((copy / f"results/{C}").glob("round_*/assessment.json"))) == LAST_OF_4[C] + 1
    for each in (SI, C):
        last = copy / f"results/{each}/round_{LAST_OF_4[each]:02d}/assessment.json"
        kappa = copy / f"results/{each}/conductivity.json"
        assert kappa.stat().st_mtime_ns > last.stat().st_mtime_ns


def test_trap_2_materials_do_not_wait_for_each_other(tmp_path: Path) -> None:
    campaign(tmp_path, [SI, C, CUI])
    status, text = run(tmp_path, "--dry-run")
    assert status == 0, text
    assert planned(text)["structure"] == 3
    assert planned(text)["assess"] == 3
    status, _ = run(tmp_path, INSTANT_FAIL=f"label:.*{SI}/round_00", rounds=3)
    assert status != 0
    assert (tmp_path / f"results/{C}/summary.json").exists()
    assert (tmp_path / f"results/{CUI}/summary.json").exists()
    assert not (tmp_path / f"results/{SI}/round_01").exists()
    assert run(tmp_path, rounds=3)[0] == 0
    assert (tmp_path / "results/summary.csv").exists()


def test_trap_3_a_verdict_made_again_restarts_no_round(copy: Path) -> None:
    before = state(
        copy, *(f"{SI}/round_{n:02d}/member_0" for n in range(3)), f"{C}/round_01/labels"
    )
    campaign(copy, [SI, C], rounds={"max": 4, "kappa_change": 0.2})
    status, text = run(copy)
    assert status == 0, text
    assert text.count("rule assess") + text.count("Updating checkpoint") >= 5
    after = state(copy, *(f"{SI}/round_{n:02d}/member_0" for n in range(3)), f"{C}/round_01/labels")
    assert after == before
    assert "Nothing to be done" in run(copy, "--dry-run")[1]


def test_trap_4_and_6_no_temp_and_no_update() -> None:
    """Both lose files of a workflow with checkpoints."""
    for name, text in RULES.items():
        assert not re.search(r"\b(temp|update|pipe)\(", text), name


def test_trap_5_a_dry_run_shows_the_next_round_only(tmp_path: Path) -> None:
    campaign(tmp_path, [SI])
    run(tmp_path, INSTANT_FAIL="train:.*round_01", rounds=3)
    status, text = run(tmp_path, "--dry-run")
    assert status == 0
    plan = planned(text)
    assert plan["train"] == 2
    assert "structure" not in plan
    assert "conductivity" not in plan


def test_trap_7_an_equal_file_triggers_nothing(copy: Path) -> None:
    for name in ("structure/primitive.extxyz", "seeds/train.extxyz"):
        (copy / f"results/{SI}/{name}").touch()
    assert "Nothing to be done" in run(copy, "--dry-run")[1]
    (copy / f"results/{SI}/seeds/train.extxyz").write_text("other\n")
    plan = planned(run(copy, "--dry-run")[1])
    assert plan["train"] == 2, "the first round; the others follow after its verdict"
    assert "structure" not in plan


def test_a_dry_run_of_stale_rounds_shows_all_of_them(copy: Path) -> None:
    """No verdict holds: the rounds that may be made again are planned, the run itself takes one."""
    campaign(copy, [SI], rounds={"max": 4, "kappa_change": 0.05})
    (copy / f"results/{SI}/seeds/train.extxyz").write_text("other\n")
    plan = planned(run(copy, "--dry-run")[1])
    assert plan["train"] == 2 * 3
    assert plan["assess"] == 3


def test_trap_8_attempt_is_in_resources_only() -> None:
    """Rules ask for resources by functions of the library, which alone know the attempt."""
    for name, text in RULES.items():
        assert "attempt" not in text, name


def test_trap_9_only_the_end_of_the_rounds_is_open() -> None:
    """Every checkpoint costs a walk over the graph; `rank` and `stop` need their own sections."""
    text = "".join(RULES.values())
    assert sorted(re.findall(r"^ *checkpoint (.*):", text, re.M)) == [
        *("assess", "audit", "rank", "stop"),
    ]


def test_trap_10_a_new_table_reruns_nobody(copy: Path) -> None:
    table = copy / "table.csv"
    shutil.copy(ROOT / "config/materials.csv", table)
    campaign(copy, [SI, C])
    settings = yaml.safe_load((copy / "config.yaml").read_text())
    settings["materials"]["table"] = "table.csv"
    (copy / "config.yaml").write_text(yaml.safe_dump(settings))
    status, text = run(copy)  # another path is another input, once
    assert status == 0, text
    table.write_text(table.read_text() + "XeF2-999,XeF2,139,none,3" + "," * 17 + "\n")
    plan = planned(run(copy, "--dry-run")[1])
    assert plan.keys() <= {*STUDY_RULES, "all", "total"}


def test_retries_are_asked_for_in_the_main_process_only() -> None:
    """A number in a profile, or a plain one in a rule, multiplies on Slurm."""
    for name, text in RULES.items():
        assert all(
            line.strip() == "retries: tries()" for line in text.splitlines() if "retries:" in line
        ), name
    for path in (ROOT / "profiles").rglob("*.yaml"):
        assert not re.search(r"^(retries|restart-times)\s*:", path.read_text(), re.M), path


def test_profiles_do_not_override_each_other() -> None:
    """profiles/default wins over --profile key by key."""
    default = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    slurm = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    assert not set(default) & set(slurm)
    assert "code" not in default["rerun-triggers"]
    assert "slurm-array-jobs" not in slurm


@pytest.mark.parametrize("option", ["--batch=all=1/2", "--slurm-array-jobs=all"])
def test_options_that_lose_results_are_refused(tmp_path: Path, option: str) -> None:
    campaign(tmp_path, [SI])
    status, text = run(tmp_path, option)
    assert status != 0
    assert "must not be used here" in text or "unrecognized arguments" in text


def test_config_on_the_command_line_is_checked(tmp_path: Path) -> None:
    campaign(tmp_path, [SI])
    status, text = run(tmp_path, "--dry-run", "--config", "rounds={max: six}")
    assert status != 0
    assert "rounds.max" in text


def test_a_foreign_verdict_is_named_before_any_job(copy: Path) -> None:
    (copy / f"results/{SI}/round_00/assessment.json").write_text("{}")
    status, text = run(copy)
    assert status != 0
    assert "not written by this workflow" in text


def test_a_full_disk_is_named_before_any_job(tmp_path: Path) -> None:
    campaign(tmp_path, [SI], resources={"min_free_disk": 1e9})
    status, text = run(tmp_path)
    assert status != 0
    assert "resources.min_free_disk" in text
    assert not (tmp_path / "results").exists()
