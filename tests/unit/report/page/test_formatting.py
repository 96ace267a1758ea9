"""Values and errors end with the same digit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from umklapp.report.page.formatting import plain, with_error, without


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (6.9234, 1.1234, "6.9 ± 1.1"),
        (8.0641, 0.4365, "8.06 ± 0.44"),
        (456.2, 123.4, "456 ± 123"),
        (0.1768, 0.0190, "0.177 ± 0.019"),
        (8.0641, None, "8.06"),
        (8.0641, 0.0, "8.06"),
        (8.0641, math.nan, "8.06"),
        (None, 1.0, "–"),
        (math.nan, 1.0, "–"),
    ],
)
def test_value_with_error(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.6, "1235"), (0.00123, "0.00123"), (2.5e7, "2.5e+07"), (-3.14159, "-3.14")],
)
def test_plain_numbers(value, text):
    assert plain(value) == text


@given(some.floats(1e-3, 1e4), some.floats(1e-3, 1e3))
def test_rounding_hides_less_than_a_tenth_of_the_error(value, error):
    shown = with_error(value, error).split(" ± ")
    assert abs(float(shown[0]) - value) <= 0.051 * error
    assert float(shown[1]) == pytest.approx(error, rel=0.051)


def test_a_heading_is_not_said_twice():
    assert (
        without("failed: thermal: force MAE 38.3 meV/Å", "failed")
        == "Thermal: force MAE 38.3 meV/Å"
    )
    assert without("σᴬ is not known", "failed") == "σᴬ is not known"
    assert without("passed: audited: 4.3 meV/Å", "failed") == "passed: audited: 4.3 meV/Å"
    assert without("failed: σᴬ 0.4", "failed") == "σᴬ 0.4", "symbols stay as they are"
