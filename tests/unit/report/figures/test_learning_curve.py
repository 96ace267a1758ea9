"""Errors round by round: the table behind the figure, and its picture."""

import numpy as np
import pytest
import stored_results
from assessments import assessment
from figure_files import look, share, through_csv

from umklapp.report.figures import learning_curve, style
from umklapp.report.history import Round


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


@pytest.mark.parametrize("new", [(0.051, None, 0.024), (0.05,), (None, None)])
def test_learning_curve_figure(paths, new):
    learning_curve.draw(learning_curve.table(rounds(new)), "Si-227", paths)
    pixels = look(paths, 3.5, 2.8)
    assert share(pixels, style.BLUE) > 0.0005
    assert share(pixels, style.ORANGE) > 0.0001
