"""Thermal energies against the canonical ensemble of oscillators."""

import numpy as np
import pytest
from ase import units
from hypothesis import given, settings
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


@given(st.integers(2, 60), st.floats(50, 1500), st.integers(0, 10**6))
@settings(max_examples=25)
def test_the_virial_is_the_temperature_of_oscillators(atoms, temperature, seed):
    """F = −k u with u² ~ kT/k: exact on average, about any origin of the crystal as a whole."""
    springs = np.random.default_rng(seed).uniform(0.5, 5.0, (atoms, 1))
    u = np.random.default_rng(seed + 1).normal(size=(4000, atoms, 3))
    u *= np.sqrt(units.kB * temperature / springs)
    found = thermal.virial_temperatures(u, -springs * u)
    # atoms on springs are no free crystal: none of their coordinates is the centre of mass
    found = found * (atoms - 1) / atoms if atoms > 1 else found
    assert found.mean() == pytest.approx(temperature, rel=0.05)


def quartic(temperature: float, count: int) -> np.ndarray:
    """x (count,) with the density exp(−x⁴/kT), by its Gamma distribution: x⁴/kT ~ Γ(1/4)."""
    generator = np.random.default_rng(4)
    fourth = generator.gamma(0.25, units.kB * temperature, count)
    return fourth**0.25 * generator.choice([-1, 1], count)


def test_the_virial_knows_no_harmonic_crystal():
    """V = x⁴: ⟨V⟩ is kT/4 and not kT/2, so energies say half the temperature; −⟨xF⟩ is kT."""
    x = quartic(300.0, 3 * 40 * 3000).reshape(3000, 40, 3)
    found = thermal.virial_temperatures(x, -4 * x**3)
    assert found.mean() * 39 / 40 == pytest.approx(300.0, rel=0.01)


def test_an_atom_in_another_well_counts_right():
    """A hop of 2 Å that stays: the mean force on the atom vanishes there, too."""
    generator = np.random.default_rng(0)
    u = generator.normal(scale=np.sqrt(units.kB * 300.0), size=(4000, 40, 3))
    hopped = u.copy()
    hopped[1000:, 7] += [2.0, 0, 0]
    found = thermal.mean_temperature([thermal.virial_temperatures(hopped, -u) * 39 / 40])
    assert found.value == pytest.approx(300.0, abs=3 * found.error)
    assert 0.3 < found.error < 2.0


def temperature(value, error=0.0):
    return thermal.Temperature(value=value, error=error)


def test_the_nearest_temperature_is_the_same_or_none():
    assert thermal.nearest(temperature(310.0), [300.0, 600.0]) == 300.0
    assert thermal.nearest(temperature(450.0), [300.0, 600.0]) is None
    assert thermal.nearest(temperature(345.0), [300.0]) is None, "events come 1.8 times as often"
    assert thermal.nearest(temperature(345.0, 8.0), [300.0]) == 300.0
    assert thermal.nearest(temperature(450.0, 200.0), [300.0]) is None, "hardly known"
    assert thermal.nearest(None, [300.0]) is None
    assert thermal.nearest(temperature(300.0), []) is None
