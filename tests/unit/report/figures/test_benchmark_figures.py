"""Figures of archived benchmarks: the means, bars and errors behind them; the archived tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umklapp.campaign import figure_files
from umklapp.report.figures import panel, strategies, tuning_benchmark

MODULES = {"strategies": strategies, "finetuning": tuning_benchmark, "panel": panel}


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
