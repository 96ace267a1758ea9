"""What an exploration says: shares and lengths that are known, events that are counted."""

import numpy as np
import pytest
from explorations import explored, quiet
from hypothesis import given
from hypothesis import strategies as st
from models import silicon_cubic

from umklapp.config import Rounds
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.sampling import exploration, uncertainty
from umklapp.learning.sampling.recording import Trajectory
from umklapp.learning.stopping import search
from umklapp.learning.stopping.search import Seen

SETTINGS = Rounds(independent=20, share_above=0.03)


def doubts(above, n=100):
    """Largest u_I of n frames: `above` of them at 0.2, the others at 0.01 eV/Å."""
    return np.repeat([0.2, 0.01], [above, n - above])


def uncertain(above, factor=1.0, ratio=1.0, n=100):
    found = explored(quiet(1, n), spread=doubts(above, n))
    return search.still_uncertain(found, factor, ratio, 0.09, SETTINGS)


# share above the bound


@pytest.mark.parametrize(("above", "met"), [(0, True), (3, True), (4, False), (27, False)])
def test_share_of_frames_above_the_bound(above, met):
    """27 of 100, as in a round that once met every criterion."""
    found = uncertain(above)
    assert found.met is met
    assert found.value == pytest.approx(above / 100)
    assert found.words == (
        f"{above} of 100 explored frames ({above}.0%) have an expected error above 90.0 meV/Å on "
        "their worst atom (wanted 3% or less)"
    )


def test_expected_errors_are_those_of_acquisition():
    """Factor times spread; and raised where the new labels found more."""
    assert uncertain(4, factor=0.4).met  # 0.08 eV/Å
    raised = uncertain(4, factor=0.4, ratio=1.5)  # 0.12
    assert not raised.met
    assert "expected errors multiplied by 1.50 to agree with the new labels" in raised.words
    assert not uncertain(4, factor=1.0, ratio=0.2).met, "smaller errors lower nothing"
    assert uncertain(3, ratio=None).met


def test_what_is_not_known_is_not_met():
    none = search.still_uncertain(explored([]), 1.0, None, 0.09, SETTINGS)
    assert not none.met
    assert none.words == "nothing was explored"
    lost = explored([np.empty(0)], ended=["stopped at step 3: force"])
    assert (
        "every replica ended before"
        in search.still_uncertain(lost, 1.0, None, 0.09, SETTINGS).words
    )
    assert not uncertain(0, factor=None).met
    assert not search.still_uncertain(
        explored(quiet(1), spread=np.full(50, np.nan)), 1.0, None, 0.09, SETTINGS
    ).met


@given(st.integers(0, 100), st.integers(0, 100), st.floats(0.1, 3), st.floats(0.1, 3))
def test_more_uncertainty_or_larger_errors_never_meet_it(one, two, ratio, other):
    few, many, small, large = *sorted((one, two)), *sorted((ratio, other))
    assert uncertain(few, ratio=small).met or not uncertain(many, ratio=large).met


# length


def test_a_search_that_was_long_enough_and_saw_no_event():
    found = explored(quiet(4))
    criterion = search.long_enough(found, Seen(0, 19.6), None, SETTINGS)
    assert criterion.met
    assert criterion.value > 100  # 200 frames without memory, correlation time ½
    assert "19.6 ps of dynamics" in criterion.words
    assert "no event (with 95 % they are rarer than 0.15 per ps)" in criterion.words


def test_a_short_search_exhausts_nothing():
    criterion = search.long_enough(explored(quiet(2, 8)), Seen(0, 1.0), None, SETTINGS)
    assert not criterion.met
    assert 1 < criterion.value <= 16  # so many values there are
    assert "raise exploration.steps" in criterion.words


def test_the_slowest_series_sets_the_length():
    """σᴬ that changes every 50 frames, while energy and disagreement have no memory."""
    slow = [np.repeat(np.random.default_rng(k).normal(size=4), 50) for k in range(4)]
    assert search.independent_lengths(explored(slow)) < 40
    assert search.independent_lengths(explored(quiet(4, 200))) > 500
    none = explored([np.full(200, np.nan)] * 4)
    assert search.independent_lengths(none) > 500, "without σᴬ the others are left"


def test_dynamics_shorter_than_its_memory_is_not_long():
    """Four replicas of which each moves by a fraction of what they differ by: about four values."""
    generator = np.random.default_rng(0)
    drift = [generator.normal() + 0.02 * np.cumsum(generator.normal(size=200)) for _ in range(4)]
    assert search.independent_lengths(explored(drift)) < 10
    criterion = search.long_enough(explored(drift), Seen(0, 80.0), None, SETTINGS)
    assert not criterion.met
    assert "raise exploration.steps" in criterion.words
    hot = explored(quiet(2, 200) + quiet(2, 200, mean=0.9), targets=[300.0, 300.0, 600.0, 600.0])
    assert search.independent_lengths(hot) > 500, "temperatures may differ"


