import numpy as np
import pytest
from models import rattled_silicon

from umklapp.config import Rounds
from umklapp.crystals.frames import labelled
from umklapp.learning import rounds
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.rounds import NewLabels
from umklapp.learning.sampling.exploration import Explored
from umklapp.wording import in_milli

SETTINGS = Rounds(
    max=3, force_error=0.03, calibration_band=2.0, kappa_change=0.1, kappa_spread=0.25
)


def labels(error=0.02, spread=0.02, accepted=4, failed=0, explored=40, n=10, **more):
    """New labels with the same error of every atom, in one component of the force."""
    none = accepted == failed
    components = np.tile([error, 0.0, 0.0], 0 if none else n)
    atoms = np.full(0 if none else n, error)
    return NewLabels(
        components, atoms, np.full(len(atoms), spread), accepted, failed, explored, **more
    )


def explored(n=3, ended=("bound on steps reached",)):
    frames = rattled_silicon(n)
    none = np.zeros(n)
    forces = [frame.get_forces() + np.array([0.0, 0.3, -0.4]) for frame in frames]
    spread = [np.full(8, 0.1 * (number + 1)) for number in range(n)]
    columns = dict.fromkeys(
        ("replica", "target_temperature", "time", "energy", "temperature", "shortest_distance",
         "sigma"), none,
    )  # fmt: skip
    found = Explored(
        frames=frames, forces=forces, spread=spread, measures={}, descriptors=none[:, None],
        ended=list(ended), **columns,
    )  # fmt: skip
    for number, frame in enumerate(frames):
        frame.info["explored"] = number
    return found, frames


# what the labels say


def test_new_labels_are_compared_with_the_frames_they_came_from():
    found, frames = explored()
    new = rounds.new_labels(found, [frames[2], frames[0]], accepted=3, failed=1)
    assert new.errors.shape == (48,)
    np.testing.assert_allclose(np.sort(np.unique(new.errors.round(9))), [0, 0.3, 0.4])
    np.testing.assert_allclose(new.atom_errors, 0.5)
    np.testing.assert_allclose(new.atom_spread, [0.3] * 8 + [0.1] * 8)
    assert (new.accepted, new.failed, new.explored) == (3, 1, 3)


def test_a_label_of_another_frame_would_show():
    found, frames = explored()
    right = rounds.new_labels(found, [frames[0]], 1, 0)
    other = labelled(frames[0], 0.0, frames[1].get_forces(), explored=0)
    wrong = rounds.new_labels(found, [other], 1, 0)
    assert not np.allclose(wrong.atom_errors, right.atom_errors)


def test_no_labels_are_no_errors():
    found, _ = explored()
    new = rounds.new_labels(found, [], accepted=2, failed=2)
    assert len(new.errors) == len(new.atom_errors) == len(new.atom_spread) == 0


# force


def test_force_error_within_the_wanted_one():
    found = rounds.force_criterion(labels(error=0.06), 0.021)
    assert found.met  # one component of three: the mean is 0.02
    assert found.value == pytest.approx(0.02)
    assert found.limit == 0.021
    assert found.words == "force MAE 20.0 meV/Å on 4 labels it had not seen (wanted 21.0)"


def test_as_good_as_asked_is_good_enough():
    new = NewLabels(np.array([0.25, 0.75]), np.ones(1), np.ones(1), 1, 0, 5)
    assert rounds.force_criterion(new, 0.5).met
    assert not rounds.force_criterion(new, 0.499).met


def test_force_error_beyond_the_wanted_one():
    found = rounds.force_criterion(labels(error=0.12), 0.03)
    assert not found.met
    assert found.value == pytest.approx(0.04)
    assert "40.0 meV/Å" in found.words
    assert "wanted 30.0" in found.words


def test_failed_labels_are_said_and_not_counted():
    found = rounds.force_criterion(labels(accepted=5, failed=2), 0.03)
    assert "on 3 labels" in found.words
    assert "2 labels failed and are not counted" in found.words


def test_an_exhausted_search_is_a_good_prediction():
    found = rounds.force_criterion(labels(accepted=0, explored=77), 0.03)
    assert found == rounds.Criterion(
        True, None, 0.03, "nothing uncertain found in 77 explored frames"
    )


def test_a_search_that_broke_down_at_once_is_no_exhausted_search():
    found, _ = explored(0, ended=["stopped at step 3: two atoms", "stopped at step 5: force"])
    new = rounds.new_labels(found, [], accepted=0, failed=0)
    criterion = rounds.force_criterion(new, 0.03)
    assert not criterion.met
    assert "every replica ended before its first kept frame" in criterion.words
    assert not rounds.assess(0, new, 1.0, {}, SETTINGS)["converged"]


