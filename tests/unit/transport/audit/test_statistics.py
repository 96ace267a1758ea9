"""What a few correlated labels can tell: exact cases, and coverage of the limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.transport.audit import statistics
from umklapp.transport.audit.statistics import FrameError


def frame(error, spread=None, pair=0, reference=None, harmonic=None):
    """A frame whose errors are given, (N, 3) eV/Å."""
    error = np.array(error, float)
    spread = np.ones(len(error)) if spread is None else np.array(spread, float)
    reference = np.zeros_like(error) if reference is None else np.array(reference, float)
    return FrameError(error, spread, reference, harmonic, 0.0, 0.0, pair)


def test_error_of_the_mean_and_spread_of_the_members():
    forces = np.array([[[1.0, 0, 0], [0, 2.0, 0]], [[3.0, 0, 0], [0, 2.0, 0]]])
    found = FrameError.of(
        forces, np.array([4.0, 8.0]), None, np.array([[1.0, 0, 0], [0, 0, 0]]), 5.0, 7
    )
    assert found.error.tolist() == [[1, 0, 0], [0, 2, 0]]
    assert found.spread.tolist() == [1, 0]
    assert found.energy == pytest.approx(0.5)  # (6 − 5) eV over two atoms
    assert found.energy_spread == pytest.approx(1.0)
    assert found.mae == pytest.approx(0.5)
    assert found.largest == 2
    assert found.squares(3.0) == (2.5, 4.5)


def test_one_wrong_atom_in_64_is_seen_by_the_largest_error_alone():
    error = np.zeros((64, 3))
    error[17, 1] = 0.4
    assert frame(error).mae < 0.003
    assert frame(error).largest == pytest.approx(0.4)


def test_expected_mae_is_that_of_gaussian_errors():
    generator = np.random.default_rng(0)
    spread = generator.uniform(0.5, 1.5, size=20000)
    error = generator.normal(size=(20000, 3)) * (2.0 * spread / np.sqrt(3))[:, None]
    found = frame(error, spread)
    assert found.mae == pytest.approx(found.expected_mae(2.0), rel=0.02)
    value, *_ = statistics.ratio_with_limits([found], 2.0)
    assert value == pytest.approx(1.0, rel=0.02)


def test_opposite_displacements_are_one_block():
    frames = [frame([[1, 0, 0]], pair=pair) for pair in (0, 0, 3, 5, 5)]
    assert [len(block) for block in statistics.blocks(frames)] == [2, 1, 2]


def test_limits_of_two_known_blocks():
    """Student's t with one degree of freedom at 97.5 % is 12.706; logarithms 0 and 1."""
    factor = statistics.spread_of_blocks([1.0, np.e])
    assert np.log(factor) == pytest.approx(12.706 * np.sqrt(0.5) / np.sqrt(2), rel=1e-3)
    assert statistics.spread_of_blocks([1.0]) is None
    assert statistics.spread_of_blocks([2.0, 2.0, 2.0]) == pytest.approx(1.0)


def test_components_do_not_pass_for_independent_labels():
    """As many labels say as much, whether they have three components or three thousand."""
    few = [frame([[size, 0, 0]], pair=n) for n, size in enumerate((1, 2, 3))]
    many = [frame([[size, 0, 0]] * 1000, pair=n) for n, size in enumerate((1, 2, 3))]
    assert statistics.mae_with_limit(few, None) == pytest.approx(
        statistics.mae_with_limit(many, None)
    )
    value, upper = statistics.mae_with_limit(few, None)
    assert upper > 3 * value
    alone = [frame([[size, 0, 0]], pair=0) for size in (1, 2)]
    assert statistics.mae_with_limit(alone, None)[1] is None, "one pair has no scatter"


