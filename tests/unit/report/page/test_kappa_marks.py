"""Marks of κ lie where their numbers are."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from umklapp.report import comparison
from umklapp.report.page import kappa_marks


def table(*rows):
    return pd.DataFrame(rows, columns=comparison.COLUMNS)


def test_equal_ratios_are_equal_distances():
    axis = kappa_marks.Axis(1.0, 100.0, 0.0, 200.0)
    assert [axis.place(value) for value in (1, 10, 100)] == pytest.approx([0, 100, 200])
    assert (axis.place(0.1), axis.place(1e4)) == (0.0, 200.0)


@given(some.lists(some.floats(0.01, 1e4), min_size=1))
def test_an_axis_holds_its_values_and_has_ticks_inside(values):
    axis = kappa_marks.axis_of(values, 0.0, 100.0)
    assert all(0 < axis.place(value) < 100 for value in values)
    ticks = axis.ticks()
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    assert 2 <= len(ticks) <= 12, "one number tells no scale"


def test_bars_end_where_the_errors_end():
    assert kappa_marks.ends_of(8.0, 0.5) == (7.5, 8.5)
    assert kappa_marks.ends_of(8.0, None) == (8.0, 8.0)
    low, high = kappa_marks.ends_of(42.0, 41.0)
    assert (low, high) == (10.5, 83.0), "a quarter of the value, at the lowest"
    svg = str(kappa_marks.forest(table(["RTA", 3.9, 1.5, "budget", 300.0])))
    bar = re.search(r'x1="([\d.]+)" x2="([\d.]+)" y1="24', svg)
    assert float(bar[1]) > kappa_marks.BROAD.left, "the bar does not begin at the edge of the axis"


def test_an_axis_of_nothing():
    assert kappa_marks.axis_of([], 0, 1).ticks() == [1, 2, 5, 10]


def test_a_line_per_method_with_its_error():
    svg = str(
        kappa_marks.forest(
            table(
                ["RTA", 8.0, 0.5, "budget <of> parts", 300.0],
                ["experiment", 6.0, None, "as published", 300.0],
                ["experiment", 7.0, None, "as published", 300.0],
            )
        )
    )
    assert "RTA: 8.00 ± 0.50 W/(m K); ±: budget &lt;of&gt; parts" in svg
    assert len(re.findall(r'class="mark published"', svg)) == 2
    x = [float(text) for text in re.findall(r'<circle cx="([\d.]+)"', svg)]
    assert x[0] > x[2] > x[1]
    low, high = map(float, re.search(r'x1="([\d.]+)" x2="([\d.]+)" y1="24', svg).groups())
    assert low < x[0] < high


def test_green_kubo_of_a_small_cell_is_hollow():
    rows = (["Green–Kubo", 0.6, 0.1, "s", 300.0], ["RTA", 8.0, 0.5, "s", 300.0])
    assert 'class="mark doubtful"' in kappa_marks.forest(table(*rows), doubtful=True)
    assert 'class="mark doubtful"' not in kappa_marks.forest(table(*rows))


def test_nothing_gives_nothing():
    assert kappa_marks.forest(table()) == ""


def test_on_a_telephone_names_stand_above_their_marks():
    rows = (["a method with a very long name, indeed", 8.0, 0.5, "s", 300.0],
            ["experiment", 6.0, None, "as published", 300.0])  # fmt: skip
    svg = str(kappa_marks.forest(table(*rows), layout=kappa_marks.NARROW))
    names = [float(y) for y in re.findall(r'<text x="14.0" y="([\d.]+)">', svg)]
    marks = [float(y) for y in re.findall(r'cy="([\d.]+)"', svg)]
    assert names[0] < marks[0] < names[1] < marks[1]
    width = kappa_marks.NARROW.width
    assert all(0 < float(x) < width for x in re.findall(r'(?:cx|x1|x2)="([\d.]+)"', svg))