def test_one_replica_that_stopped_early_exhausts_nothing():
    ended = ["bound on steps reached"] * 3 + ["stopped at step 5: force"]
    found = search.long_enough(explored(quiet(4), ended=ended), Seen(0, 19.6), None, SETTINGS)
    assert not found.met
    assert found.words == "1 of 4 replicas stopped early (exploration.h5 says why)"


def test_a_pool_is_judged_whole():
    pool = explored([np.array([0.4])] * 5, starts=[""] * 5, targets=[np.nan] * 5)
    found = search.long_enough(pool, Seen(0, 0.0), None, SETTINGS)
    assert found.met
    assert found.words == "all 5 frames of the pool were judged"


# events


def write(path, hops, n=200, target=300.0):
    """An exploration of silicon with a frame every 100 fs; `hops` are stretches of frames in which
    an atom of a replica is 1.5 Å from its site, None for a quiet replica."""
    perfect, generator = silicon_cubic(), np.random.default_rng(0)
    replicas = []
    for hop in hops:
        inside = np.zeros(n, bool)
        inside[slice(*hop) if hop else slice(0)] = True
        positions = np.tile(perfect.positions, (n, 1, 1))
        positions[inside, 3] += 1.5 * np.array([1, 1, 1]) / np.sqrt(3)
        replicas.append(
            Trajectory(
                perfect,
                target,
                time=list(100.0 * np.arange(n)),
                positions=list(positions),
                cells=[perfect.cell.array] * n,
                forces=[np.zeros((8, 3))] * n,
                spread=[np.zeros(8)] * n,
                energy=[0.0] * n,
                temperature=[300.0] * n,
                shortest_distance=[2.0] * n,
                sigma=list(generator.normal(0.4, 0.05, n) + 1.5 * inside),
                measures={name: [0.0] * n for name in uncertainty.NAMES},
            )
        )
    exploration.write(path, replicas)
    return HarmonicReference(perfect, np.zeros((24, 24)), "")


@pytest.mark.parametrize(
    ("hops", "entries"),
    [
        ([None] * 3, 0),
        ([(80, 120), None, None], 1),
        ([(80, 120), (150, 200), None], 2),
        ([(0, 60), None, None], 0),  # it starts in the event, and only returns
    ],
)
def test_events_are_entered_within_a_replica(tmp_path, hops, entries):
    harmonic = write(tmp_path / "e.h5", hops)
    seen = search.events_seen(tmp_path / "e.h5", harmonic, {})
    assert seen.entries == entries
    assert seen.exposure == pytest.approx(19.9 * (3 if hops[0] != (0, 60) else 2))


def test_without_sigma_no_event_is_known(tmp_path):
    seen = search.events_seen(tmp_path / "none.h5", None, {})
    assert seen.entries is None
    assert search.enough_events(seen, None) == (
        True,
        "events were not looked for, because there is no σᴬ",
    )


def test_a_pool_has_no_events(tmp_path):
    harmonic = write(tmp_path / "e.h5", [None] * 3, n=1, target=float("nan"))
    assert search.events_seen(tmp_path / "e.h5", harmonic, {}) == Seen(0, 0.0)


@pytest.mark.parametrize(
    ("now", "before", "enough"),
    [
        (0, None, True), (0, 0, True), (1, None, False), (2, 0, False), (3, None, True),
        (0, 1, False), (0, 4, False), (0, 5, True), (7, 0, True), (1, 9, False),
    ],
)  # fmt: skip
def test_events_are_known_or_absent(now, before, enough):
    """None after n in as long a round: probability 2⁻ⁿ, below 5 % from five on."""
    earlier = None if before is None else Seen(before, 10.0)
    assert search.enough_events(Seen(now, 10.0), earlier)[0] is enough


def test_the_length_that_would_do_is_said():
    _, words = search.enough_events(Seen(1, 10.0), Seen(1, 30.0))
    assert words.startswith("1 event after 1 in the round before: too few")
    assert "60 ps are needed" in words  # three at one per 20 ps


def test_replicas_that_all_began_within_an_event_show_no_absence_of_events():
    """Nothing was watched, so that "no event" says nothing."""
    enough, words = search.enough_events(Seen(0, 0.0), None)
    assert not enough
    assert "every replica began within an event" in words
