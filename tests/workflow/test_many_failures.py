"""A campaign in which materials fail: the others end, and the summary says which is which."""

from __future__ import annotations

import zlib
from pathlib import Path

import pandas as pd
import pytest
from instant_campaigns import CUI, ROOT, SI, C, campaign, run

from umklapp.report import summary

RULES = ("structure", "train", "explore", "assess", "conductivity")


def failing_jobs(keys: list[str]) -> str:
    """A regular expression of one job of every material, of a stage that its name decides."""
    rules = [RULES[zlib.crc32(key.encode()) % len(RULES)] for key in keys]
    return "|".join(f"{rule}:.*/{key}/" for rule, key in zip(rules, keys, strict=True))


def check(folder: Path, monkeypatch: pytest.MonkeyPatch, keys: list[str], failing: list[str]):
    status, text = run(
        folder, "summary", "--keep-going", rounds=2, INSTANT_FAIL=failing_jobs(failing)
    )
    assert status != 0
    monkeypatch.chdir(folder)
    told = summary.run(Path("config.yaml"))
    rows = told.split("why the rounds ended")[0]
    done = [key for key in keys if key not in failing]
    assert [key for key in keys if f" {key} " in f" {rows} ".replace("\n", " ")] == done
    assert f"without a result: {len(failing)} of {len(keys)} materials" in told
    assert f"({', '.join(failing)})" in told
    for key in done:
        assert (folder / f"results/{key}/summary.json").exists(), text[-2000:]


def test_the_summary_has_what_is_done_and_names_what_has_failed(tmp_path, monkeypatch):
    campaign(tmp_path, [SI, C, CUI])
    check(tmp_path, monkeypatch, [SI, C, CUI], [C])


@pytest.mark.physics  # not physics, but minutes
def test_a_tenth_of_122_materials_fails(tmp_path, monkeypatch):
    table = pd.read_csv(ROOT / "config/materials.csv", dtype=str, keep_default_na=False)
    keys = table["material"].tolist()[:122]
    assert len(keys) == 122
    campaign(tmp_path, keys)
    check(tmp_path, monkeypatch, keys, keys[5::10])
