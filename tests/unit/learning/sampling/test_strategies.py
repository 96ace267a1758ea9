import numpy as np
import pytest
from ase import units
from hypothesis import given
from hypothesis import strategies as st

from umklapp.learning.sampling import strategies
from umklapp.learning.sampling.candidates import Spread

U, E = Spread(0.1, 0.02), Spread(0.03, 0.004)
FINITE = st.floats(-1e3, 1e3, allow_nan=False)
SPREADS = st.builds(Spread, FINITE, st.one_of(st.just(0.0), st.floats(1e-6, 10)))


@pytest.mark.parametrize(("deviations", "value"), [(1.5, 0.057), (2, 0.5), (2.5, 0.943)])
def test_exact_uncertainty_probability(deviations, value):
    found = strategies.uncertainty_probability(np.array([U.mean + deviations * U.std]), U, 2, 1)
    assert found == pytest.approx(value, abs=5e-4)


def test_shift_and_width_move_and_stretch_the_step():
    u = U.mean + U.std * np.array([3.0, 4.0])
    found = strategies.uncertainty_probability(u, U, 3.0, 2.0)
    # (4 - 3) / 2 deviations above the step: as 0.5 deviations with width 1
    assert found == pytest.approx([0.5, 0.943], abs=5e-4)


@pytest.mark.parametrize(
    ("deviations", "value"), [(-5, 1), (0, 1), (1, 1), (1.4, 0.2**0.5), (1.8, 0.2), (3, 0.2**2.5)]
)
def test_exact_energy_probability(deviations, value):
    found = strategies.energy_probability(np.array([E.mean + deviations * E.std]), E)
    assert found == pytest.approx(value)


@given(st.lists(FINITE, min_size=2, max_size=20), SPREADS)
def test_energy_probability_never_rises(energies, known):
    found = strategies.energy_probability(np.sort(energies), known)
    assert (np.diff(found) <= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(st.lists(FINITE, min_size=2, max_size=20), SPREADS, st.floats(-3, 5), st.floats(0.01, 10))
def test_uncertainty_probability_never_falls(uncertainties, known, shift, width):
    found = strategies.uncertainty_probability(np.sort(uncertainties), known, shift, width)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_equal_calibration_frames_make_a_step():
    flat = Spread(0.1, 0.0)
    u = strategies.uncertainty_probability(np.array([0.09, 0.1, 0.11]), flat, 2, 1)
    energy = strategies.energy_probability(np.array([0.09, 0.1, 0.11]), flat)
    np.testing.assert_allclose(u, [0, 0, 1], atol=1e-3)
    np.testing.assert_allclose(energy, [1, 1, 0], atol=1e-3)


def test_what_is_thermal_at_the_target_temperature_is_viable():
    """Statistics of quiet seeds must not veto hot dynamics; exploded frames are vetoed."""
    quiet, atoms, hot = Spread(0.02, 0.001), np.array([64]), np.array([900.0])
    lowest, highest = strategies.energy_band(atoms, hot, quiet, 6.0)
    mean, std = 1.5 * units.kB * 900, units.kB * 900 * np.sqrt(1.5 / 64)
    assert mean + 4 * std < highest < mean + 8 * std
    assert lowest < 0
    without = strategies.energy_band(atoms, np.array([np.nan]), quiet, 6.0)
    np.testing.assert_allclose(np.ravel(without), [-0.006, 0.026])
