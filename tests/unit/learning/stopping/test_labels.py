"""What new labels say: exact counts, and that no worse error is ever a better one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import rattled_silicon

from umklapp.config import Acquisition, Rounds
from umklapp.crystals.frames import labelled
from umklapp.learning.sampling.exploration import Explored
from umklapp.learning.stopping import labels
from umklapp.learning.stopping.labels import NewLabels

SETTINGS = Rounds(force_error=0.03, calibration_band=2.0, check_labels=4)
BOUND = Acquisition().bound(SETTINGS.force_error)


def new(atom_errors=(0.02,) * 10, spread=0.02, count=4, checks=4, failed=0):
    """Labels whose errors (eV/Å) point along one axis."""
    atoms = np.array(atom_errors, float)
    components = np.stack([atoms, np.zeros_like(atoms), np.zeros_like(atoms)], axis=1).ravel()
    doubt = np.broadcast_to(np.array(spread, float), atoms.shape).copy()
    return NewLabels(components, atoms, doubt, count, checks, failed)


NONE = new(atom_errors=(), count=0, checks=0)


def exploration(n=3):
    frames = rattled_silicon(n)
    none = np.zeros(n)
    forces = [frame.get_forces() + np.array([0.0, 0.3, -0.4]) for frame in frames]
    spread = [np.full(8, 0.1 * (row + 1)) for row in range(n)]
    names = (
        *("replica", "target_temperature", "time", "energy", "temperature"),
        *("shortest_distance", "sigma"),
    )
    found = Explored(
        frames=frames, forces=forces, spread=spread, measures={}, descriptors=none[:, None],
        ended=["bound on steps reached"], starts=["crystal"], **dict.fromkeys(names, none),
    )  # fmt: skip
    for row, frame in enumerate(frames):
        frame.info["explored"] = row
    return found, frames


def test_labels_are_compared_with_the_frames_they_came_from():
    found, frames = exploration()
    compared = labels.new_labels(found, [frames[2], frames[0]], checks=[0, 1], failed=1)
    assert compared.errors.shape == (48,)
    np.testing.assert_allclose(np.unique(compared.errors.round(9)), [0, 0.3, 0.4])
    np.testing.assert_allclose(compared.atom_errors, 0.5)
    np.testing.assert_allclose(compared.atom_spread, [0.3] * 8 + [0.1] * 8)
    assert (compared.labelled, compared.checks, compared.failed) == (2, 1, 1)


def test_a_label_of_another_frame_would_show():
    found, frames = exploration()
    right = labels.new_labels(found, [frames[0]], [], 0)
    other = labelled(frames[0], 0.0, frames[1].get_forces(), explored=0)
    wrong = labels.new_labels(found, [other], [], 0)
    assert not np.allclose(wrong.atom_errors, right.atom_errors)


def test_no_labels_meet_nothing():
    """Nothing to judge by is no agreement, whether nothing was asked or everything failed."""
    found, _ = exploration()
    for failed, words in ((0, "no new labels to judge by"), (2, "all 2 new labels failed")):
        none = labels.new_labels(found, [], [], failed)
        criteria = labels.criteria(none, 1.0, BOUND, SETTINGS)
        assert not any(each.met for each in criteria.values())
        assert words in criteria["calibration"].words
        assert words in criteria["force"].words
    assert "no frame drawn at random is labelled (wanted" in criteria["checks"].words


# mean and largest error


def test_mean_error_within_and_beyond_the_wanted_one():
    good = labels.mean_error(new([0.06] * 10), 0.021)  # one component of three: the mean is 0.02
    assert good.met
    assert good.value == pytest.approx(0.02)
    assert good.words == "force MAE 20.0 meV/Å on 4 labels it had not seen (wanted 21.0)"
    assert not labels.mean_error(new([0.12] * 10), 0.03).met


def test_as_good_as_asked_is_good_enough():
    assert labels.largest_error(new([0.25, 0.1]), 0.25).met
    assert not labels.largest_error(new([0.25, 0.1]), 0.2499).met


def test_one_atom_wrong_by_much_among_64_is_enough_to_go_on():
    """The mean over all components does not see it."""
    one = new([0.4] + [0.01] * 63, spread=[0.4] + [0.01] * 63)
    criteria = labels.criteria(one, 1.0, BOUND, SETTINGS)
    assert criteria["force"].met
    assert criteria["calibration"].met  # the committee has said so
    assert not criteria["worst_atom"].met
    assert criteria["worst_atom"].value == pytest.approx(0.4)
    assert criteria["worst_atom"].words == "the worst atom is wrong by 400.0 meV/Å (wanted 180.0)"


def test_what_is_wanted_of_the_worst_atom():
    """Twice the bound of acquisition, or as configured."""
    assert Rounds(force_error=0.02).worst(Acquisition().bound(0.02)) == pytest.approx(0.12)
    assert Rounds(worst_error=0.05).worst(0.09) == 0.05
    assert Acquisition(lower=0.07).bound(0.02) == 0.07


def test_failed_labels_are_said_and_not_counted():
    found = labels.mean_error(new(count=3, failed=2), 0.03)
    assert "on 3 labels" in found.words
    assert "2 labels failed and not counted" in found.words


# number


@pytest.mark.parametrize(("checks", "met"), [(0, False), (3, False), (4, True), (9, True)])
def test_enough_labels_drawn_at_random(checks, met):
    assert labels.enough(new(checks=checks), 4).met is met


def test_the_number_of_labels_and_what_it_says():
    assert labels.probability(9) == pytest.approx(0.9)
    assert labels.enough(new(count=9, checks=8), 9).words == (
        "8 frames drawn at random are labelled (wanted 9); a further frame is no worse than the "
        "worst of them with a probability of 89%"
    )


@pytest.mark.parametrize("n", [1, 4, 9])
def test_a_further_frame_is_no_worse_as_often_as_said(n):
    """Of whatever distribution: here a heavy tail."""
    generator = np.random.default_rng(n)
    drawn = generator.pareto(1.2, size=(20000, n + 1))
    share = (drawn[:, -1] <= drawn[:, :-1].max(axis=1)).mean()
    assert share == pytest.approx(labels.probability(n), abs=4 * np.sqrt(0.25 / 20000))


# calibration


@pytest.mark.parametrize(("ratio", "met"), [(0.1, True), (1.0, True), (1.9, True), (2.1, False)])
def test_only_errors_larger_than_expected_count(ratio, met):
    found = labels.calibration(new([0.02 * 3 * ratio] * 10), factor=3.0, band=2.0)
    assert found.met is met
    assert found.value == pytest.approx(ratio)
    assert found.words == f"error is {ratio:.2f} times the expected one (wanted 2.00 or less)"


def test_calibration_is_a_root_mean_square():
    assert labels.calibration(new([1.0, 7.0], spread=1.0), 1.0, 2.0).value == pytest.approx(5.0)


def test_a_committee_without_uncertainty_is_never_calibrated():
    found = labels.calibration(new(), None, 2.0)
    assert not found.met
    assert "no uncertainty" in found.words
    flat = labels.calibration(new(spread=0.0), 1.0, 2.0)
    assert not flat.met
    assert np.isfinite(flat.value)


# monotone

ERRORS = st.lists(st.floats(0, 2), min_size=1, max_size=12)


@given(ERRORS, ERRORS, st.floats(0.001, 1), st.integers(0, 6))
def test_worse_errors_never_meet_what_better_ones_did_not(errors, more, spread, checks):
    worse = [error + extra for error, extra in zip(errors, (more * len(errors)), strict=False)]
    good, bad = (
        labels.criteria(new(each, spread=spread, checks=checks), 1.5, BOUND, SETTINGS)
        for each in (errors, worse)
    )
    for name, criterion in bad.items():
        assert good[name].met or not criterion.met
