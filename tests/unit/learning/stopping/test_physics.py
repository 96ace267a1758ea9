"""Whether σᴬ and κ have stopped moving: like with like, and no limit that lets all pass."""

import numpy as np
import pytest
from explorations import explored, quiet
from hypothesis import given, settings
from hypothesis import strategies as st

from umklapp.config import Rounds
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.sampling.exploration import CRYSTAL, HOPPED
from umklapp.learning.stopping import physics

SETTINGS = Rounds(kappa_change=0.1, kappa_spread=0.25, sigma_change=0.02, sigma_error=0.25)


def sigma(now, before, rounds=SETTINGS):
    """Criterion from two explorations."""
    earlier = None if before is None else physics.stationary_stretches(before)
    return physics.sigma(physics.stationary_stretches(now), earlier, rounds)


# stretches


def test_stretches_by_start_and_temperature():
    series = [np.full(20, 0.1), np.full(20, 0.2), np.full(20, 0.3), np.full(20, 0.4)]
    starts, targets = [CRYSTAL, HOPPED, CRYSTAL, CRYSTAL], [300.0, 300.0, 600.0, 300.0]
    found = physics.stationary_stretches(explored(series, starts, targets))
    assert set(found) == {(CRYSTAL, 300.0), (HOPPED, 300.0), (CRYSTAL, 600.0)}
    assert {float(piece[0]) for piece in found[CRYSTAL, 300.0]} == {0.1, 0.4}


def test_few_replicas_are_cut_in_time_and_nothing_is_lost():
    series = quiet(2, 40)
    series[0][3] = np.nan
    found = physics.stationary_stretches(explored(series))[CRYSTAL, 300.0]
    assert len(found) == 4
    assert sum(map(len, found)) >= 60  # at most a quarter of a replica counts as equilibration
    assert all(np.isfinite(piece).all() for piece in found)


def test_no_stretch_is_shorter_than_its_memory():
    """A replica that changes once has no independent halves."""
    step = np.repeat([0.4, 0.5], 100)
    assert len(physics.stationary_stretches(explored([step]))[CRYSTAL, 300.0]) < 4


def test_equilibration_is_left_out():
    drift = np.concatenate([np.linspace(2.0, 0.4, 40), quiet(1, 160)[0]])
    found = physics.stationary_stretches(explored([drift] * 4))[CRYSTAL, 300.0]
    assert max(piece.max() for piece in found) < 0.8
    assert physics.stationary_stretches(explored([np.full(9, np.nan)])) == {}


def test_frames_of_a_pool_are_one_kind():
    pool = explored([np.array([x]) for x in quiet(1, 6)[0]], [""] * 6, [np.nan] * 6)
    assert [len(v) for v in physics.stationary_stretches(pool).values()] == [6]


# σᴬ


def test_the_anharmonicity_has_stopped_moving():
    found = sigma(explored(quiet(8)), explored(quiet(8, seed=1)))
    assert found.met
    assert found.words.startswith("σᴬ = 0.398 ± 0.050 in the dynamics, its distribution moved")
    assert found.value < found.limit < 0.06


def test_a_shifted_anharmonicity_still_moves():
    found = sigma(explored(quiet(8, mean=0.5)), explored(quiet(8, seed=1)))
    assert not found.met
    assert found.value == pytest.approx(0.1, abs=0.02)


def test_replicas_that_start_in_an_event_are_not_compared_with_those_that_do_not():
    """Half the replicas of the second round start inside the event (σᴬ 1.9 instead of 0.44).

    Compared as one, exchanging them gave a limit of 0.447, and anything would have passed.
    """
    before = explored(quiet(8, mean=0.44, seed=1))
    hopped = [*quiet(4, mean=0.44), *quiet(4, mean=1.9)]
    starts = [CRYSTAL] * 4 + [HOPPED] * 4
    same = sigma(explored(hopped, starts), before)
    assert same.met
    assert same.limit < 0.07
    moved = [*quiet(4, mean=0.6), *quiet(4, mean=1.9)]
    assert not sigma(explored(moved, starts), before).met
    only = sigma(explored(quiet(4, mean=1.9), [HOPPED] * 4), before)
    assert not only.met
    assert "no replicas of the round before started in the same way" in only.words


def test_a_limit_that_lets_everything_pass_is_no_limit():
    """Half the replicas hop, in both rounds: the error bar is as large as σᴬ itself."""
    now, before = ([*quiet(4, seed=k), *quiet(4, mean=1.9, seed=k)] for k in (0, 1))
    found = sigma(explored(now), explored(before))
    assert not found.met
    assert found.limit is None
    assert "undecided" in found.words
    assert "raise exploration.steps" in found.words


