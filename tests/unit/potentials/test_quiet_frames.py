"""The scale of a frame's forces in the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.potentials.quiet_frames import LOUDEST, QUIETEST, frame_scales, typical_force

HOT, QUIET = np.full((8, 3), 0.4), np.full((64, 3), -0.04)
LOUD = np.full((8, 3), 15.0)


def test_the_typical_force_is_the_rms_over_all_components():
    assert typical_force([HOT, QUIET]) == pytest.approx(
        np.sqrt((8 * 0.4**2 + 64 * 0.04**2) / 72), rel=1e-12
    )


def test_quiet_frames_are_scaled_up_and_hot_ones_down():
    assert frame_scales([HOT, QUIET], 1.0, 0.2) == pytest.approx([0.5, 5.0])
    assert frame_scales([HOT, QUIET], 0.5, 0.2) == pytest.approx([0.5**0.5, 5.0**0.5])
    assert frame_scales([HOT, QUIET], 0.0, 0.2) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_of_frames_near_a_collapse_the_relative_error_counts(power):
    """Forces times their scale stay as large as those of a frame with three times F."""
    scales = frame_scales([LOUD, 2 * LOUD, LOUDEST / 2 * HOT], power, 0.2)
    sizes = scales * [15.0, 30.0, LOUDEST * 0.2]
    assert sizes == pytest.approx([LOUDEST ** (1 - power) * 0.2] * 3)
    assert frame_scales([LOUD], 0.0, 0.2) == pytest.approx([1.0])


def test_frames_near_a_collapse_do_not_make_the_others_quiet():
    crystal = [HOT, 1.5 * HOT, HOT]
    assert typical_force([*crystal, LOUD]) == typical_force(crystal)


def test_labels_without_forces_have_finite_scales():
    nothing = [np.zeros((8, 3))] * 2
    assert np.isfinite(frame_scales(nothing, 0.5, typical_force(nothing))).all()


def test_a_frame_without_forces_counts_as_one_that_is_nearly_quiet():
    nothing = np.zeros((8, 3))
    assert frame_scales([nothing], 1.0, 0.2) == pytest.approx([1 / QUIETEST])


@given(st.floats(0, 1), st.floats(0.01, 10), st.floats(0.06, 10))
def test_the_unit_of_the_forces_does_not_matter(power, factor, size):
    forces = [size * HOT, size * QUIET]
    other = [factor * one for one in forces]
    assert frame_scales(other, power, typical_force(other)) == pytest.approx(
        frame_scales(forces, power, typical_force(forces)), rel=1e-9
    )
