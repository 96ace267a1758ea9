"""A campaign with an order: materials one after the other, and none that holds up another."""

from __future__ import annotations

from pathlib import Path

from instant_campaigns import CUI, SI, C, campaign, run

MODEL = {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}
ORDER = [C, SI, CUI]
"""By σᴬ from the names of the materials (crc32, the instant executor): 1.00, 0.64, 0.25."""


def ordered(folder: Path) -> None:
    """A campaign of three materials that are named in the opposite order."""
    campaign(folder, ORDER[::-1], foundation={"model": MODEL}, order={"by": "anharmonicity"})


def diary(path: Path) -> list[tuple[str, str]]:
    """Rule and material of every job, as they were done."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return [(rule, key) for rule, output in lines for key in ORDER if f"/{key}/" in output]


def test_the_most_anharmonic_is_labelled_first(tmp_path: Path) -> None:
    ordered(tmp_path)
    status, text = run(tmp_path, "--cores", "1", INSTANT_DIARY=str(tmp_path / "diary"))
    assert status == 0, text
    jobs = diary(tmp_path / "diary")
    ranks = [place for place, (rule, _) in enumerate(jobs) if rule == "rank"]
    labels = [place for place, (rule, _) in enumerate(jobs) if rule in ("label", "label_audit")]
    assert len(ranks) == 3
    assert max(ranks) < min(labels), "all baselines come before the first label"
    assert list(dict.fromkeys(jobs[place][1] for place in labels)) == ORDER
    done = {key: max(place for place in labels if jobs[place][1] == key) for key in ORDER}
    assert sorted(done, key=done.get) == ORDER, "the last label of one is before those of the next"


def test_a_material_without_a_baseline_holds_up_no_other(tmp_path: Path) -> None:
    ordered(tmp_path)
    status, _ = run(tmp_path, INSTANT_FAIL=f"baseline:.*{C}")
    assert status != 0
    assert (tmp_path / f"results/{SI}/summary.json").exists()
    assert (tmp_path / f"results/{CUI}/summary.json").exists()
    assert not (tmp_path / f"results/{C}/round_00").exists()


def test_an_order_that_is_added_later_makes_nothing_again(copy: Path) -> None:
    campaign(copy, [SI, C], foundation={"model": MODEL}, order={"by": "anharmonicity"})
    status, text = run(copy, INSTANT_DIARY=str(copy / "diary"))
    assert status == 0, text
    rules = {line.split()[0] for line in (copy / "diary").read_text().splitlines()}
    assert {"baseline", "rank"} <= rules
    assert not {"label", "train", "explore", "assess", "audit"} & rules
