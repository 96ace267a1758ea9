"""Overview figures: the published law, the table behind them, and that they are drawn."""

import time

import numpy as np
import pandas as pd
import pytest

from umklapp.report.figures import overview


@pytest.fixture
def data(root):
    return overview.table(root / "config/materials.csv")


def test_published_law_describes_the_published_experiments(data):
    # its authors give a correlation of 0.97 for simple crystals; here are all families
    known = data.dropna(subset=["sigma_A", "kappa_experiment_W_per_mK"])
    ratio = known["kappa_experiment_W_per_mK"] / known["kappa_power_law_W_per_mK"]
    assert len(known) > 45
    assert np.median(ratio) == pytest.approx(1.0, rel=0.35)
    logs = np.log(known[["sigma_A", "kappa_experiment_W_per_mK"]].to_numpy())
    assert np.corrcoef(logs.T)[0, 1] < -0.8
    assert overview.power_law(np.array([0.18]))[0] == pytest.approx(0.02 * 0.18**-4.8)


def test_rows_of_known_materials(data):
    rows = data.set_index("material")
    assert len(rows) == 122
    assert rows.loc["CuI-216", "rare_event"]
    assert not rows.loc["MgO-225", "rare_event"]
    assert rows.loc["MgO-225", "family"] == "rock salt"
    assert rows.loc["AgGaSe2-122", "family"] == "chalcopyrite"
    assert rows.loc["SnSe-62", "family"] == "other"
    assert rows.loc["SnSe-62", "kappa_experiment_W_per_mK"] == pytest.approx((0.6 + 1 + 1.3) / 3)
    assert set(data["family"]) == set(overview.GROUPS)


def test_a_table_without_literature_is_drawn_too(tmp_path):
    """One's own crystals, with the columns that a table must have: points of the campaign alone."""
    path = tmp_path / "own.csv"
    path.write_text(
        "material,formula,space_group,prototype,n_primitive\nX-225,NaCl,225,rock salt,2\n"
    )
    data = overview.table(path)
    assert data["sigma_A"].isna().all()
    assert not data["rare_event"].any()
    summary = pd.DataFrame({"material": ["X-225"], "kappa_300K_W_per_mK": [8.0]})
    own = overview.own_results(summary.assign(kappa_300K_error_W_per_mK=0.1, sigma_A=0.2), data)
    paths = [tmp_path / "law.png", tmp_path / "own.png", tmp_path / "screening.png"]
    overview.draw_law(data, paths[:1])
    overview.draw_law(data, paths[1:2], own)
    overview.draw_screening(data, paths[2:])
    assert own["sigma_A"].tolist() == [0.2]
    assert all(each.stat().st_size > 5000 for each in paths)


def test_own_results_take_their_own_anharmonicity_first(data):
    summary = pd.DataFrame(
        {
            "material": ["NaCl-225", "MgO-225", "CuI-216"],
            "sigma_A": [0.31, np.nan, 0.4],
            "kappa_300K_W_per_mK": [8.1, 55.0, np.nan],
            "kappa_300K_error_W_per_mK": [0.4, np.nan, np.nan],
        }
    )
    own = overview.own_results(summary, data).set_index("material")
    assert list(own.index) == ["NaCl-225", "MgO-225"]
    assert own.loc["NaCl-225", "sigma_A"] == 0.31
    published = data.set_index("material").loc["MgO-225", "sigma_A"]
    assert own.loc["MgO-225", "sigma_A"] == published
    assert own.loc["MgO-225", "error_W_per_mK"] == 0


def test_figures_are_drawn_in_well_under_a_minute(data, tmp_path):
    paths = [tmp_path / "law.png", tmp_path / "screening.pdf"]
    began = time.process_time()
    overview.draw_law(data, paths[:1])
    overview.draw_screening(data, paths[1:])
    assert all(path.stat().st_size > 5000 for path in paths)
    assert time.process_time() - began < 60
