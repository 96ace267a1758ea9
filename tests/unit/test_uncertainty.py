import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from models import rattled_silicon, silicon_cubic, springs

from umklapp.potentials.committee import Committee, CommitteePrediction
from umklapp.sampling import uncertainty

VALUES = st.floats(-10, 10, allow_nan=False, width=32)


def prediction(energy, forces):
    energy = np.array(energy, float)
    return CommitteePrediction(energy, forces, np.full((*energy.shape, 6), np.nan))


def test_exact_force_spread_of_two_members():
    # atom 0: members at ±(3, 0, 4)/1 from the mean -> 5; atom 1: equal -> 0
    forces = np.array([[[3, 0, 4], [1, 1, 1]], [[-3, 0, -4], [1, 1, 1]]], float)
    np.testing.assert_allclose(uncertainty.per_atom(forces), [5, 0])


def test_population_standard_deviation_of_three_members():
    forces = np.zeros((3, 1, 3))
    forces[:, 0, 0] = [0, 0, 3]  # mean 1, mean square deviation (1 + 1 + 4) / 3 = 2
    assert uncertainty.per_atom(forces)[0] == pytest.approx(np.sqrt(2))


def test_measure_counts_energies_per_atom_from_each_members_own_crystal():
    forces = [np.zeros((2, 2, 3)), np.zeros((2, 4, 3))]
    forces[1][0, 2] = [0, 2, 0]  # u = 1 for one atom of four
    found = uncertainty.measure(
        prediction([[-10.0, -18.0], [-6.0, -12.0]], forces), np.array([-5.5, -3.5])
    )
    # per atom above R0: frame 0: 0.5 and 0.5; frame 1: 1.0 and 0.5
    np.testing.assert_allclose(found.energy, [0, 0.25])
    np.testing.assert_allclose(found.force_max, [0, 1])
    np.testing.assert_allclose(found.force_mean, [0, 0.25])
    for kind in ("force_max", "force_mean", "energy"):
        np.testing.assert_array_equal(found.of(kind), getattr(found, kind))


def test_relative_energy_is_the_mean_above_the_crystal():
    found = uncertainty.relative_energy(
        prediction([[-10.0, -18.0], [-6.0, -12.0]], [np.zeros((2, 2, 3)), np.zeros((2, 4, 3))]),
        np.array([-5.5, -3.5]),
    )
    np.testing.assert_allclose(found, [0.5, 0.75])


@given(
    arrays(
        float,
        array_shapes(min_dims=3, max_dims=3, max_side=4).map(lambda s: (*s[:2], 3)),
        elements=VALUES,
    ),
    arrays(float, 3, elements=VALUES),
    st.integers(0, 2**31),
)
def test_the_spread_ignores_order_common_forces_and_rotation(forces, common, seed):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    found = uncertainty.per_atom(forces)
    assert (found >= 0).all()
    np.testing.assert_allclose(uncertainty.per_atom(forces[::-1]), found, atol=1e-9)
    np.testing.assert_allclose(uncertainty.per_atom(forces + common), found, atol=1e-6)
    np.testing.assert_allclose(uncertainty.per_atom(forces @ rotation), found, atol=1e-6)
    np.testing.assert_allclose(uncertainty.per_atom(-2 * forces), 2 * found, atol=1e-9)


def test_springs_have_an_uncertainty_one_can_write_down():
    perfect, frames = silicon_cubic(), rattled_silicon(2, strain=0)
    found = Committee([springs(perfect, k) for k in (4.0, 6.0)]).evaluate_members(frames)
    measured = uncertainty.measure(found, np.zeros(2))
    for number, frame in enumerate(frames):
        shift = np.linalg.norm(frame.positions - perfect.positions, axis=1)
        np.testing.assert_allclose(measured.per_atom[number], shift)
        assert measured.force_max[number] == pytest.approx(shift.max())
        assert measured.force_mean[number] == pytest.approx(shift.mean())
        assert measured.energy[number] == pytest.approx(0.5 * (shift**2).sum() / 8)


def test_force_errors_are_lengths_of_the_difference_to_the_label():
    frames = rattled_silicon(2)
    forces = [frame.get_forces()[None] + [0.0, 3.0, 4.0] for frame in frames]
    found = uncertainty.force_errors(prediction(np.zeros((1, 2)), forces), frames)
    np.testing.assert_allclose(found, np.full((2, 8), 5.0))


def test_calibration_factor_is_a_root_mean_square_ratio():
    errors = [np.array([1.0, 2.0]), np.array([2.0])]
    spread = [np.array([1.0, 1.0]), np.array([0.5])]
    assert uncertainty.calibration_factor(errors, spread) == pytest.approx(np.sqrt(21 / 3))


@given(st.integers(0, 2**31), st.floats(0.1, 10))
def test_the_factor_recovers_the_scale_of_gaussian_errors(seed, scale):
    generator = np.random.default_rng(seed)
    spread = generator.uniform(0.5, 2, 4000)
    error = np.abs(scale * spread * generator.normal(size=4000))
    # the square of the factor has a relative standard error of sqrt(2 / 4000)
    found = uncertainty.calibration_factor([error], [spread])
    assert found**2 == pytest.approx(scale**2, rel=6 * np.sqrt(2 / 4000))


def test_one_atom_without_spread_does_not_decide_alone():
    error, spread = np.ones(100), np.ones(100)
    spread[0] = 0
    found = uncertainty.calibration_factor([error], [spread])
    assert found == pytest.approx(np.sqrt((99 + 100**2) / 100))  # floor: 1 % of the median


def test_no_spread_at_all_is_finite():
    assert np.isfinite(uncertainty.calibration_factor([np.ones(3)], [np.zeros(3)]))


def test_rank_correlation():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert uncertainty.rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert uncertainty.rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert uncertainty.rank_correlation(a, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)
    assert uncertainty.rank_correlation(a, np.ones(4)) == 0
    assert uncertainty.rank_correlation(a[:2], a[:2]) == 0
