"""When a material is worked on: how anharmonic it is, and how far its κ may move."""

import math

import pytest
from baselines import at, baseline

from umklapp.config import GreenKubo
from umklapp.learning.events.verdict import Verdict
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.rank import rank
from umklapp.transport.rank_record import Rank


def green_kubo(kappa, atoms=1000, temperature=300.0):
    settings = GreenKubo().model_dump(mode="json")
    return GreenKuboRecord(
        kappa_W_per_mK=kappa, temperature_K=temperature, atoms=atoms, settings=settings
    )


def unstable():
    return at("relaxed", None, "not dynamically stable")


def test_the_lattice_moves_kappa():
    made = rank(baseline(at("given", 8.0), at("relaxed", 4.0)), None, None)
    assert made.kappa_change == pytest.approx(math.log(2))
    assert made.sigma_A == 0.2
    assert "factor of 2.00" in made.words


def test_of_two_changes_the_larger_counts_in_both_directions():
    record = baseline(at("given", 8.0), at("relaxed", 9.0))
    assert rank(record, green_kubo(2.0), None).kappa_change == pytest.approx(math.log(4))
    assert rank(record, green_kubo(32.0), None).kappa_change == pytest.approx(math.log(4))


@pytest.mark.parametrize("changes", [{"atoms": 64}, {"temperature": 600.0}, {"kappa": None}])
def test_what_is_no_result_changes_nothing(changes):
    record = green_kubo(**{"kappa": 1.0, **changes})
    assert rank(baseline(at("given", 8.0), None), record, None).kappa_change is None


def test_an_unstable_crystal_comes_first_at_whichever_lattice():
    quiet = rank(baseline(at("given", 8.0), at("relaxed", 7.0)), None, None)
    for cells in ((at("given", 8.0), unstable()), (unstable(), at("relaxed", 7.0))):
        shaky = rank(baseline(*cells), None, None)
        assert not shaky.stable
        assert shaky.kappa_change is None
        assert shaky.by_anharmonicity > quiet.by_anharmonicity
        assert shaky.by_kappa_change > quiet.by_kappa_change


def test_a_missed_event_comes_before_any_anharmonicity_but_not_before_an_instability():
    record = baseline(at("given", 8.0), None)
    missed = rank(record, None, Verdict(verdict="missed event", reason="a hop"))
    sound = rank(record, None, Verdict(verdict="sound", reason="none"))
    shaky = rank(baseline(unstable(), None), None, None)
    assert sound.by_anharmonicity == 0.2
    assert 100 < missed.by_anharmonicity < shaky.by_anharmonicity
    assert "missed event" in missed.words


def test_nothing_to_compare_comes_after_everything_that_was_compared():
    without = rank(baseline(at("given", 8.0), None), None, None)
    same = rank(baseline(at("given", 8.0), at("relaxed", 8.0)), None, None)
    assert without.kappa_change is None
    assert without.by_kappa_change < same.by_kappa_change == 0


def test_a_rank_is_read_again(tmp_path):
    made = rank(baseline(at("given", 8.0), at("relaxed", 4.0)), None, None)
    made.write(tmp_path / "rank.json")
    stored = Rank.read(tmp_path / "rank.json")
    assert (stored.kappa_change, stored.words) == (made.kappa_change, made.words)
