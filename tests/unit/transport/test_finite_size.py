import dataclasses

import numpy as np
import pytest
from ase import units
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from test_lifetimes import complex_noise, cubic_modes

from umklapp.errors import InputError
from umklapp.transport import finite_size
from umklapp.transport.degenerate_modes import ModeEnergies

CAPACITY, SCALED = units.kB / 729, 2.0


@pytest.fixture(scope="module")
def modes():
    return cubic_modes()


def constant_lambda(modes, capacity=CAPACITY):
    """Harmonic conductivity of lifetimes with ω² τ = SCALED eV fs/(Å² u) for all modes."""
    taus = SCALED * modes.solution.inverse() ** 2
    kappa = finite_size.harmonic_kappa(modes.solution.velocities, taus, capacity)
    shape = taus.shape
    return finite_size.Harmonic(taus, taus, np.full(shape, capacity), capacity, kappa, kappa)


def test_kappa_of_one_mode_is_its_formula():
    velocity = np.array([[[0.01, 0.0, 0.02]]])
    found = finite_size.harmonic_kappa(velocity, np.array([[500.0]]), units.kB / 1000)
    # 500 fs, 1 km/s = 0.01 Å/fs, k_B per nm³
    expected = 1.380649e-23 / 1e-27 * 500e-15 * (1000.0) ** 2
    assert found[0, 0] == pytest.approx(expected, rel=1e-5)
    assert found[2, 2] == pytest.approx(4 * expected, rel=1e-5)
    assert found[0, 2] == found[2, 0] == pytest.approx(2 * expected, rel=1e-5)
    assert not found[1].any()


def test_modes_without_lifetime_carry_nothing():
    velocities = np.ones((1, 2, 3))
    one = finite_size.harmonic_kappa(velocities, np.array([[3.0, np.nan]]), 1.0)
    np.testing.assert_allclose(one, finite_size.harmonic_kappa(velocities, [[3.0, 0.0]], 1.0))


def test_heat_capacities_of_classical_modes_are_those_of_boltzmann():
    energies = np.random.default_rng(0).exponential(units.kB * 300, size=(40_000, 4, 3))
    single = ModeEnergies.of_single_modes(energies)
    found = finite_size.heat_capacities([single], 500.0, 300.0)
    np.testing.assert_allclose(found, units.kB / 500, rtol=0.1)


def test_one_heat_capacity_gives_the_conductivity_of_all(modes):
    shape = (2000, *modes.solution.frequencies.shape)
    energies = np.abs(complex_noise(1, shape, 0.5)) ** 2
    taus = 300 + 50 * np.random.default_rng(2).normal(size=shape[1:])
    capacities = finite_size.heat_capacities([ModeEnergies.of_single_modes(energies)], 729.0, 300.0)
    found = finite_size.harmonic(modes, capacities, taus)
    same = finite_size.harmonic_kappa(modes.solution.velocities, taus, found.capacity)
    assert np.trace(same) == pytest.approx(np.trace(found.kappa))
    assert np.trace(found.kappa_symmetrized) == pytest.approx(np.trace(found.kappa), rel=0.1)
    isotropic = found.kappa_symmetrized
    np.testing.assert_allclose(isotropic, isotropic[0, 0] * np.eye(3), atol=1e-9 * isotropic[0, 0])


def test_modes_at_the_zone_boundary_alone_have_the_mean_heat_capacity():
    modes = cubic_modes((2, 2, 2))
    energies = np.abs(complex_noise(3, (500, 8, 3), 0.5)) ** 2
    capacities = finite_size.heat_capacities([ModeEnergies.of_single_modes(energies)], 216.0, 300.0)
    found = finite_size.harmonic(modes, capacities, np.full((8, 3), 300.0))
    assert found.capacity == pytest.approx(found.capacities.mean())


@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(3, 9))
def test_a_straight_line_is_extrapolated_exactly(slope, start, number):
    meshes = np.arange(4, 4 + 2 * number, 2)
    kappas = (slope / meshes + start)[:, None, None] * np.arange(9.0).reshape(3, 3)
    found = finite_size.extrapolate(meshes, kappas)
    np.testing.assert_allclose(found[0], slope * np.arange(9).reshape(3, 3), atol=1e-8)
    np.testing.assert_allclose(found[1], start * np.arange(9).reshape(3, 3), atol=1e-8)
    np.testing.assert_allclose(found[2], 0, atol=1e-6)


def test_the_line_and_its_error_are_those_of_a_weighted_fit():
    meshes = np.array(finite_size.MESHES)
    kappas = 3 - 2 / meshes + 0.05 * np.random.default_rng(4).normal(size=len(meshes))
    best, spread = curve_fit(lambda x, m, y: m * x + y, 1 / meshes, kappas, sigma=1 / meshes)
    slope, intercept, error = finite_size.extrapolate(meshes, kappas)
    assert (slope, intercept) == pytest.approx(tuple(best))
    assert error == pytest.approx(np.sqrt(spread[0, 0]))