def test_hot_and_cold_replicas_do_not_widen_the_limit():
    series = [*quiet(4, mean=0.2), *quiet(4, mean=0.6)]
    targets = [300.0] * 4 + [600.0] * 4
    found = sigma(explored(series, targets=targets), explored(series, targets=targets))
    assert found.met
    assert found.limit < 0.06


def test_too_few_stretches_decide_nothing():
    """A replica that changes once has no independent parts."""
    step = np.repeat([0.40, 0.41], 100)
    found = sigma(explored([step]), explored([step]))
    assert not found.met
    assert "too few independent stretches" in found.words


def test_anharmonicity_that_cannot_be_judged_is_not_met():
    first = sigma(explored(quiet(4)), None)
    assert not first.met
    assert "no earlier round" in first.words
    none = sigma(explored([np.full(50, np.nan)] * 4), explored(quiet(4)))
    assert not none.met
    assert "no harmonic reference" in none.words
    assert not sigma(explored(quiet(4)), explored([np.full(50, np.nan)] * 4)).met


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 0.3), st.floats(0, 0.3))
def test_a_larger_shift_is_never_met_where_a_smaller_was_not(one, two):
    """Of the same series: the error bar grows with the shift, and less than it."""
    small, large = sorted((one, two))
    before = explored(quiet(8, seed=1))
    found = [sigma(explored(quiet(8, mean=0.4 + shift)), before) for shift in (small, large)]
    assert found[0].met or not found[1].met


# κ


def test_kappa_has_stopped_moving():
    found = physics.kappa([10.0, 10.2], [9.6, 9.8], SETTINGS)
    assert found.met
    assert found.value == pytest.approx(0.4)
    assert found.limit == pytest.approx(1.01)
    assert found.words == "κ = 10.1 ± 0.14 W/(m K), moved by 0.4 (wanted 1)"


def test_kappa_still_moves():
    found = physics.kappa([10.0, 10.0], [8.9, 8.9], SETTINGS)
    assert not found.met
    assert "moved by 1.1" in found.words


def test_a_move_within_the_error_bar_counts_as_none():
    # spread 1.98 > 10 % of 10; members agree within 25 %
    assert physics.kappa([8.6, 11.4], [8.1, 8.1], SETTINGS).met
    assert not physics.kappa([8.6, 11.4], [7.9, 7.9], SETTINGS).met


def test_members_that_differ_are_not_converged_however_still():
    found = physics.kappa([7.0, 13.0], [7.0, 13.0], SETTINGS)
    assert not found.met
    assert "members differ by 42% (wanted 25%)" in found.words


def test_kappa_missing_now_or_before():
    first = physics.kappa([10.0, 10.2], None, SETTINGS)
    assert not first.met
    assert first.words == "κ = 10.1 ± 0.14 W/(m K); no earlier round to compare with"
    now = physics.kappa([10.0, None, None], [10.0, 10.0, 10.0], SETTINGS)
    assert not now.met
    assert now.words == "κ was not computed for 2 members"
    before = physics.kappa([10.0, 10.0], [None, 10.0], SETTINGS)
    assert not before.met
    assert "the round before has no κ" in before.words


# fine-tuning


def test_a_material_that_forgot_is_told_what_to_do():
    tuned = CommitteeFinetuning(
        members=[], labels=1, forgetting=1.8, limit=1.5, words="curvature MAE 0.1 → 0.01"
    )
    bad = physics.forgetting(tuned)
    assert not bad.met
    assert "it forgets too much; raise finetune.cotraining" in bad.words
    good = physics.forgetting(tuned.model_copy(update={"forgetting": 1.2}))
    assert good.met
    assert good.words == "curvature MAE 0.1 → 0.01"


def test_the_sigma_in_the_sentence_is_the_one_that_was_compared():
    """Hopped replicas at 1.9 that the round before did not have are no part of the 0.40."""
    starts = ["crystal"] * 4 + ["hopped"] * 4
    now = physics.stationary_stretches(explored(quiet(4) + quiet(4, mean=1.9), starts=starts))
    before = physics.stationary_stretches(explored(quiet(8, seed=1)))
    found = physics.sigma(now, before, Rounds())
    assert found.met
    assert found.words.startswith("σᴬ = 0.40")
    assert "50% of the dynamics started in another way" in found.words
    alike = physics.sigma(before, before, Rounds())
    assert "another way" not in alike.words


@pytest.mark.parametrize("members", [[], [9.0, float("nan")], [9.0, None]])
def test_kappa_that_is_no_number_is_not_met(members):
    found = physics.kappa(members, [9.0, 9.0], Rounds())
    assert not found.met
    assert "κ was not computed for" in found.words
