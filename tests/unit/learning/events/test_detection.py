"""Events against series whose events are known."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import silicon_cubic

from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import detection
from umklapp.learning.events.detection import Detector
from umklapp.learning.events.observations import join
from umklapp.learning.events.quiet import Quiet

QUIET = Quiet(median=0.4, width=0.02)


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
    assert not any(event.open_start or event.open_end for event in found)


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
    assert [(event.open_start, event.open_end) for event in found] == [(True, False), (False, True)]
    assert found[1].end == 3990.0


def test_frames_without_sigma_are_passed_over():
    time, sigma = series()
    sigma[::7] = np.nan
    assert len(detect(time, sigma)) == 2


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
    assert detection.Event.model_validate_json(event.model_dump_json()) == event


def positions_of(known, n, first, last, displacement=2.2):
    """Frames in which atom 0 is displaced from frame `first` to `last`."""
    positions = np.repeat(known.perfect.positions[None], n, axis=0)
    positions[first:last, 0, 0] += displacement
    return positions


def watch(known, first, last, n=300, displacement=2.2, chosen=False):
    """What one replica of 10 fs steps adds to an observation."""
    time, sigma = series(n, ((first, last),))
    detector = Detector(QUIET, 0, known)
    detector.update(time, sigma, positions_of(known, n, first, last, displacement))
    return detector.observation(chosen)


def test_the_class_of_an_event_is_its_dwell_and_its_motion():
    known = harmonic()
    assert watch(known, 20, 40).kinds == ["excursion: Si to an interstitial"]
    assert watch(known, 20, 150).kinds == ["stay: Si to an interstitial"]
    assert watch(known, 20, 40, displacement=1.0).kinds == ["excursion: Si beside its site"]


def test_a_short_rise_in_which_nothing_moves_is_a_fluctuation():
    found = watch(harmonic(), 20, 40, displacement=0.0)
    assert found.events[0].dwell == "fluctuation"
    assert (found.entries(), found.kinds) == (0, [])


def test_an_event_that_the_end_cuts_has_no_class_yet_but_began():
    found = watch(harmonic(), 280, 300)
    assert found.events[0].dwell == "unfinished"
    assert (found.kinds, found.entries()) == ([], 1)
    assert found.exits("Si to an interstitial") == (0, pytest.approx(0.19))


def test_an_event_open_at_the_start_is_no_entry():
    found = watch(harmonic(), 0, 150)
    assert found.events[0].open_start
    assert found.entries() == 0
    assert found.exits("Si to an interstitial") == (1, pytest.approx(1.49))
    assert found.quiet_ps == pytest.approx(2.99 - 1.49)


def test_a_replica_begun_in_a_chosen_frame_is_counted_apart():
    """One frame of large σᴬ at the start: a return, and neither an event nor a quiet time."""
    found = watch(harmonic(), 0, 1, chosen=True)
    assert (found.events, found.quiet_ps, found.exposure) == ((), 0.0, 0.0)
    assert (found.began_inside, len(found.apart)) == (1, 1)
    assert found.apart_ps == pytest.approx(2.99)
    assert "1 of 1 replicas began inside one" in str(found)
    quiet = watch(harmonic(), 20, 40, chosen=True)
    assert (quiet.began_inside, quiet.entries()) == (0, 1)


def test_a_strained_cell_is_no_move():
    known = harmonic()
    time, sigma = series(60, ((20, 40),))
    cells = np.repeat(1.03 * known.perfect.cell.array[None], 60, axis=0)
    positions = np.repeat(1.03 * known.perfect.positions[None], 60, axis=0)
    detector = Detector(QUIET, 0, known)
    detector.update(time, sigma, positions, cells)
    assert detector.finish()[0].moves == ()


def test_a_scan_of_replicas_on_disk(tmp_path):
    known = harmonic()
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for number in range(3):
            inside = (100, 140) if number else (0, 0)
            time, sigma = series(stretches=(inside,), seed=number)
            file[f"{number}/time"], file[f"{number}/sigma"] = time, sigma
            file[f"{number}/positions"] = positions_of(known, len(time), *inside)
    with h5py.File(tmp_path / "e.h5") as file:
        names = ("time", "sigma", "positions")
        streams = [detection.hdf5_chunks(file[name], names, 33) for name in sorted(file)]
        found = detection.scan(streams, QUIET, known)
    assert [event.replica for event in found.events] == [1, 2]
    assert found.exposure == pytest.approx(3 * 3.99)
    assert found.quiet_ps == pytest.approx(3 * 3.99 - 2 * 0.39)
    assert found.share() == pytest.approx(2 * 0.39 / 11.97)
    both = join([found, found])
    assert len(both.events) == 4
    assert both.exposure == pytest.approx(2 * found.exposure)


def test_a_stay_is_watched_for_where_it_would_be_seen_to_stay():
    """In the last ps of a trajectory no event can be seen to stay."""
    quiet = watch(harmonic(), 0, 0)
    assert quiet.quiet_ps == pytest.approx(2.99)
    assert quiet.watched("stay: Si to an interstitial") == pytest.approx(1.99)
    hop = watch(harmonic(), 20, 150)  # from 0.2 to 1.49 ps
    assert hop.watched("stay") == pytest.approx(1.99 - 1.29)
    cut = watch(harmonic(), 190, 300)  # from 1.9 ps on, of which 0.09 ps before the last one
    assert cut.watched("stay") == pytest.approx(1.9)
    assert watch(harmonic(), 0, 0, n=50).watched("stay") == 0.0
    assert join([quiet, hop]).watched("stay") == pytest.approx(1.99 + 0.7)


# replicas that begin with an atom away from its site


def from_hopped(known, start=None, chosen=True, home=None, first_sigma=0.4, n=300):
    """σᴬ of the first frames is low by chance; atom 0 is away until frame `home`."""
    time, sigma = series(n, ((0, home or n),))
    sigma[:3] = first_sigma
    replica = (time, sigma, positions_of(known, n, 0, home or n))
    starts = None if start is None else [start]
    return detection.scan([iter([replica])], QUIET, known, [0], chosen, starts)


@pytest.mark.parametrize("first_sigma", [0.4, 1.2])
def test_a_replica_that_begins_hopped_has_not_entered(first_sigma):
    """The occupation of the sites decides, not σᴬ of the first frame."""
    found = from_hopped(harmonic(), first_sigma=first_sigma)
    assert (found.entries(), found.events, found.began_inside) == (0, (), 1)
    (event,) = found.apart
    assert event.open_start
    assert (event.start, event.dwell) == (0.0, "stay")
    assert event.began_as == "Si to an interstitial"
    assert not event.returned


def test_a_reference_that_begins_hopped_has_not_entered():
    found = from_hopped(harmonic(), chosen=False)
    assert found.entries() == 0
    assert found.exits("Si to an interstitial") == (0, pytest.approx(2.99))


def test_what_happens_after_a_return_is_seen_to_begin():
    """Of a reference that begins hopped and comes home: the second event is an entry."""
    known = harmonic()
    time, sigma = series(400, ((0, 60), (200, 390)))
    sigma[:3] = 0.4
    positions = positions_of(known, 400, 0, 60)
    positions[200:390, 3, 1] += 2.2
    found = detection.scan([iter([(time, sigma, positions)])], QUIET, known)
    assert [event.open_start for event in found.events] == [True, False]
    assert found.entries() == 1
    assert found.events[0].returned


def test_a_replica_whose_hopped_start_is_known_is_apart_though_it_is_home_at_once():
    known = harmonic()
    hopped = known.perfect.positions.copy()
    hopped[0, 0] += 2.2
    time, sigma = series(300, ())
    still = (time, sigma, positions_of(known, 300, 0, 0))
    start = (hopped, known.perfect.cell.array)
    found = detection.scan([iter([still])], QUIET, known, [0], True, [start])
    assert (found.began_inside, found.exposure, found.apart) == (1, 0.0, ())
    calm = detection.scan([iter([still])], QUIET, known, [0], True, [(still[2][0], start[1])])
    assert (calm.began_inside, calm.exposure) == (0, pytest.approx(2.99))


def test_an_atom_that_hops_on_has_not_returned():
    """σᴬ falls although the atom is not at its own site."""
    known = harmonic()
    assert from_hopped(known, home=60).apart[0].returned
    time, sigma = series(300, ((0, 60),))
    away = (time, sigma, positions_of(known, 300, 0, 300))
    found = detection.scan([iter([away])], QUIET, known, [0], True)
    (event,) = found.apart
    assert (event.open_end, event.home, event.returned) == (False, False, False)
