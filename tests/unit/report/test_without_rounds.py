"""What people read of a material without rounds: κ, its ±, and that no events were searched."""

import numpy as np
import pandas as pd
import pytest
from stop_rules import baseline_of, stop_of

from umklapp.paths import Material
from umklapp.report import status, summary, without_rounds


def test_kappa_stands_beside_the_model_alone_and_experiment():
    table = without_rounds.rows(stop_of(), baseline_of())
    assert list(table["kappa_W_per_mK"]) == [12.0, 10.0, 13.0]
    assert "corrected by 2 labels" in table["method"][0]
    assert table["error_W_per_mK"][0] == pytest.approx(np.hypot(0.6, 0.8))
    assert pd.isna(table["error_W_per_mK"][1])
    assert list(without_rounds.sigmas(stop_of()).values()) == [0.12, 0.14]


def test_trust_is_said_of_a_done_material_only_and_events_were_not_searched():
    done, goes_on = without_rounds.advice(stop_of()), without_rounds.advice(stop_of(done=False))
    assert "trust the Boltzmann equation" in done
    assert "not searched: nearly harmonic by the model (σᴬ 0.12)" in done
    assert "sound" not in done
    assert goes_on.startswith("Trust none of these κ yet")


def test_problems_say_what_learning_would_move():
    problems = without_rounds.problems(stop_of(), baseline_of())
    assert any("would move by -0.3" in problem for problem in problems)
    assert not any("committee" in problem for problem in problems)


def test_the_row_has_no_rounds_and_no_verdict():
    row = without_rounds.summary(stop_of(), baseline_of())
    assert (row.rounds, row.labels, row.failed_labels, row.verdict) == (0, 8, 1, "not searched")
    assert row.kappa_300K_error_W_per_mK == pytest.approx(1.0)
    assert row.zero_label_kappa_300K_W_per_mK == 10.0
    text = summary.render(pd.DataFrame([row.columns()]))
    assert "12 ± 1" in text
    assert "not searched" in text
    with pytest.raises(ValueError, match="goes through the rounds"):
        without_rounds.summary(stop_of(done=False), baseline_of())


def test_status_has_the_keys_of_every_material(tmp_path):
    files = Material(str(tmp_path / "Si-227"))
    (tmp_path / "Si-227").mkdir()
    before = status.of_material(tmp_path / "Si-227", [], 4)
    stop_of().write(files.stop)
    after = status.of_material(tmp_path / "Si-227", [], 4)
    assert list(after) == list(before)
    assert (after["stage"], after["verdict"]) == ("report", "not searched")
    assert after["kappa_300K_error_W_per_mK"] == pytest.approx(1.0)
    (tmp_path / "Si-227/round_00").mkdir()
    assert status.of_material(tmp_path / "Si-227", [], 4)["verdict"] is None
