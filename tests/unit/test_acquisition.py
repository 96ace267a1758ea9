import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.sampling import acquisition
from umklapp.sampling.acquisition import Statistics

S = Statistics(u_mean=0.1, u_std=0.02, e_mean=0.03, e_std=0.004)
FINITE = st.floats(-1e3, 1e3, allow_nan=False)
SPREAD = st.one_of(st.just(0.0), st.floats(1e-6, 10))
STATISTICS = st.builds(Statistics, FINITE, SPREAD, FINITE, SPREAD)


@pytest.mark.parametrize(("deviations", "value"), [(1.5, 0.057), (2, 0.5), (2.5, 0.943)])
def test_exact_uncertainty_probability(deviations, value):
    u = np.array([S.u_mean + deviations * S.u_std])
    found = acquisition.uncertainty_probability(u, S, 2.0, 1.0)
    assert found == pytest.approx(value, abs=5e-4)


def test_shift_and_width_move_and_stretch_the_step():
    u = S.u_mean + S.u_std * np.array([3.0, 4.0])
    found = acquisition.uncertainty_probability(u, S, 3.0, 2.0)
    # (4 - 3) / 2 deviations above the step: as 0.5 deviations with width 1
    assert found == pytest.approx([0.5, 0.943], abs=5e-4)


@pytest.mark.parametrize(
    ("deviations", "value"), [(-5, 1), (0, 1), (1, 1), (1.4, 0.2**0.5), (1.8, 0.2), (3, 0.2**2.5)]
)
def test_exact_energy_probability(deviations, value):
    energy = np.array([S.e_mean + deviations * S.e_std])
    assert acquisition.energy_probability(energy, S) == pytest.approx(value)


@given(st.lists(FINITE, min_size=2, max_size=20), STATISTICS)
def test_energy_probability_never_rises(energies, statistics):
    found = acquisition.energy_probability(np.sort(energies), statistics)
    assert (np.diff(found) <= 0).all()
    assert (found >= 0).all()
    assert (found <= 1).all()


@given(st.lists(FINITE, min_size=2, max_size=20), STATISTICS, st.floats(-3, 5), st.floats(0.01, 10))
def test_uncertainty_probability_never_falls(uncertainties, statistics, shift, width):
    found = acquisition.uncertainty_probability(np.sort(uncertainties), statistics, shift, width)
    assert (np.diff(found) >= 0).all()
    assert (found >= 0).all()
    assert (found <= 1).all()


def test_statistics_are_population_ones_of_the_calibration_frames():
    found = Statistics.of(np.array([1.0, 3.0]), np.array([0.0, 0.0, 3.0]))
    assert (found.u_mean, found.u_std) == (2, 1)
    assert (found.e_mean, found.e_std) == (1, pytest.approx(np.sqrt(2)))


def test_equal_calibration_frames_make_a_step():
    flat = Statistics(0.1, 0.0, 0.03, 0.0)
    u = acquisition.uncertainty_probability(np.array([0.09, 0.1, 0.11]), flat, 2, 1)
    energy = acquisition.energy_probability(np.array([0.02, 0.03, 0.04]), flat)
    np.testing.assert_allclose(u, [0, 0, 1], atol=1e-3)
    np.testing.assert_allclose(energy, [1, 1, 0], atol=1e-3)


