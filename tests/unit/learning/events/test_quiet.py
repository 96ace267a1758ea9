"""The quiet band against series whose quiet part is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umklapp.learning.events import quiet
from umklapp.learning.events.quiet import Quiet


def series(n, inside=0, first=0, level=1.42, seed=0):
    """0.44 ± 0.04, of which `inside` values from `first` on are in an event."""
    sigma = np.random.default_rng(seed).normal(0.44, 0.04, n)
    sigma[first : first + inside] += level - 0.44
    return sigma


def test_a_constant_series_has_a_width():
    assert Quiet.of(np.full(10, 0.3)).width > 0
    assert Quiet.of(np.array([np.nan])) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.66, 0.85])
def test_the_band_does_not_move_with_the_share_of_events(share):
    """A reference that is two thirds event has its median there; its quiet band is where it was."""
    sigma = series(600, int(600 * share), 40)
    band = quiet.lowest([sigma])
    assert band.median == pytest.approx(0.44, abs=0.02)
    assert 0.02 < band.width < 0.06
    if share > 0.5:
        assert Quiet.of(sigma).median > 1.3  # what was taken before


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_the_band_scales_with_sigma(seed, factor):
    sigma = series(200, 50, 100, seed=seed)
    one, other = quiet.lowest([sigma]), quiet.lowest([factor * sigma])
    assert other.median == pytest.approx(factor * one.median)
    assert other.width == pytest.approx(factor * one.width)


def test_seeds_count_up_to_their_first_event():
    sigma = series(300, 100, 120)
    assert len(quiet.before_first_event(sigma)) == 120


def test_a_reference_that_is_all_event_takes_the_band_of_the_others():
    reference, after = series(400, 400), series(400, 60, 200, seed=1)
    held_to = quiet.anchor([], [reference, after])
    assert held_to.median == pytest.approx(0.44, abs=0.02)
    assert quiet.of_source([reference], held_to) == held_to


def test_seeds_that_begin_in_an_event_are_not_believed():
    seeds, after = series(100, 100), series(400, seed=1)
    assert quiet.anchor([seeds], [after]).median == pytest.approx(0.44, abs=0.02)


def test_a_committee_with_a_softer_lattice_keeps_its_own_band():
    held_to = quiet.anchor([series(200)], [])
    own = quiet.of_source([0.6 * series(200, seed=2)], held_to)
    assert own.median == pytest.approx(0.6 * 0.44, abs=0.02)


def test_a_committee_that_has_melted_has_no_band_of_its_own():
    held_to = quiet.anchor([series(200)], [])
    assert quiet.of_source([series(300, 300, seed=3)], held_to) == held_to


def test_a_few_frames_have_no_band_of_their_own():
    held_to = quiet.anchor([series(200)], [])
    assert quiet.of_source([series(10)], held_to) == held_to
    assert quiet.of_source([np.array([np.nan])], held_to) == held_to
    assert quiet.of_source([], None) is None
