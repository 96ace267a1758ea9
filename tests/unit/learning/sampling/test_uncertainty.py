import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from models import rattled_silicon, silicon_cubic, springs

from umklapp.learning.sampling import uncertainty
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction, spread_of_forces

VALUES = st.floats(-10, 10, allow_nan=False, width=32)


def prediction(energy, forces):
    energy = np.array(energy, float)
    spread = list(map(spread_of_forces, forces))
    return CommitteePrediction(energy, forces, np.full((*energy.shape, 6), np.nan), spread)


def test_exact_force_spread_of_two_members():
    # atom 0: members at ±(3, 0, 4)/1 from the mean -> 5; atom 1: equal -> 0
    forces = np.array([[[3, 0, 4], [1, 1, 1]], [[-3, 0, -4], [1, 1, 1]]], float)
    np.testing.assert_allclose(spread_of_forces(forces), [5, 0])


def test_population_standard_deviation_of_three_members():
    forces = np.zeros((3, 1, 3))
    forces[:, 0, 0] = [0, 0, 3]  # mean 1, mean square deviation (1 + 1 + 4) / 3 = 2
    assert spread_of_forces(forces)[0] == pytest.approx(np.sqrt(2))


def test_measure_counts_energies_per_atom_from_each_members_own_crystal():
    forces = [np.zeros((2, 2, 3)), np.zeros((2, 4, 3))]
    forces[1][0, 2] = [0, 2, 0]  # u = 1 for one atom of four
    found = uncertainty.measure(
        prediction([[-10.0, -18.0], [-6.0, -12.0]], forces), np.array([-5.5, -3.5])
    )
    # per atom above R0: frame 0: 0.5 and 0.5; frame 1: 1.0 and 0.5
    np.testing.assert_allclose(found.of("energy"), [0, 0.25])
    np.testing.assert_allclose(found.of("force_max"), [0, 1])
    np.testing.assert_allclose(found.of("force_mean"), [0, 0.25])
    np.testing.assert_allclose(found.of("energy_relative"), [0, 0.25 / 0.75])
    assert set(found.values) == set(uncertainty.NAMES)
    for name in ("sigma", "sigma_relative"):  # no harmonic forces were given
        assert np.isnan(found.of(name)).all()
    assert np.isnan(found.sigma).all()


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
    found = spread_of_forces(forces)
    assert (found >= 0).all()
    np.testing.assert_allclose(spread_of_forces(forces[::-1]), found, atol=1e-9)
    np.testing.assert_allclose(spread_of_forces(forces + common), found, atol=1e-6)
    np.testing.assert_allclose(spread_of_forces(forces @ rotation), found, atol=1e-6)
    np.testing.assert_allclose(spread_of_forces(-2 * forces), 2 * found, atol=1e-9)


def test_springs_have_an_uncertainty_one_can_write_down():
    perfect, frames = silicon_cubic(), rattled_silicon(2, strain=0)
    found = Committee([springs(perfect, k) for k in (4.0, 6.0)]).evaluate_members(frames)
    measured = uncertainty.measure(found, np.zeros(2))
    for number, frame in enumerate(frames):
        shift = np.linalg.norm(frame.positions - perfect.positions, axis=1)
        np.testing.assert_allclose(measured.per_atom[number], shift)
        assert measured.of("force_max")[number] == pytest.approx(shift.max())
        assert measured.of("force_mean")[number] == pytest.approx(shift.mean())
        assert measured.of("energy")[number] == pytest.approx(0.5 * (shift**2).sum() / 8)


def test_relative_forces_divide_by_the_mean_force():
    forces = np.zeros((2, 2, 3))
    forces[:, 0, 0], forces[:, 1, 1] = [3.0, 5.0], [1.0, 3.0]  # means 4 and 2, spreads 1 and 1
    found = uncertainty.measure(prediction([[0.0], [0.0]], [forces]), np.zeros(2))
    np.testing.assert_allclose(found.per_atom_relative[0], [0.25, 0.5])
    assert found.of("force_max_relative")[0] == pytest.approx(0.5)
    assert found.of("force_mean_relative")[0] == pytest.approx(0.375)


def test_small_denominators_are_held_at_a_floor():
    forces = np.zeros((2, 2, 3))
    forces[:, 0, 0] = [3.0, 5.0]
    forces[:, 1, 1] = [-1.0, 1.0]  # the mean force of this atom is zero
    found = uncertainty.measure(prediction([[0.0], [0.0]], [forces]), np.zeros(2))
    floor = uncertainty.FORCE_FLOOR * np.sqrt(16 / 2)
    np.testing.assert_allclose(found.per_atom_relative[0], [0.25, 1 / floor])
    # energies of the perfect crystal itself: ±1e-6 eV per atom
    found = uncertainty.measure(prediction([[2e-6], [-2e-6]], [forces]), np.zeros(2))
    assert found.of("energy_relative")[0] == pytest.approx(1e-6 / uncertainty.ENERGY_FLOOR)


def test_spread_of_the_anharmonicity():
    perfect = silicon_cubic()
    frame = rattled_silicon(1, strain=0)[0]
    members = Committee([springs(perfect, k) for k in (4.0, 6.0)])
    x = frame.positions - perfect.positions
    found = uncertainty.measure(members.evaluate_members([frame]), np.zeros(2), [-4.0 * x])
    # member 0 is harmonic; member 1 has F − F_ha = F/3; their mean F/5
    assert found.of("sigma")[0] == pytest.approx(1 / 6)
    assert found.of("sigma_relative")[0] == pytest.approx(1)
    assert found.sigma[0] == pytest.approx(1 / 5)


def test_frames_without_harmonic_forces_have_no_sigma_beside_those_with():
    forces = [np.ones((2, 2, 3)) * [[[1]], [[2]]], np.ones((2, 2, 3))]
    forces[0][:, 0] = 0
    found = uncertainty.measure(
        prediction(np.zeros((2, 2)), forces), np.zeros(2), [np.zeros((2, 3)), None]
    )
    assert np.isfinite(found.sigma[0])
    assert np.isnan(found.sigma[1])
