"""Figures of the study: numbers behind them, their errors, and what is left out."""

import math

import numpy as np
import pandas as pd
import pytest

from umklapp.learning.events.event_record import Anharmonicity
from umklapp.learning.events.evidence import Evidence
from umklapp.learning.events.moves import Move
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures import event_share, flagged, kappa_parity, sigma_parity, spent


def event(duration):
    """An event in which an atom left its site; duration in fs."""
    return Event(
        replica=0, start=0.0, end=duration, peak=1.0, mean=0.8, moves=(Move.model_construct(),)
    )


def observation(*durations, quiet=90.0):
    return Observation(events=tuple(map(event, durations)), quiet_ps=quiet, replicas=1)


def sigma(value, atoms=64):
    return Anharmonicity(value=value, error=0.02, atoms=atoms, least_atoms=60)


@pytest.fixture
def verdicts():
    piece = Evidence(
        name="rates", points_to="missed event", test="t", sentence="it comes 9 times as often",
        needs="40 ps of reference",
    )  # fmt: skip
    return {
        "NaCl-225": Verdict(
            verdict="sound", reason="sound: quiet", before=observation(), after=observation(),
            sigma={"before": sigma(0.2), "after": sigma(0.3, atoms=8)},
        ),
        "CuI-216": Verdict(
            verdict="missed event", reason="missed event: x", evidence=(piece,),
            reference=observation(2000.0, 8000.0), before=observation(),
            after=observation(6000.0), sigma={"before": sigma(0.3), "after": sigma(0.5)},
        ),
        "Xx-1": Verdict(verdict="undecided", reason="undecided: no dynamics"),
    }  # fmt: skip


@pytest.fixture
def summary():
    return pd.DataFrame(
        {
            "material": ["NaCl-225", "CuI-216", "Xx-1"],
            "kappa_300K_W_per_mK": [8.0, 6.0, math.nan],
            "kappa_300K_error_W_per_mK": [0.5, 1.0, math.nan],
            "kappa_green_kubo_W_per_mK": [math.nan, 0.9, math.nan],
            "kappa_green_kubo_error_W_per_mK": [math.nan, 0.1, math.nan],
            "sigma_A": [0.36, 0.5, math.nan],
            "audit": ["passed", "failed", "not audited"],
            "converged": [True, False, False],
            "core_hours": [3.0, 30.0, math.nan],
            "gpu_hours": [0.0, 0.0, 0.0],
            "labels": [39, 80, 0],
            "failed_labels": [0, 3, 0],
        }
    )


def test_share_of_time_and_its_error(verdicts):
    """Two events of 2 and 8 ps in 100 ps: 10 %, with an error of sqrt(4 + 64) / 100."""
    table = event_share.table(verdicts).set_index(["material", "source"])
    row = table.loc[("CuI-216", "reference")]
    assert row["share"] == pytest.approx(0.1)
    assert row["error"] == pytest.approx(math.sqrt(68) / 100)
    assert (row["events"], row["dynamics_ps"]) == (2, pytest.approx(100.0))
    assert math.isnan(table.loc[("CuI-216", "before"), "error"])
    assert ("Xx-1", "before") not in table.index


def test_the_error_of_a_share_is_that_of_repeated_dynamics():
    """Poisson events with exponential dwell times, drawn 1000 times."""
    generator = np.random.default_rng(1)
    shares, errors = [], []
    for _ in range(1000):
        durations = 1000.0 + generator.exponential(1000.0, generator.poisson(20))
        drawn = observation(*durations, quiet=400.0 - durations.sum() / 1000)
        shares.append(drawn.share())
        errors.append(event_share.share_error(drawn))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(shares), rel=0.08)


def test_sigma_of_small_cells_has_no_point(verdicts, root):
    table = sigma_parity.table(verdicts, root / "config/materials.csv").set_index("material")
    row = table.loc["NaCl-225"]
    assert (row["sigma_before"], row["error_before"]) == (0.2, 0.02)
    assert math.isnan(row["sigma_after"])
    assert "8 atoms" in row["not_reported"]
    assert table.loc["CuI-216", "sigma_after"] == 0.5
    assert table.loc["CuI-216", "sigma_published"] > 0.3
    assert math.isnan(table.loc["Xx-1", "sigma_published"])


