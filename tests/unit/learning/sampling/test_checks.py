"""Frames drawn at random: in a round that could be the last, and at random indeed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp import config
from umklapp.learning.sampling import acquisition, checks
from umklapp.learning.sampling.candidates import Candidates, Knowledge, Spread

KNOWLEDGE = Knowledge(Spread(0.1, 0.02), Spread(0.03, 0.004), bond=2.8, lower=0.09)


def candidates(n=100, above=2, replicas=4, every=50.0):
    """Viable frames, the first `above` of them expected to be wrong by 0.2 eV/Å."""
    expected = np.where(np.arange(n) < above, 0.2, 0.02)
    return Candidates(
        uncertainty=expected,
        expected=expected,
        energy=np.full(n, 0.03),
        atoms=np.full(n, 64),
        target=np.full(n, 300.0),
        shortest=np.full(n, 2.6),
        replica=np.arange(n) % replicas,
        time=every * (np.arange(n) // replicas),
        descriptors=np.random.default_rng(0).normal(size=(n, 6)),
    )


def draw(frames, seed=0, wanted=9, **changes):
    options = config.Acquisition(**({"spacing": 0.0, "batch_size": 5} | changes))
    rounds = config.Rounds(check_labels=wanted)
    chosen = acquisition.select(frames, KNOWLEDGE, options, np.random.default_rng(seed))
    generator = np.random.default_rng(seed)
    return checks.draw(frames, KNOWLEDGE, chosen, options, rounds, generator), chosen.chosen


def test_a_round_that_could_be_the_last_draws_its_checks():
    drawn, chosen = draw(candidates())
    assert len(drawn) == 9
    assert drawn == sorted(set(drawn) - set(chosen))
    assert draw(candidates())[0] == drawn
    assert draw(candidates(), seed=1)[0] != drawn


def test_nothing_above_the_bound_is_checked_too():
    drawn, chosen = draw(candidates(above=0))
    assert chosen == []
    assert len(drawn) == 9


def test_while_much_is_uncertain_only_that_is_labelled():
    assert draw(candidates(above=3))[0]
    assert draw(candidates(above=4))[0] == []


@given(st.integers(0, 200), st.floats(0, 400), st.integers(1, 30))
def test_checks_keep_their_distance_and_are_viable(seed, spacing, wanted):
    frames = candidates()
    frames.shortest[::3] = 1.0
    drawn, chosen = draw(frames, seed, wanted, spacing=spacing)
    assert len(drawn) <= wanted
    for one in drawn:
        assert one % 3
        for other in [*drawn, *chosen]:
            if one != other and frames.replica[one] == frames.replica[other]:
                assert abs(frames.time[one] - frames.time[other]) >= spacing


def test_every_frame_is_drawn_as_often_as_any_other():
    frames = candidates(n=20, above=0)
    counts = np.zeros(20)
    for seed in range(600):
        counts[draw(frames, seed, wanted=5)[0]] += 1
    expected = 600 * 5 / 20
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected)).all()


@pytest.mark.parametrize(("batch", "more"), [(4, 5), (9, 0), (12, 0)])
def test_the_random_control_only_fills_up(batch, more):
    drawn, chosen = draw(candidates(), strategy="random", batch_size=batch)
    assert len(chosen) == batch
    assert len(drawn) == more


def test_nothing_explored_nothing_drawn():
    assert draw(candidates(n=0, above=0))[0] == []
    unknown = replace(candidates(), expected=np.full(100, np.nan))
    assert draw(unknown, strategy="almomd")[0] == []