def test_errors_of_two_sizes_that_were_expected_are_no_scatter():
    """Displaced cells have small errors, hot ones large ones, and the members know it."""
    sizes = (0.03, 0.03, 0.4, 0.5)
    known = [frame([[size, 0, 0]], spread=[size], pair=n) for n, size in enumerate(sizes)]
    value, upper = statistics.mae_with_limit(known, 2.0)
    assert upper == pytest.approx(value)
    unknown = [frame([[size, 0, 0]], spread=[0.1], pair=n) for n, size in enumerate(sizes)]
    assert statistics.mae_with_limit(unknown, 2.0)[1] > 5 * value
    assert statistics.mae_with_limit(known, None)[1] > 5 * value


@pytest.mark.parametrize("count", [2, 4, 6])
def test_limits_cover_the_truth_for_correlated_components(count):
    """Blocks of lognormal size, components within a block fully correlated: 95 % of all draws."""
    generator = np.random.default_rng(count)
    truth, inside = 1.0, 0
    for _ in range(2000):
        sizes = np.exp(0.4 * generator.normal(size=count))
        frames = [frame(np.full((8, 3), size), pair=n) for n, size in enumerate(sizes)]
        value, lower, upper = statistics.ratio_with_limits(
            frames,
            np.sqrt(3) * truth * np.exp(0.4**2),  # rms of the sizes
        )
        inside += lower <= 1.0 <= upper
        assert lower <= value <= upper
    assert 0.90 <= inside / 2000 <= 0.985


def test_ratio_of_exact_agreement_of_members_is_unknown():
    assert statistics.ratio_with_limits([frame([[1, 0, 0]], spread=[0.0])], 1.0) is None


@given(st.lists(st.floats(1e-3, 10), min_size=1, max_size=6), st.floats(0.1, 10))
def test_ratio_scales_with_errors_and_not_with_units(sizes, scale):
    frames = [frame([[size, 0, 0]], spread=[0.3], pair=n) for n, size in enumerate(sizes)]
    larger = [frame([[scale * s, 0, 0]], spread=[0.3], pair=n) for n, s in enumerate(sizes)]
    both = [frame([[scale * s, 0, 0]], spread=[0.3 * scale], pair=n) for n, s in enumerate(sizes)]
    value = statistics.ratio_with_limits(frames, 2.0)[0]
    assert statistics.ratio_with_limits(larger, 2.0)[0] == pytest.approx(scale * value)
    assert statistics.ratio_with_limits(both, 2.0)[0] == pytest.approx(value)


def test_share_of_frames_that_may_be_worse():
    """Twenty good labels leave 14 %, six 39 %: (1 − p)^n = 0.05."""
    assert statistics.unseen_share(6) == pytest.approx(0.393, abs=1e-3)
    assert statistics.unseen_share(20) == pytest.approx(0.139, abs=1e-3)


def test_pairs_tell_harmonic_from_anharmonic_errors():
    """F = −k u − a u²: the committee has k and a wrong by known amounts."""
    u = np.array([[0.1, -0.2, 0.05], [0.0, 0.3, -0.1]])

    def one(sign, dk, da):
        shift = sign * u
        return frame(-dk * shift - da * shift**2, pair=4, reference=-5.0 * shift - 2.0 * shift**2)

    found = statistics.parts([one(1, 0.3, 0.7), one(-1, 0.3, 0.7)])
    rms = lambda x: float(np.sqrt(np.mean(np.square(x))))  # noqa: E731
    assert found.harmonic_error == pytest.approx(rms(0.3 * u))
    assert found.anharmonic_error == pytest.approx(rms(0.7 * u**2))
    assert found.anharmonic_force == pytest.approx(rms(2.0 * u**2))
    assert statistics.parts([one(1, 0.3, 0.7)]) is None


def test_anharmonic_force_is_what_force_constants_leave():
    known = frame([[0, 0, 0]], reference=[[3.0, 0, 0]], harmonic=np.array([[1.0, 0, 0]]))
    assert statistics.anharmonic_force([known]) == pytest.approx(np.sqrt(4 / 3))
    assert statistics.anharmonic_force([frame([[0, 0, 0]])]) is None