def test_flagged_materials_come_first_with_their_evidence(verdicts, summary):
    table = flagged.table(verdicts, summary)
    assert table["material"].tolist() == ["CuI-216", "Xx-1", "NaCl-225"]
    first = table.iloc[0]
    assert (first["evidence"], first["needs"]) == (
        "it comes 9 times as often", "40 ps of reference",
    )  # fmt: skip
    assert (first["audit"], first["converged"]) == ("failed", "no")
    assert table.iloc[1]["evidence"] == "undecided: no dynamics"
    old = flagged.table(verdicts, summary.drop(columns=["audit"]))
    assert set(old["audit"]) == {"not audited"}


def test_kappa_beside_the_mean_of_the_experiments(summary, root):
    table = kappa_parity.table(summary, root / "config/materials.csv")
    rows = table.set_index(["material", "method"])
    row = rows.loc[("NaCl-225", "boltzmann")]
    assert (row["kappa_W_per_mK"], row["error_W_per_mK"], row["of"]) == (8.0, 0.5, "experiment")
    assert row["published_W_per_mK"] == pytest.approx(np.mean([6.0, 6.06, 6.57, 6.9, 7.1]))
    law = rows.loc[("NaCl-225", "power_law"), "kappa_W_per_mK"]
    assert law == pytest.approx(0.02 * 0.36**-4.8)
    assert ("NaCl-225", "green_kubo") not in rows.index
    assert "Xx-1" not in set(table["material"])
    assert set(table["no_result"]) == {""}


def test_green_kubo_of_a_cell_that_is_too_small_is_marked(summary, root, tmp_path):
    doubts = {"CuI-216": "its cell of 8 atoms is smaller than asked"}
    table = kappa_parity.table(summary, root / "config/materials.csv", doubts)
    marked = table[table["no_result"] != ""]
    assert marked[["material", "method"]].values.tolist() == [["CuI-216", "green_kubo"]]
    kappa_parity.draw(table, [tmp_path / "marked.png"])
    assert (tmp_path / "marked.png").exists()


def test_the_dearest_material_comes_first(summary):
    table = spent.table(summary)
    assert table["material"].tolist() == ["CuI-216", "NaCl-225", "Xx-1"]
    old = summary.drop(columns=["core_hours", "gpu_hours"])
    assert spent.table(old)["core_hours"].isna().all()


def test_all_are_drawn_also_of_nothing(verdicts, summary, root, tmp_path):
    table = root / "config/materials.csv"
    made = {
        sigma_parity: sigma_parity.table(verdicts, table),
        event_share: event_share.table(verdicts),
        flagged: flagged.table(verdicts, summary),
        kappa_parity: kappa_parity.table(summary, table),
        spent: spent.table(summary),
    }
    for module, data in made.items():
        for name, rows in (("all", data), ("none", data.iloc[:0])):
            path = tmp_path / f"{module.__name__}_{name}.png"
            module.draw(rows, [path])
            assert path.stat().st_size > 2000


@pytest.mark.parametrize("module", [sigma_parity, kappa_parity])
def test_a_comparison_without_points_says_so(module, verdicts, summary, root, monkeypatch):
    """A campaign of materials without published values."""
    table, shown = root / "config/materials.csv", []
    monkeypatch.setattr(module, "save", lambda figure, paths: shown.append(figure))
    data = module.table(verdicts if module is sigma_parity else summary, table)
    for rows in (data[data["material"] == "Xx-1"], data):
        module.draw(rows, [])
    said = [[text.get_text() for text in figure.axes[0].texts] for figure in shown]
    assert said[0] == ["no material has both values"]
    assert "no material has both values" not in said[1]
    assert [len(figure.legends) for figure in shown] == [0, 1]
