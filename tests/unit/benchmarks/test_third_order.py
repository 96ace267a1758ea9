"""Errors of a model's third order by shells."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk


@pytest.fixture
def third_order(root, monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    before = sys.modules.pop("panel", None)
    yield importlib.import_module("third_order")
    sys.modules.pop("third_order"), sys.modules.pop("panel")
    if before is not None:
        sys.modules["panel"] = before


def test_norm_error_and_slopes_of_known_errors(third_order):
    """One shell half as large again, one with an error orthogonal to the truth."""
    truth = np.zeros((3, 27))
    truth[0, 0], truth[1, 1], truth[2, 2] = 3.0, 4.0, 2.0
    model = truth.copy()
    model[:2] *= 1.5
    model[2, 5] = 1.0
    found = third_order.table(truth, model, pd.Series(["near", "near", "far"]))
    assert found.loc["near"].tolist() == pytest.approx([5.0, 0.5, 1.5, 0.667])
    assert found.loc["far"].tolist() == pytest.approx([2.0, 0.5, 1.0, 0.8])


def test_a_shell_is_a_diameter_and_a_composition(third_order):
    perfect = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    names = third_order.shells(SimpleNamespace(perfect=perfect), np.array([0]))
    n = len(perfect)
    assert len(names) == n * n
    near = int(np.flatnonzero(np.isclose(perfect.get_distances(0, range(n), mic=True), 2.8))[0])
    assert perfect[near].symbol == "Cl"
    assert names[near * n] == names[near] == " 2.80 Å NaNaCl"
    assert names[near * n + near] == " 2.80 Å NaClCl"
    assert names[0] == " 0.00 Å NaNaNa"
