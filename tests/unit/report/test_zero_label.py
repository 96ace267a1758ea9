"""Rows, problems and columns of a foundation model beside the κ of a campaign."""

import pytest
from baselines import MODEL, at, baseline

from umklapp.report import zero_label
from umklapp.report.comparison import COLUMNS
from umklapp.transport.baseline_record import CorrectedBaseline


def corrected(kappa, error, reason=None):
    learned = {
        "labels": 2, "labels_left_out": 0, "residual_before_eV_per_A": 0.01,
        "residual_after_eV_per_A": 0.001, "scales": [1.0, 1.0, 0.1], "noise_eV_per_A": 1e-4,
    }  # fmt: skip
    return CorrectedBaseline(
        material="NaCl-225", model=MODEL, mesh=[11] * 3, temperatures_K=[300.0],
        model_W_per_mK=[8.8], kappa_W_per_mK=None if kappa is None else [kappa],
        error_W_per_mK=None if error is None else [error], not_computed=reason, learned=learned,
        non_analytical=None,
    )  # fmt: skip


def test_every_number_says_functional_lattice_and_labels():
    record = baseline(
        at("of the campaign", 8.8), at("relaxed by the model (+3.0 % in volume)", 7.0)
    )
    table = zero_label.rows(record, corrected(8.4, 0.2))
    assert list(table.columns) == COLUMNS
    assert table["kappa_W_per_mK"].tolist() == [8.8, 7.0, 8.4]
    assert "(PBE), zero labels, lattice of the campaign" in table["method"][0]
    assert "+3.0 % in volume" in table["method"][1]
    assert "2 labels" in table["method"][2]
    assert table["error_W_per_mK"].isna().tolist() == [True, True, False]
    assert zero_label.problems(record, corrected(8.4, 0.2)) == []


def test_what_is_missing_says_why():
    record = baseline(at("of the campaign", None, "not dynamically stable: -1.0 THz"), None)
    words = zero_label.problems(record, corrected(None, None, "imaginary modes"))
    assert words[0].endswith("lattice of the campaign: not dynamically stable: -1.0 THz")
    assert "imaginary modes" in words[1]
    assert len(zero_label.rows(record, corrected(None, None, "imaginary modes"))) == 0


def test_columns_of_the_summary():
    record = baseline(at("of the campaign", 8.8), at("own", 7.0))
    columns = zero_label.columns(record, corrected(8.4, 0.2))
    assert columns["zero_label_kappa_300K_W_per_mK"] == pytest.approx(8.8)
    assert columns["zero_label_own_lattice_kappa_300K_W_per_mK"] == pytest.approx(7.0)
    assert columns["zero_label_corrected_error_W_per_mK"] == pytest.approx(0.2)
    assert columns["zero_label_stable"] is True
    assert zero_label.columns(None, None) == {}
