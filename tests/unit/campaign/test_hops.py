"""Atoms that left their sites, on made-up paths whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.campaign.hops import Occupation, away

WINDOW = 5


def path(*stretches):
    """One atom at the given displacements (Å along x) for the given numbers of frames."""
    x = np.concatenate([np.full(count, value) for value, count in stretches])
    return np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=-1)[:, None]


def test_a_hop_that_stays_is_one_entry():
    gone = away(path((0, 40), (2.2, 60)), WINDOW)
    assert gone[:, 0].tolist() == [False] * 40 + [True] * 60
    assert Occupation.of(gone, 0.1) == Occupation(1, pytest.approx(4.0), 0, pytest.approx(5.9))


def test_an_excursion_shorter_than_half_the_window_is_none():
    assert not away(path((0, 40), (2.2, 2), (0, 40)), WINDOW).any()


def test_between_the_two_thresholds_the_state_is_kept():
    gone = away(path((1.2, 20), (2.2, 20), (1.2, 20), (0.3, 20)), WINDOW)[:, 0]
    assert gone.tolist() == [False] * 20 + [True] * 40 + [False] * 20


def test_thermal_motion_alone_moves_nothing():
    noise = np.random.default_rng(0).normal(scale=0.35, size=(400, 8, 3))
    assert not away(noise, 10).any()


def test_two_atoms_away_at_once_are_one_stretch():
    one, two = path((0, 20), (2, 40), (0, 40)), path((0, 40), (2, 40), (0, 20))
    found = Occupation.of(away(np.concatenate([one, two], axis=1), WINDOW), 1.0)
    assert (found.entries, found.returns, found.hopped) == (1, 1, pytest.approx(60))


def test_a_trajectory_that_begins_away_does_not_enter():
    found = Occupation.of(away(path((2, 30), (0, 30)), WINDOW), 1.0)
    assert (found.entries, found.returns) == (0, 1)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 58))
def test_time_is_neither_lost_nor_counted_twice(states, cut):
    gone = np.array(states)[:, None]
    whole = Occupation.of(gone, 0.5)
    assert whole.quiet + whole.hopped == pytest.approx(0.5 * (len(states) - 1))
    if cut < len(states) - 1:  # both parts share the frame at the cut
        assert Occupation.of(gone[: cut + 1], 0.5) + Occupation.of(gone[cut:], 0.5) == whole