def test_the_interpolation_returns_the_points_it_was_made_from(modes):
    points = modes.solution.qpoints
    values = np.random.default_rng(5).normal(size=(len(points), 3))
    function = finite_size.interpolator(points, values)
    np.testing.assert_allclose(function(finite_size.to_unit_cell(points)), values, atol=1e-12)
    corners = np.array(list(np.ndindex(2, 2, 2)), dtype=float)
    np.testing.assert_allclose(function(corners), np.tile(values[0], (8, 1)), atol=1e-12)
    inside = function(np.random.default_rng(6).uniform(size=(500, 3)))
    assert values.min() <= inside.min() <= inside.max() <= values.max()


def test_the_value_at_gamma_is_between_its_neighbours(modes):
    points = modes.solution.qpoints
    values = np.full((27, 2), 4.0)
    values[0] = np.nan
    np.testing.assert_allclose(finite_size.value_at_gamma(points, values), 4)
    values[:, 1] = np.linalg.norm(points, axis=1)
    found = finite_size.value_at_gamma(points, values)
    assert found[1] == pytest.approx(1 / 3)


@pytest.mark.parametrize("number", [1, 4, 5])
def test_a_mesh_has_all_its_points_once_gamma_first(number):
    points = finite_size.mesh_points(number)
    assert not points[0].any()
    assert len({tuple(x) for x in np.rint(number * points).astype(int) % number}) == number**3
    assert (points >= -0.5).all()
    assert (points < 0.5).all()


@pytest.mark.parametrize("procedure", ["umklapp", "vibes"])
def test_the_commensurate_mesh_gives_the_commensurate_conductivity(modes, procedure):
    known = constant_lambda(modes)
    taus = np.where(known.lifetimes > 0, known.lifetimes, np.nan)
    changed = dataclasses.replace(known, lifetimes=taus, symmetrized=taus)
    found = finite_size.correct(modes, changed, meshes=(3, 6, 9), procedure=procedure)
    np.testing.assert_allclose(found.kappas[0], known.kappa, rtol=1e-8, atol=1e-12)
    assert found.scalar == pytest.approx(np.trace(found.tensor) / 3)
    assert found.factor == pytest.approx(1 + 3 * found.scalar / np.trace(known.kappa))


def test_the_extrapolated_conductivity_is_nearly_that_of_dense_meshes(modes):
    """For ω² τ constant, the worst case: the line through 4 ... 20 points falls 1.7 % short."""
    known = constant_lambda(modes)
    found = finite_size.correct(modes, known)
    flat = finite_size.interpolator(modes.solution.qpoints, np.full((27, 3), SCALED))
    meshes = np.array([24, 36, 48])
    dense = np.array([finite_size.mesh_kappa(modes, flat, CAPACITY, n)[0, 0] for n in meshes])
    _, limit, _ = finite_size.extrapolate(meshes, dense)
    assert limit == pytest.approx(3.6 * known.kappa[0, 0], rel=0.01)
    assert found.intercept[0, 0] == pytest.approx(limit, rel=0.02)


def test_long_waves_add_to_kappa_and_the_error_is_that_of_the_cell(modes):
    """Signs and factors by hand: lifetimes like 1/ω² leave out more the smaller the cell is."""
    known = constant_lambda(modes)
    found = finite_size.correct(modes, known, meshes=(4, 6, 8, 10))
    np.testing.assert_allclose(found.tensor, found.intercept - known.kappa_symmetrized)
    assert found.scalar > 0
    assert found.slope[0, 0] < 0
    kappa = np.trace(known.kappa) / 3
    assert found.factor == pytest.approx(found.intercept[0, 0] / kappa)
    # 27 commensurate points are 3 in each direction: the error of slope/3, over κ
    assert found.factor_error == pytest.approx(found.slope_error[0, 0] / 3 / kappa, rel=1e-6)


def test_meshes_with_and_without_symmetry_agree(modes, monkeypatch):
    flat = finite_size.interpolator(modes.solution.qpoints, np.full((27, 3), SCALED))
    reduced = finite_size.mesh_kappa(modes, flat, CAPACITY, 5)
    alone = dataclasses.replace(modes, rotations=np.eye(3, dtype=int)[None])
    full = finite_size.mesh_kappa(alone, flat, CAPACITY, 5)
    np.testing.assert_allclose(reduced, full, rtol=1e-8, atol=1e-12)


def test_supercells_that_are_too_small_are_refused():
    flat = cubic_modes((1, 1, 3))
    with pytest.raises(InputError, match="do not surround Γ"):
        finite_size.correct(flat, constant_lambda(flat))
    with pytest.raises(InputError, match="three meshes"):
        finite_size.correct(flat, constant_lambda(flat), meshes=(4, 6))