def test_one_replica_that_stopped_early_forbids_an_exhausted_search():
    found, _ = explored(3, ended=["bound on steps reached", "stopped at step 5: force"])
    criterion = rounds.force_criterion(rounds.new_labels(found, [], 0, 0), 0.03)
    assert not criterion.met
    assert "but 1 replicas stopped early" in criterion.words


def test_an_empty_pool_is_an_exhausted_search():
    found, _ = explored(0, ended=[])
    assert rounds.force_criterion(rounds.new_labels(found, [], 0, 0), 0.03).met


def test_when_all_labels_failed_nothing_is_known():
    found = rounds.force_criterion(labels(accepted=4, failed=4), 0.03)
    assert not found.met
    assert found.value is None
    assert found.words == "all 4 new labels failed: no error is known"


# calibration


@pytest.mark.parametrize(
    ("ratio", "met"), [(0.45, False), (0.55, True), (1.0, True), (1.9, True), (2.1, False)]
)
def test_calibration_band(ratio, met):
    found = rounds.calibration_criterion(labels(error=0.02 * 3 * ratio), factor=3.0, band=2.0)
    assert found.met is met
    assert found.value == pytest.approx(ratio)
    assert found.words == f"error is {ratio:.2f} times the expected one (wanted 0.50 to 2.00)"


def test_a_committee_without_uncertainty_is_never_calibrated():
    found = rounds.calibration_criterion(labels(), None, 2.0)
    assert not found.met
    assert "no uncertainty" in found.words


def test_calibration_is_a_root_mean_square():
    new = NewLabels(np.zeros(6), np.array([1.0, 7.0]), np.array([1.0, 1.0]), 1, 0, 5)
    assert rounds.calibration_criterion(new, 1.0, 2.0).value == pytest.approx(5.0)


def test_calibration_without_labels():
    assert rounds.calibration_criterion(labels(accepted=0), 1.0, 2.0).met
    found = rounds.calibration_criterion(labels(accepted=3, failed=3), 1.0, 2.0)
    assert not found.met
    assert "no new labels" in found.words


def test_a_committee_without_spread_is_not_calibrated():
    found = rounds.calibration_criterion(labels(spread=0.0), 1.0, 2.0)
    assert not found.met
    assert np.isfinite(found.value)


# κ


def test_kappa_has_stopped_moving():
    found = rounds.kappa_criterion([10.0, 10.2], [9.6, 9.8], SETTINGS)
    assert found.met
    assert found.value == pytest.approx(0.4)
    assert found.limit == pytest.approx(1.01)
    assert found.words == "κ = 10.1 ± 0.1 W/(m K), moved by 0.4 (wanted 1)"


def test_kappa_still_moves():
    found = rounds.kappa_criterion([10.0, 10.0], [8.9, 8.9], SETTINGS)
    assert not found.met
    assert "moved by 1.1" in found.words


def test_a_move_within_the_error_bar_counts_as_none():
    # spread 2 > 10 % of 10; members agree within 25 %
    assert rounds.kappa_criterion([8.0, 12.0], [8.1, 8.1], SETTINGS).met
    assert not rounds.kappa_criterion([8.0, 12.0], [7.9, 7.9], SETTINGS).met


def test_members_that_differ_are_not_converged_however_still():
    found = rounds.kappa_criterion([7.0, 13.0], [7.0, 13.0], SETTINGS)
    assert not found.met
    assert "members differ by 30% (wanted 25%)" in found.words


def test_the_first_round_has_nothing_to_compare_with():
    found = rounds.kappa_criterion([10.0, 10.2], None, SETTINGS)
    assert not found.met
    assert found.words == "κ = 10.1 ± 0.1 W/(m K); no earlier round to compare with"


def test_kappa_missing_now_or_before():
    now = rounds.kappa_criterion([10.0, None, None], [10.0, 10.0, 10.0], SETTINGS)
    assert not now.met
    assert now.words == "κ was not computed for 2 members"
    before = rounds.kappa_criterion([10.0, 10.0], [None, 10.0], SETTINGS)
    assert not before.met
    assert "the round before has no κ" in before.words


# σᴬ


def stretches(mean, replicas=4, n=50, seed=0):
    return list(np.random.default_rng(seed).normal(mean, 0.05, size=(replicas, n)))


def test_the_anharmonicity_has_stopped_moving():
    found = rounds.sigma_criterion(stretches(0.4), stretches(0.4, seed=1), SETTINGS)
    assert found.met
    assert found.words.startswith("σᴬ = 0.4")
    assert found.value < found.limit


def test_a_shifted_anharmonicity_still_moves():
    found = rounds.sigma_criterion(stretches(0.5), stretches(0.4, seed=1), SETTINGS)
    assert not found.met
    assert found.value == pytest.approx(0.1, abs=0.02)


