"""Errors round by round: the table behind the figure, and its picture."""

import numpy as np
import pytest
import stored_results
from assessments import assessment
from figure_files import look, share, through_csv

from umklapp.report.figures import learning_curve, style
from umklapp.report.history import Round
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.kappa_records import KappaNumbers


def rounds(new=(0.051, None, 0.024)):
    """Three rounds of history.json."""
    return [
        Round(
            committee=stored_results.committee(
                frames={"train": 20 + 8 * n}, test={"force_mae_eV_per_A": 0.04 / (n + 1)}
            ),
            assessment=assessment(n, met=False, force=value),
        )
        for n, value in enumerate(new)
    ]


def test_learning_curve_table(tmp_path):
    data = through_csv(learning_curve.table(rounds()), tmp_path)
    assert data["round"].tolist() == [0, 1, 2]
    assert data["training_labels"].tolist() == [20, 28, 36]
    assert data["test_force_mae_eV_per_A"].tolist() == [0.04, 0.02, 0.04 / 3]
    assert data["wanted_eV_per_A"].tolist() == [0.03] * 3
    assert np.isnan(data["new_label_force_mae_eV_per_A"][1])
    assert data["new_label_force_mae_eV_per_A"][2] == 0.024


def with_kappa(members):
    return [
        one.model_copy(update={"kappa_members_W_per_mK": values})
        for one, values in zip(rounds(), members, strict=True)
    ]


def baseline(kappa):
    """baseline.json, as far as it is read: κ(300 K) at the lattice of the campaign."""
    numbers = KappaNumbers.model_construct(temperatures_K=[300.0], kappa_W_per_mK=[kappa])
    return Baseline.model_construct(given=BaselineAtLattice.model_construct(kappa=numbers))


def test_kappa_of_the_rounds_beside_the_foundation_model(paths, tmp_path):
    """Mean and sample deviation over the members; none where a member has no κ."""
    curve = with_kappa([[8.0, 10.0], [None, 9.0], [9.5]])
    data = through_csv(learning_curve.table(curve, baseline(8.76)), tmp_path)
    assert data["kappa_300K_W_per_mK"][0] == 9.0
    assert data["kappa_std_W_per_mK"][0] == pytest.approx(np.sqrt(2))
    assert data["kappa_300K_W_per_mK"].isna().tolist() == [False, True, False]
    assert data["kappa_std_W_per_mK"].isna().tolist() == [False, True, True], "one member"
    assert data["zero_label_kappa_W_per_mK"].tolist() == [8.76] * 3
    learning_curve.draw(data, "Si-227", paths)
    look(paths, 3.5, 4.6)
    assert learning_curve.table(rounds())["kappa_300K_W_per_mK"].isna().all()


@pytest.mark.parametrize("new", [(0.051, None, 0.024), (0.05,), (None, None)])
def test_learning_curve_figure(paths, new):
    learning_curve.draw(learning_curve.table(rounds(new)), "Si-227", paths)
    pixels = look(paths, 3.5, 2.8)
    assert share(pixels, style.BLUE) > 0.0005
    assert share(pixels, style.ORANGE) > 0.0001