def explored(n, seed=0, replicas=3):
    """n frames that are all uncertain and all of low energy."""
    generator = np.random.default_rng(seed)
    return {
        "uncertainty": S.u_mean + S.u_std * generator.uniform(5, 9, n),
        "energy": np.full(n, S.e_mean),
        "replica": np.arange(n) % replicas,
        "time": 10.0 * (np.arange(n) // replicas),
        "descriptors": generator.normal(size=(n, 6)),
    }


def select(frames, seed=0, **changes):
    options = {"shift": 2.0, "width": 1.0, "spacing": 40.0, "batch_size": 5} | changes
    return acquisition.select(
        **frames, statistics=S, generator=np.random.default_rng(seed), **options
    )


@given(st.integers(0, 1000), st.integers(1, 12), st.floats(0, 100), st.integers(1, 60))
def test_what_is_chosen_keeps_every_promise(seed, batch_size, spacing, n):
    frames = explored(n, seed)
    chosen, probability = select(frames, seed, spacing=spacing, batch_size=batch_size)
    assert len(chosen) <= batch_size
    assert chosen == sorted(set(chosen))
    assert chosen  # every probability is 1 here
    assert probability == pytest.approx(1, abs=1e-9)
    for a in chosen:
        for b in chosen:
            if a != b and frames["replica"][a] == frames["replica"][b]:
                assert abs(frames["time"][a] - frames["time"][b]) >= spacing


def test_the_probability_is_the_product():
    frames = explored(2)
    frames["uncertainty"] = S.u_mean + S.u_std * np.array([2.0, 2.0])
    frames["energy"] = S.e_mean + S.e_std * np.array([0.0, 1.8])
    assert select(frames)[1] == pytest.approx([0.5, 0.1])


def test_frames_are_accepted_as_often_as_their_probability_says():
    n = 4000
    frames = explored(n, replicas=n) | {"uncertainty": np.full(n, S.u_mean + 2 * S.u_std)}
    frames["energy"] = np.full(n, S.e_mean + 1.8 * S.e_std)
    frames["descriptors"] = np.arange(n, dtype=float)[:, None]
    kept, probability = select(frames, batch_size=n, spacing=0)
    assert probability == pytest.approx(0.1)
    assert abs(len(kept) - 400) < 4 * np.sqrt(n * 0.1 * 0.9)


def test_certain_frames_and_frames_of_high_energy_are_left_alone():
    calm = explored(50) | {"uncertainty": np.full(50, S.u_mean)}
    assert select(calm, seed=1)[0] == []
    assert select(calm)[1].max() < 0.01
    hot = explored(50) | {"energy": np.full(50, S.e_mean + 20 * S.e_std)}
    assert select(hot)[0] == []


def test_same_seed_same_choice_and_another_seed_another():
    frames = explored(60) | {"uncertainty": np.full(60, S.u_mean + 2 * S.u_std)}
    assert select(frames, 7)[0] == select(frames, 7)[0]
    assert len({tuple(select(frames, seed)[0]) for seed in range(6)}) > 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["uncertainty", "energy"])
def test_nothing_that_is_not_finite_is_ever_chosen(bad, column):
    frames = explored(9)
    frames[column][[0, 4, 8]] = bad
    chosen, probability = select(frames, spacing=0, batch_size=9)
    assert chosen == [1, 2, 3, 5, 6, 7]
    assert (probability[[0, 4, 8]] == 0).all()


def test_the_most_uncertain_accepted_frame_is_always_taken():
    frames = explored(40)
    assert int(np.argmax(frames["uncertainty"])) in select(frames, batch_size=1)[0]
    assert select(frames, batch_size=1)[0] == [int(np.argmax(frames["uncertainty"]))]


def test_near_identical_frames_are_taken_once():
    frames = explored(6, replicas=6)
    frames["descriptors"] = np.array([[0.0], [0.0], [1.0], [1.0 + 1e-9], [2.0], [2.0]])
    chosen, _ = select(frames, batch_size=6)
    assert len(chosen) == 3
    assert sorted(np.round(frames["descriptors"][chosen, 0])) == [0, 1, 2]


def test_no_frames_no_choice():
    empty = {name: value[:0] for name, value in explored(3).items()}
    chosen, probability = select(empty)
    assert chosen == []
    assert probability.shape == (0,)


def test_spacing_keeps_the_first_in_order_and_does_not_cross_replicas():
    replica, time = np.array([0, 0, 0, 1]), np.array([0.0, 30.0, 40.0, 10.0])
    assert acquisition.spaced([1, 0, 2, 3], replica, time, 40.0) == [1, 3]
    assert acquisition.spaced([0, 1, 2, 3], replica, time, 40.0) == [0, 2, 3]
    assert acquisition.spaced([], replica, time, 40.0) == []


def test_farthest_points_of_a_line():
    line = np.array([[0.0], [1.0], [10.0], [4.0]])
    assert acquisition.farthest_points(line, 3) == [0, 2, 3]
    assert acquisition.farthest_points(line, 9) == [0, 2, 3, 1]
    assert acquisition.farthest_points(line, 1) == [0]