def test_a_few_events_more_are_within_the_error_bar_of_few_replicas():
    """One replica of four in an event: the next round need not have one."""
    event = [*stretches(0.4)[:3], stretches(1.5)[0]]
    assert rounds.sigma_criterion(event, stretches(0.4, seed=1), SETTINGS).met


def test_anharmonicity_without_an_earlier_round_or_without_a_reference():
    first = rounds.sigma_criterion(stretches(0.4), None, SETTINGS)
    assert not first.met
    assert "no earlier round" in first.words
    none = rounds.sigma_criterion([], None, SETTINGS)
    assert none.met
    assert "not judged" in none.words
    assert not rounds.sigma_criterion(stretches(0.4), [], SETTINGS).met


def test_few_replicas_are_cut_in_time():
    sigma, replica = np.arange(20.0), np.repeat([0, 1], 10)
    sigma[3] = np.nan
    found = rounds.blocks(sigma, replica)
    assert len(found) == 4
    np.testing.assert_array_equal(np.concatenate(found), np.delete(np.arange(20.0), 3))
    assert rounds.blocks(np.full(4, np.nan), np.zeros(4)) == []


# the verdict

GOOD = {"labels": labels(), "kappa": [10.0, 10.2], "previous_kappa": [9.9, 10.1]}


def assess(number=1, **changes):
    arguments = GOOD | changes
    physics = {
        "kappa": rounds.kappa_criterion(arguments["kappa"], arguments["previous_kappa"], SETTINGS)
    }
    return rounds.assess(number, arguments["labels"], 1.0, physics, SETTINGS)


def test_all_criteria_met_is_converged():
    verdict = assess()
    assert verdict["converged"]
    assert verdict["finished"]
    assert verdict["reason"].startswith("converged: force MAE 6.7 meV/Å")
    assert "error is 1.00 times" in verdict["reason"]
    assert "κ = 10.1" in verdict["reason"]
    assert set(verdict["criteria"]) == {"force", "calibration", "kappa"}
    assert all(item["met"] for item in verdict["criteria"].values())
    assert (verdict["explored"], verdict["accepted"], verdict["failed"]) == (40, 4, 0)


@pytest.mark.parametrize(
    ("changes", "words", "held"),
    [
        ({"labels": labels(error=0.3, spread=0.3)}, "force MAE 100.0", "times the expected"),
        ({"labels": labels(spread=0.2)}, "error is 0.10 times", "force MAE"),
        ({"kappa": [20.0, 20.0]}, "moved by", "force MAE"),
        ({"kappa": [None, 10.0]}, "not computed for 1 members", "force MAE"),
        ({"previous_kappa": None}, "no earlier round", "force MAE"),
        ({"labels": labels(accepted=2, failed=2)}, "all 2 new labels failed", "κ ="),
    ],
)
def test_each_criterion_alone_asks_for_another_round(changes, words, held):
    verdict = assess(**changes)
    assert not verdict["converged"]
    assert not verdict["finished"]
    assert verdict["reason"].startswith("another round: ")
    assert words in verdict["reason"]
    assert held not in verdict["reason"]


def test_the_cap_is_not_converged():
    open_points = {"kappa": [20.0, 20.0]}
    assert not assess(number=1, **open_points)["finished"]
    verdict = assess(number=2, **open_points)
    assert verdict["finished"]
    assert not verdict["converged"]
    assert verdict["reason"].startswith("NOT converged at the cap of 3 rounds: κ = 20")


def test_convergence_in_the_last_round_is_convergence():
    verdict = assess(number=2)
    assert verdict["converged"]
    assert verdict["reason"].startswith("converged")


def test_an_exhausted_search_still_waits_for_kappa():
    nothing = labels(accepted=0)
    assert assess(labels=nothing)["converged"]
    assert not assess(labels=nothing, previous_kappa=None)["converged"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0200, "20.0"), (0.3250, "325.0"), (3.6e-5, "0.036"), (0.001, "1.0")]
)
def test_small_errors_are_not_said_to_be_zero(value, text):
    assert in_milli(value) == text


# fine-tuning


def test_a_material_that_forgot_is_not_converged():
    """Everything else holds; the reason says what to do."""
    tuned = CommitteeFinetuning(
        members=[], labels=1, forgetting=1.8, limit=1.5, words="curvature MAE 0.1 → 0.01"
    )
    bad = rounds.forgetting_criterion(tuned)
    verdict = rounds.assess(0, labels(), 1.0, {"finetune": bad}, SETTINGS)
    assert not verdict["converged"]
    assert "it forgets too much; raise finetune.cotraining" in verdict["reason"]
    good = rounds.forgetting_criterion(tuned.model_copy(update={"forgetting": 1.2}))
    assert rounds.assess(0, labels(), 1.0, {"finetune": good}, SETTINGS)["converged"]
    assert good.words == "curvature MAE 0.1 → 0.01"
