"""Figures of archived benchmarks: the means, bars and errors behind them; the archived tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umklapp.campaign import figure_files
from umklapp.report.figures import panel, strategies, tuning_benchmark, zero_label

MODULES = {
    "strategies": strategies,
    "finetuning": tuning_benchmark,
    "panel": panel,
    "zero_label": zero_label,
}


def test_strategies_are_means_over_seeds():
    runs = pd.DataFrame(
        {"system": "bed", "strategy": ["ours", "ours", "random"], "seed": [0, 1, 0], "round": 0,
         "labels": [8, 10, 8], "event_force_mae": [0.1, 0.3, 0.5]}
    )  # fmt: skip
    data = strategies.table({"bed": runs}).set_index("strategy")
    assert data.loc["ours", ["seeds", "labels"]].tolist() == [2, 9]
    assert data.loc["ours", "event_force_mae_eV_per_A"] == pytest.approx(0.2)
    assert data.loc["ours", "std_eV_per_A"] == pytest.approx(0.2 / np.sqrt(2))
    assert np.isnan(data.loc["random", "std_eV_per_A"]), "of one seed"


def test_errors_of_fine_tuning_are_relative_to_the_reference():
    run = {"budget": 6, "draw": 0, "way": "curvature", "fc2_mae_eV_per_A2": 0.002,
           "omega_max_THz": 7.8, "ref_omega_max_THz": 8.0, "force_mae_meV_per_A": 1.5}  # fmt: skip
    data = tuning_benchmark.table({"phonon_finetuning_nacl": pd.DataFrame([run])})
    assert set(data["crystal"]) == {"NaCl, VASP, 64 atoms"}
    values = data.set_index("quantity")["value"]
    assert values.to_dict() == pytest.approx(
        {"fc2_mae_eV_per_A2": 2.0, "omega_max_THz": 2.5, "force_mae_meV_per_A": 1.5}
    ), "no κ: no third-order reference"


def test_the_panel_has_errors_in_percent_with_their_standard_error():
    row = {"crystal": "NaCl", "method": "taylor", "labels": 2, "kappa_dft": 10.0}
    runs = pd.DataFrame([{**row, "kappa": 11.0}, {**row, "kappa": 9.7}])
    data = panel.table({"panel": runs}).iloc[0]
    assert data["error_percent"] == pytest.approx(6.5)
    assert data["standard_error_percent"] == pytest.approx(np.std([10, 3], ddof=1) / np.sqrt(2))
    assert data["draws"] == 2
    assert data[["kappa_srme", "displaced_atoms"]].isna().all(), "of a table without modes"
    modes = panel.table({"panel": runs.assign(kappa_srme=[0.02, 0.06])}).iloc[0]
    assert modes["kappa_srme"] == pytest.approx(0.04)
    assert modes["standard_error_srme"] == pytest.approx(0.02)
    assert panel.table({"panel": runs.assign(displaced_atoms=2)}).iloc[0]["displaced_atoms"] == 2


def crystal(**columns):
    """A row of benchmarks/results/zero_label.csv."""
    numbers = {"own_kappa_300K_W_per_mK": 2.0, "table_kappa_300K_W_per_mK": 3.0}
    published = {"kappa_dft_W_per_mK": 4.0, "kappa_experiment_W_per_mK": 6.0,
                 "kappa_experiment_lowest_W_per_mK": 5.0, "kappa_experiment_highest_W_per_mK": 8.0,
                 "kappa_green_kubo_W_per_mK": np.nan}  # fmt: skip
    row = {"material": "CuI-216", "model": "m", "born_charges": True, "failure": np.nan}
    return {**row, **numbers, **published, **columns}


def test_every_published_value_has_the_lattice_it_belongs_to():
    data = zero_label.table({"zero_label": pd.DataFrame([crystal()])}).set_index("truth")
    assert list(data.index) == ["dft", "experiment"]
    assert data.loc["dft", ["lattice", "kappa_W_per_mK"]].tolist() == ["own", 2.0]
    assert data.loc["experiment", ["lattice", "kappa_W_per_mK"]].tolist() == ["table", 3.0]
    ends = data.loc["experiment", ["published_lowest_W_per_mK", "published_highest_W_per_mK"]]
    assert ends.tolist() == [5.0, 8.0]
    assert (data["no_result"] == "").all()


def test_a_crystal_without_kappa_stays_with_its_reason():
    unstable = crystal(
        own_kappa_300K_W_per_mK=np.nan, failure="not stable", kappa_dft_W_per_mK=np.nan
    )
    unknown = {"material": "PuO2-225", "model": "m", "failure": "no Pu"}
    data = zero_label.table({"zero_label": pd.DataFrame([unstable, unknown])})
    kept = data[data["no_result"] != ""][["material", "truth", "lattice"]].to_numpy().tolist()
    assert kept == [["CuI-216", "", "own"], ["PuO2-225", "", "own"], ["PuO2-225", "", "table"]]
    assert zero_label.no_results(data)[0] == "no κ: CuI-216, the model's own lattice: not stable"


def test_a_long_list_without_kappa_is_counted():
    rows = [crystal(material=f"X-{n}", own_kappa_300K_W_per_mK=np.nan, failure="no")
            for n in range(zero_label.LONGEST_LIST + 3)]  # fmt: skip
    lines = zero_label.no_results(zero_label.table({"zero_label": pd.DataFrame(rows)}))
    assert len(lines) == zero_label.LONGEST_LIST + 1
    assert lines[-1] == "and 3 more, in the csv"


@pytest.mark.parametrize("name", MODULES)
def test_the_archived_tables_are_drawn_and_so_is_nothing(name, root, monkeypatch, tmp_path):
    monkeypatch.chdir(root)
    tables = {Path(path).stem: pd.read_csv(path) for path in figure_files.tables(name)}
    if name != "panel":  # made by a benchmark that needs files from elsewhere
        assert tables
    module = MODULES[name]
    for which, archived in (("all", tables), ("none", {})):
        path = tmp_path / f"{name}_{which}.png"
        module.draw(
            module.table({p.rpartition("/")[2][:-4]: t for p, t in archived.items()}), [path]
        )
        assert path.stat().st_size > 2000
