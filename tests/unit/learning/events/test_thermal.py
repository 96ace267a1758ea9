"""Thermal energies against the canonical ensemble of oscillators."""

import numpy as np
import pytest
from ase import units
from hypothesis import given
from hypothesis import strategies as st

from umklapp.learning.events import thermal


def test_equipartition_is_what_sampled_oscillators_have():
    """V = Σ x²/2 with x² ~ kT: a Gamma distribution."""
    thermal_energy = units.kB * 600
    draws = np.random.default_rng(0).normal(size=(20000, 3 * 59)) ** 2 * thermal_energy / 2
    found = thermal.equipartition(60, 600.0)
    assert found.mean == pytest.approx(draws.sum(axis=1).mean(), rel=0.005)
    assert found.spread == pytest.approx(draws.sum(axis=1).std(), rel=0.02)
    assert 1e3 * found.mean / 60 == pytest.approx(76.3, abs=0.1)
    assert 1e3 * found.spread / 60 == pytest.approx(8.1, abs=0.1)


def test_a_collapsed_lattice_does_not_raise_what_is_allowed():
    harmonic = thermal.equipartition(60, 600.0)
    high = np.full(100, 3 * harmonic.mean)
    assert thermal.measured(high, 60, 600.0, "x") == harmonic
    few = np.full(5, harmonic.mean)
    assert thermal.measured(few, 60, 600.0, "x").source == "equipartition"
    quiet = np.random.default_rng(0).normal(0.95 * harmonic.mean, harmonic.spread / 9, 50)
    found = thermal.measured(quiet, 60, 600.0, "dynamics")
    assert found.mean == pytest.approx(0.95 * harmonic.mean, rel=0.02)
    assert found.spread == harmonic.spread  # a short series does not know its own
    assert found.source == "50 quiet frames of dynamics"


@given(st.integers(2, 500), st.floats(50, 1500))
def test_the_temperature_of_thermal_energies_is_theirs(atoms, temperature):
    mean = thermal.equipartition(atoms, temperature).mean
    assert thermal.temperature_of(np.full(10, mean - 3.0), -3.0, atoms) == pytest.approx(
        temperature
    )


def test_the_nearest_temperature_is_the_same_or_none():
    assert thermal.nearest(310.0, [300.0, 600.0]) == 300.0
    assert thermal.nearest(450.0, [300.0, 600.0]) is None
    assert thermal.nearest(None, [300.0]) is None
    assert thermal.nearest(300.0, []) is None
