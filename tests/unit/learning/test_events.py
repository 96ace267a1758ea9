"""Events against series whose events are known."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import silicon_cubic

from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import events
from umklapp.learning.events import Detector, Quiet

QUIET = Quiet(0.4, 0.02)


def series(n=400, stretches=((100, 140), (250, 260)), level=1.2, seed=0):
    """σᴬ every 10 fs: quiet 0.40 ± 0.02 with stretches of events."""
    sigma = np.random.default_rng(seed).normal(0.4, 0.02, n)
    for first, last in stretches:
        sigma[first:last] += level - 0.4
    return 10.0 * np.arange(n), sigma


def detect(time, sigma, cuts=(), **options):
    detector = Detector(QUIET, **options)
    for t, s in zip(np.split(time, cuts), np.split(sigma, cuts), strict=True):
        detector.update(t, s)
    return detector.finish()


def test_known_events_are_found_with_their_duration():
    found = detect(*series())
    assert [(event.start, event.end) for event in found] == [(1000.0, 1390.0), (2500.0, 2590.0)]
    assert found[0].duration == 390.0
    assert found[0].mean == pytest.approx(1.2, abs=0.02)
    assert found[0].peak == pytest.approx(1.25, abs=0.05)
    assert not any(event.cut for event in found)


def test_quiet_series_have_no_events():
    time, sigma = series(4000, ())
    assert detect(time, sigma) == []


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=6).map(sorted), st.integers(0, 1000))
def test_how_the_stream_is_cut_changes_nothing(cuts, seed):
    time, sigma = series(seed=seed)
    assert detect(time, sigma, cuts) == detect(time, sigma)


def test_short_events_are_noise_and_short_gaps_are_bridged():
    time, sigma = series(stretches=((100, 140), (145, 180), (250, 252)))
    assert len(detect(time, sigma)) == 3
    found = detect(time, sigma, gap=100.0, shortest=50.0)
    assert [(event.start, event.end) for event in found] == [(1000.0, 1790.0)]


def test_events_at_the_ends_are_cut():
    found = detect(*series(stretches=((0, 30), (380, 400))))
    assert [event.cut for event in found] == [True, True]
    assert found[1].end == 3990.0


def test_frames_without_sigma_are_passed_over():
    time, sigma = series()
    sigma[::7] = np.nan
    assert len(detect(time, sigma)) == 2


def test_the_quiet_distribution_does_not_see_a_third_of_events():
    _, sigma = series(3000, ((0, 1000),), seed=2)
    found = Quiet.of(sigma)
    assert found.median == pytest.approx(0.4, abs=0.03)
    assert 0.015 < found.width < 0.05
    flat = Quiet.of(np.full(10, 0.3))
    assert flat.width > 0
    assert np.isnan(Quiet.of(np.array([np.nan])).median)


# who moved, and where to


def harmonic():
    perfect = silicon_cubic().repeat(2)
    size = 3 * len(perfect)
    return HarmonicReference(perfect, np.zeros((size, size)), "")


def test_an_atom_in_an_interstitial_is_named():
    known = harmonic()
    time, sigma = series(60, ((20, 40),))
    positions = np.repeat(known.perfect.positions[None], 60, axis=0)
    hole = np.array([0.0, 0.0, 0.0]) + 5.431 * np.array([0.5, 0.5, 0.5])
    positions[20:40, 0] = hole  # the tetrahedral hole of the diamond lattice
    positions[:, 5] += [20.0 * 5.431, 0, 0]  # wrapped elsewhere: no move
    detector = Detector(QUIET, 3, known)
    for first in range(0, 60, 7):
        part = slice(first, first + 7)
        detector.update(time[part], sigma[part], positions[part])
    (event,) = detector.finish()
    (move,) = event.moves
    assert (event.replica, move.atom, move.symbol) == (3, 0, "Si")
    assert move.to.startswith("interstitial at 0.2")
    assert move.distance == pytest.approx(5.431 * np.sqrt(3) / 2, rel=0.05)
    json.dumps(event.as_dict(), allow_nan=False)


def test_two_atoms_that_change_places_are_on_each_others_sites():
    perfect = harmonic().perfect
    shift = np.zeros((64, 3))
    vector = perfect.get_distance(0, 1, mic=True, vector=True)
    shift[0], shift[1] = vector, -vector
    found = events.moved_atoms(shift, perfect)
    assert [move.to for move in found] == ["the site of atom 1 (Si)", "the site of atom 0 (Si)"]


# statistics


@pytest.mark.parametrize(
    ("number", "lower", "upper"), [(0, 0.0, 1.833), (1, 0.174, 3.289), (10, 6.90, 14.26)]
)
def test_poisson_intervals_are_the_tabulated_ones(number, lower, upper):
    """68 % intervals of Garwood; the upper end of 0 is that of a central interval."""
    many = [events.Event(0, 10.0 * n, 10.0 * n + 5, 1.2, 1.1, False) for n in range(number)]
    value, low, high = events.Record(many, 1.0, QUIET).rate()
    assert value == number
    assert low == pytest.approx(lower, abs=0.02)
    assert high == pytest.approx(upper, abs=0.03)


def test_a_scan_of_replicas_on_disk(tmp_path):
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for number in range(3):
            time, sigma = series(stretches=((100, 140),) if number else (), seed=number)
            file[f"{number}/time"], file[f"{number}/sigma"] = time, sigma
    with h5py.File(tmp_path / "e.h5") as file:
        streams = [events.hdf5_chunks(file[name], ("time", "sigma"), 33) for name in sorted(file)]
        found = events.scan(streams, QUIET)
    assert [event.replica for event in found.events] == [1, 2]
    assert found.exposure == pytest.approx(3 * 3.99)
    assert found.share() == pytest.approx(2 * 0.39 / 11.97)
    json.dumps(found.as_dict(), allow_nan=False)
    both = events.join([found, found])
    assert len(both.events) == 4
    assert both.exposure == pytest.approx(2 * found.exposure)
