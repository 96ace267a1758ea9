"""The axis of κ by every method: every point can be told from zero and has its error bar."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from umklapp.report.figures import comparison


@pytest.mark.parametrize(("smallest", "scale"), [(30.0, "linear"), (1.8, "log"), (-0.2, "linear")])
def test_values_far_apart_have_a_logarithmic_axis(smallest, scale, paths, monkeypatch):
    table = pd.DataFrame(
        {
            "method": ["RTA", "Green–Kubo", "experiment"],
            "kappa_W_per_mK": [46.5, smallest, 156.0],
            "error_W_per_mK": [4.8, 0.4, None],
            "error_is": ["total", "total", "as published"],
        }
    )
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (drawn.append(figure), save(figure, *a, **k))
    )
    comparison.draw(table, "Si-227", "advice", paths)
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == scale
    low, high = axes.get_xlim()
    assert low < smallest < 156.0 < high or (smallest < 0 and low == 0)
