"""Exact tests of rates against values that can be written down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.learning.events import event_rates


@pytest.mark.parametrize(
    ("count", "lower", "upper"), [(0, 0.0, 1.833), (1, 0.174, 3.289), (10, 6.90, 14.26)]
)
def test_poisson_intervals_are_the_tabulated_ones(count, lower, upper):
    """68 % intervals of Garwood; the upper end of 0 is that of a central interval."""
    low, high = event_rates.poisson_interval(count, 1.0)
    assert low == pytest.approx(lower, abs=0.02)
    assert high == pytest.approx(upper, abs=0.03)


def test_the_comparison_is_the_exact_binomial_one():
    # equal exposures, 0 against 5 events: 2 · (1/2)^5
    assert event_rates.same_rate(0, 100.0, 5, 100.0) == pytest.approx(2 / 32)
    assert event_rates.same_rate(0, 100.0, 0, 100.0) == 1.0
    assert event_rates.same_rate(2, 10.0, 20, 100.0) > 0.5


@given(st.integers(0, 20), st.integers(0, 20), st.floats(0.1, 50), st.floats(0.1, 50))
def test_the_comparison_does_not_care_who_is_first(one, two, first, second):
    here = event_rates.same_rate(one, first, two, second)
    assert here == pytest.approx(event_rates.same_rate(two, second, one, first))
    low, high = event_rates.ratio_interval(one, first, two, second)
    other = event_rates.ratio_interval(two, second, one, first)
    if low > 0 and np.isfinite(high):
        assert other == pytest.approx((1 / high, 1 / low))


def test_the_ratio_of_equal_counts_is_around_one():
    low, high = event_rates.ratio_interval(9, 10.0, 9, 10.0)
    assert low == pytest.approx(1 / high)
    assert 2 < high < 3.5
    assert event_rates.ratio_interval(0, 1.0, 0, 1.0) == (0.0, float("inf"))


def test_holm_on_a_worked_example():
    assert event_rates.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert event_rates.holm([]) == []


def test_false_alarms_are_as_rare_as_they_are_said_to_be():
    """Two sources with the same rate: at most one test in twenty says they differ."""
    generator = np.random.default_rng(1)
    counts = generator.poisson((3.0, 9.0), (2000, 2))
    wrong = np.mean([event_rates.same_rate(a, 10.0, b, 30.0) < 0.05 for a, b in counts])
    assert wrong < 0.05


def test_how_long_decides():
    # three mean waiting times leave 5 %
    assert event_rates.exposure_to_see(0.1) == pytest.approx(29.96, abs=0.01)
    assert event_rates.excluded_rate(event_rates.exposure_to_see(0.29)) == pytest.approx(0.29)
    # 2 events: the share of their exposure must fall below √0.05
    needed = event_rates.exposure_to_deny(2, 15.7)
    assert event_rates.same_rate(2, 15.7, 0, needed) == pytest.approx(0.05, abs=1e-3)
    assert needed == pytest.approx(15.7 * (1 / np.sqrt(0.05) - 1), rel=1e-3)
    assert event_rates.exposure_to_deny(0, 1.0) == float("inf")


def test_equal_rates_at_every_temperature():
    """One stratum is the plain test; another mix of temperatures is no other rate."""
    for numbers in ((3, 10.0, 9, 8.0), (0, 1.0, 5, 2.0), (4, 1.0, 4, 1.0)):
        one = event_rates.same_rate_in_each([numbers])
        assert one == pytest.approx(event_rates.same_rate(*numbers))
    assert event_rates.same_rate_in_each([(0, 80.0, 0, 80.0), (1, 2.0, 20, 40.0)]) > 0.5
    assert event_rates.same_rate(1, 82.0, 20, 120.0) < 0.001
    assert event_rates.same_rate_in_each([(9, 10.0, 1, 10.0), (9, 1.0, 1, 1.0)]) < 0.001
    assert event_rates.same_rate_in_each([]) == 1.0
