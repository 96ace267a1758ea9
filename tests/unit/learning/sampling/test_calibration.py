import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import rattled_silicon

from umklapp.learning.sampling import calibration
from umklapp.potentials.contract import CommitteePrediction, spread_of_forces


def gaussian(n, factor=2.0, seed=0):
    """Spreads, and errors of 3-vectors with variance (factor · u)²/3 per component."""
    generator = np.random.default_rng(seed)
    spread = generator.uniform(0.5, 2, n)
    vectors = generator.normal(size=(n, 3)) * (factor * spread / np.sqrt(3))[:, None]
    return np.linalg.norm(vectors, axis=1), spread


def test_force_errors_are_lengths_of_the_difference_to_the_label():
    frames = rattled_silicon(2)
    forces = [frame.get_forces()[None] + [0.0, 3.0, 4.0] for frame in frames]
    found = CommitteePrediction(
        np.zeros((1, 2)), forces, np.full((1, 2, 6), np.nan), list(map(spread_of_forces, forces))
    )
    np.testing.assert_allclose(calibration.force_errors(found, frames), np.full((2, 8), 5.0))


def test_the_factor_is_a_root_mean_square_ratio():
    errors = [np.array([1.0, 2.0]), np.array([2.0])]
    spread = [np.array([1.0, 1.0]), np.array([0.5])]
    assert calibration.calibration_factor(errors, spread) == pytest.approx(np.sqrt(21 / 3))


@given(st.integers(0, 2**31), st.floats(0.1, 10))
def test_the_factor_recovers_the_scale_of_gaussian_errors(seed, scale):
    error, spread = gaussian(4000, scale, seed)
    found = calibration.calibration_factor([error], [spread])
    assert found**2 == pytest.approx(scale**2, rel=6 * np.sqrt(2 / 12000))


def test_one_atom_without_spread_does_not_decide_alone():
    error, spread = np.ones(100), np.ones(100)
    spread[0] = 0
    found = calibration.calibration_factor([error], [spread])
    assert found == pytest.approx(np.sqrt((99 + 100**2) / 100))  # floor: 1 % of the median


def test_members_that_agree_exactly_have_no_factor():
    assert calibration.calibration_factor([np.ones(3)], [np.zeros(3)]) is None


def test_gaussian_errors_are_covered_as_the_levels_say():
    error, spread = gaussian(20000)
    found = calibration.coverage(error, spread, 2.0)
    for level, share in found.items():
        assert share == pytest.approx(float(level), abs=0.015)
    # half the width covers less, twice the width more
    assert calibration.coverage(error, spread, 1.0)["0.9"] < 0.6
    assert calibration.coverage(error, spread, 4.0)["0.5"] > 0.95


@given(st.integers(0, 10**6))
def test_a_new_frame_is_covered_with_the_conformal_level(seed):
    """Over many draws of 19 calibration frames and one new frame: at least 90 %."""
    generator = np.random.default_rng(seed)
    hits = []
    for _ in range(200):
        spread = generator.uniform(0.1, 1, 20)
        error = spread * generator.lognormal(0, 1, 20)
        parts = [np.array([value]) for value in error], [np.array([value]) for value in spread]
        factor = calibration.conformal_factor(parts[0][:19], parts[1][:19], 0.9)
        hits.append(error[19] <= factor * spread[19])
    assert np.mean(hits) > 0.9 - 4 * np.sqrt(0.09 / 200)


def test_too_few_frames_for_a_conformal_level():
    one = [np.array([1.0])] * 5
    assert calibration.conformal_factor(one, one, 0.9) is None
    assert calibration.conformal_factor(one * 2, one * 2, 0.9) == 1.0


def test_reliability_of_calibrated_and_of_overconfident_spreads():
    error, spread = gaussian(8000)
    honest = calibration.reliability(error, spread, 2.0)
    assert sum(row.atoms for row in honest) == 8000
    for row in honest:
        assert abs(row.observed - row.expected) < 5 * row.error_bar
    assert calibration.calibration_error(honest) < 0.05
    assert calibration.calibration_error(calibration.reliability(error, spread, 1.0)) > 0.8


def test_a_bin_of_the_reliability_by_hand():
    """Ten atoms, errors 1 and 3 by turns, spreads of 2: rms √5, and its standard error."""
    errors, spread = np.tile([1.0, 3.0], 5), np.full(10, 2.0)
    (row,) = calibration.reliability(errors, spread, 1.5)
    assert row.observed == pytest.approx(np.sqrt(5))  # the mean would be 2
    assert row.expected == pytest.approx(3)
    # std of the squares (1, 9) is 4; d√x = dx / (2√x)
    assert row.error_bar == pytest.approx(4 / np.sqrt(10) / (2 * np.sqrt(5)))


def test_a_bin_without_any_error_has_a_bar_of_zero():
    (row,) = calibration.reliability(np.zeros(10), np.ones(10), 1.0)
    assert (row.observed, row.error_bar) == (0.0, 0.0)


def test_error_bars_of_the_reliability_are_the_scatter_of_repeated_draws():
    rows = [
        calibration.reliability(*gaussian(400, seed=seed), 2.0, bins=1)[0] for seed in range(200)
    ]
    observed = np.array([row.observed for row in rows])
    bars = np.array([row.error_bar for row in rows])
    # the spreads are drawn again each time: their part of the scatter is not the error's
    expected = np.array([row.expected for row in rows])
    assert bars.mean() == pytest.approx((observed / expected).std() * expected.mean(), rel=0.25)


def test_expected_errors_of_a_bin_are_root_mean_squares():
    spread = np.tile([1.0, 3.0], 5)
    (row,) = calibration.reliability(np.ones(10), spread, 2.0)
    assert row.expected == pytest.approx(2 * np.sqrt(5))  # twice the mean would be 4


def test_rank_correlation():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert calibration.rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert calibration.rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert calibration.rank_correlation(a, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)
    assert calibration.rank_correlation(a, np.ones(4)) == 0
    assert calibration.rank_correlation(a[:2], a[:2]) == 0


@pytest.mark.parametrize("factor", [1.5, None])
def test_the_summary_can_be_written(factor):
    error, spread = gaussian(40)
    found = calibration.summarise([error[:20], error[20:]], [spread[:20], spread[20:]], factor)
    assert calibration.Honesty.model_validate_json(found.model_dump_json()) == found
    assert (found.coverage is None) is (factor is None)


def test_what_must_be_said_is_said():
    assert calibration.notes(40, 1.3, 4) == []
    assert "committee of one" in calibration.notes(40, None, 1)[0]
    assert "agree exactly" in calibration.notes(40, None, 4)[0]
    assert "3 calibration frames" in calibration.notes(3, 1.3, 4)[0]
