"""Memory, equilibration and number of independent values of series in which they are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from umklapp.learning.sampling import correlation


def process(memory, n, seed=0):
    """First-order process with correlations memory^t and unit variance."""
    noise = np.random.default_rng(seed).normal(size=n) * np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise)


@pytest.mark.parametrize("memory", [0.0, 0.8, 0.95])
def test_number_of_independent_values(memory):
    """n / 2τ with τ = ½ (1 + memory)/(1 − memory)."""
    wanted = 50000 * (1 - memory) / (1 + memory)
    assert correlation.independent(process(memory, 50000)) == pytest.approx(wanted, rel=0.15)


def test_few_values_are_taken_as_they_are():
    assert correlation.independent(np.empty(0)) == 0
    assert correlation.independent(np.arange(5.0)) == 1
    assert correlation.equilibration(np.arange(5.0)) == 0


@pytest.mark.parametrize("length", [25, 50, 100])
def test_a_drift_at_the_beginning_is_left_out(length):
    series = process(0.5, 400)
    series[:length] += np.linspace(12, 0, length)
    assert 0.6 * length < correlation.equilibration(series) <= 100


def test_little_of_a_stationary_series_is_left_out():
    left_out = [correlation.equilibration(process(0.5, 400, seed)) for seed in range(20)]
    assert np.mean(left_out) < 50


def test_an_event_is_no_equilibration():
    """A jump in the middle stays: half of it on either side."""
    series = process(0.5, 400) + np.repeat([0.0, 20.0], 200)
    assert correlation.equilibration(series) <= 100
    assert correlation.independent(series) < 6


def test_frames_keep_their_distance_to_those_already_taken():
    replica, time = np.array([0, 0, 0, 1]), np.array([0.0, 30.0, 60.0, 30.0])
    assert correlation.spaced([0, 1, 2, 3], replica, time, 40.0, taken=[1]) == [3]
    assert correlation.spaced([0, 2, 3], replica, time, 40.0, count=2) == [0, 2]
    assert correlation.spaced([0, 2], replica, time, 40.0, count=0) == []


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.9])
def test_correlation_time_of_a_process_with_known_memory(memory):
    generator = np.random.default_rng(0)
    series = np.zeros(20000)
    for number in range(1, len(series)):
        series[number] = memory * series[number - 1] + generator.normal()
    wanted = 0.5 + memory / (1 - memory)
    assert correlation.correlation_time(series) == pytest.approx(wanted, rel=0.15)
    assert correlation.correlation_time(np.ones(50)) == 0.5


def test_spacing_keeps_the_first_in_order_and_does_not_cross_replicas():
    replica, time = np.array([0, 0, 0, 1]), np.array([0.0, 30.0, 40.0, 10.0])
    assert correlation.spaced([1, 0, 2, 3], replica, time, 40.0) == [1, 3]
    assert correlation.spaced([0, 1, 2, 3], replica, time, 40.0) == [0, 2, 3]
    assert correlation.spaced([], replica, time, 40.0) == []


@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0, 30))
def test_spacing_is_that_of_a_comparison_with_every_chosen_frame(seed, count, spacing):
    generator = np.random.default_rng(seed)
    replica, time = generator.integers(0, 3, count), 5.0 * generator.integers(0, 20, count)
    order = generator.permutation(count)
    taken, wanted = order[:2].tolist(), []
    for frame in order[2:].tolist():
        apart = [
            replica[other] != replica[frame] or abs(time[other] - time[frame]) >= spacing
            for other in [*taken, *wanted]
        ]
        if all(apart):
            wanted.append(frame)
    assert correlation.spaced(order[2:].tolist(), replica, time, spacing, taken) == wanted
