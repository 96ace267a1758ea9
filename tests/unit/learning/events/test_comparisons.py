"""Rates compared class by class, in both directions."""

import numpy as np
import pytest
from observed import event, observation

from umklapp.learning.events import comparisons
from umklapp.learning.events.observations import Observation, join


def compare(one, two):
    return comparisons.adjusted(comparisons.compare("one", one, "two", two))


def decisive(one, two):
    return comparisons.decisive(compare(one, two))


def test_the_same_events_do_not_differ():
    assert decisive(observation(10), observation(9)) == []
    assert compare(observation(0), observation(0)) == []


def test_more_and_fewer_are_both_found():
    (test,) = decisive(observation(20), observation(3))
    assert (test.quantity, test.more) == ("entering", True)
    assert "begins more often in one than in two (20 began in 100 ps, 3 in 100 ps" in str(test)
    (test,) = decisive(observation(3), observation(20))
    assert not test.more


def test_quiet_time_counts_not_all_time():
    """Four events in 4 quiet ps of a long trajectory against four in 100 ps: more often."""
    (test,) = decisive(observation(4, 4.0, dwell=20000.0), observation(4, 100.0, dwell=20000.0))
    assert test.more


def test_events_that_last_longer_and_shorter_are_both_found():
    long = observation(8, dwell=8000.0)
    short = observation(8, dwell=1500.0)
    (test,) = decisive(long, short)
    assert (test.quantity, test.more) == ("leaving", True)
    assert "lasts longer" in str(test)
    (test,) = decisive(short, long)
    assert not test.more
    assert "ends sooner" in str(test)


def test_the_comparison_of_exits_is_the_exact_binomial_one():
    # 2 ps in events each, none left against 4 left: 2 · (1/2)^4
    stuck = Observation(events=(event(2000.0, open_end=True),), quiet_ps=100.0)
    tests = compare(stuck, observation(4, dwell=500.0))
    (leaving,) = [test for test in tests if test.quantity == "leaving"]
    assert leaving.p == pytest.approx(2 / 16)
    assert leaving.counts == (0, 4)


def test_events_that_differ_only_in_class_differ():
    """As many of them, but one source has excursions of 1 Å where the other has hops that stay."""
    excursions = observation(10, dwell=300.0, moved="own")
    hops = observation(10, dwell=2000.0)
    found = {(test.kind, test.more) for test in decisive(excursions, hops)}
    assert found == {
        ("excursion: Cu beside its site", True),
        ("stay: Cu to an interstitial", False),
    }


def test_hops_that_do_not_stay_are_one_finding():
    """They are excursions more often and stays less often: left too soon, said once."""
    short, long = observation(12, dwell=300.0), observation(12, dwell=6000.0)
    (test,) = decisive(short, long)
    assert (test.quantity, test.more) == ("leaving", False)


def test_events_cut_by_the_end_count_among_all():
    unfinished = observation(12, dwell=200.0, open_end=True)
    (test,) = decisive(unfinished, observation(0))
    assert test.kind == "any event"


def test_events_open_at_the_start_are_no_entries():
    started = observation(12, open_start=True, start=0.0)
    assert all(test.quantity == "leaving" for test in compare(started, observation(0)))


def test_many_tests_need_smaller_p_values():
    one, two = observation(6), observation(0)
    alone = compare(one, two)
    assert alone[0].significant
    rest = [compare(observation(5, moved="own", dwell=300.0), observation(5, moved="own"))[0]] * 5
    crowd = comparisons.adjusted([*comparisons.compare("one", one, "two", two), *rest])
    assert not crowd[0].significant


def test_joined_observations_add_up():
    both = join([observation(3), observation(2, 50.0)])
    assert (both.entries(), both.quiet_ps, both.replicas) == (5, 150.0, 5)
    assert both.exits("Cu to an interstitial") == (5, pytest.approx(10.0))


def test_short_replicas_in_which_no_event_can_stay_are_no_missed_stays():
    """Equal rates, a hop per ps; but replicas of 1.2 ps show few of them staying."""
    unfinished = [event(600.0, open_end=True, replica=n) for n in range(14)]
    stays = [event(1100.0, open_end=True, replica=n) for n in (14, 15)]
    short = Observation(events=(*unfinished, *stays), quiet_ps=16.0, stay_ps=3.0)
    long = observation(16, 16.0, open_end=True)
    assert decisive(short, long) == []
    (test,) = decisive(short.model_copy(update={"stay_ps": 16.0}), long)
    assert test.counts == (2, 16), "as if all of their time had been long enough"


def mixed(generator, count=10):
    """Events of one motion of which most return within 0.1 ps and a few stay for 10 ps."""
    stays = generator.random(count) < 0.2
    dwells = np.where(
        stays, 1 + generator.exponential(10, count), generator.exponential(0.1, count)
    )
    events = [event(1000 * dwell, replica=n) for n, dwell in enumerate(dwells)]
    return Observation(events=tuple(events), quiet_ps=100.0)


def test_equal_sources_of_mixed_dwell_times_are_rarely_found_different():
    """Half of them were: as if one stay of 10 ps were a hundred measurements of a rate."""
    generator = np.random.default_rng(0)
    pairs = [(mixed(generator), mixed(generator)) for _ in range(60)]
    assert sum(bool(decisive(*pair)) for pair in pairs) <= 6
