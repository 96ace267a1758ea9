"""The scale of a frame's forces in the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.potentials.quiet_frames import QUIETEST, frame_scales, typical_force

HOT, QUIET = np.full((8, 3), 0.4), np.full((64, 3), -0.04)


def test_the_typical_force_is_the_rms_over_all_components():
    assert typical_force([HOT, QUIET]) == pytest.approx(
        np.sqrt((8 * 0.4**2 + 64 * 0.04**2) / 72), rel=1e-12
    )


def test_quiet_frames_are_scaled_up_and_hot_ones_down():
    assert frame_scales([HOT, QUIET], 1.0, 0.2) == pytest.approx([0.5, 5.0])
    assert frame_scales([HOT, QUIET], 0.5, 0.2) == pytest.approx([0.5**0.5, 5.0**0.5])
    assert frame_scales([HOT, QUIET], 0.0, 0.2) == pytest.approx([1.0, 1.0])


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
