"""Lifetimes before and after learning: the table, its median, pictures with and without gaps."""

import numpy as np
import pytest
from figure_files import look, share, through_csv

from umklapp.report.figures import lifetimes, style
from umklapp.transport.mode_lifetimes import CommitteeLifetimes, ModeLifetimes


def committee(index, values, why=None):
    spread = [[0.1 if value else None for value in row] for row in values]
    return CommitteeLifetimes(
        round=index, members=2, frequencies_THz=[[2.0 + index, 4.0]] * len(values),
        lifetimes_ps=values, std_ps=spread, not_computed=why,
    )  # fmt: skip


def record(first, last):
    return ModeLifetimes(
        material="CuI-216", temperature_K=300.0, mesh=[2, 2, 1], weights=[1, 3], first=first,
        last=last,
    )  # fmt: skip


FIRST = committee(0, [[10.0, 1.0], [4.0, None]])
LAST = committee(3, [[5.0, 1.0], [3.0, 2.0]])
NONE = committee(3, [], why="member 1: not dynamically stable")


def test_a_row_per_mode(tmp_path):
    data = through_csv(lifetimes.table(record(FIRST, LAST)), tmp_path)
    assert tuple(data.columns) == lifetimes.COLUMNS
    assert data[["q_point", "band"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data["weight"].tolist() == [1, 1, 3, 3]
    assert data["frequency_THz"].tolist() == [5.0, 4.0, 5.0, 4.0], "of the last committee"
    assert data["lifetime_first_ps"].tolist()[:3] == [10.0, 1.0, 4.0]
    assert np.isnan(data["lifetime_first_ps"][3])
    assert np.isnan(data["std_first_ps"][3])
    assert data["lifetime_last_ps"].tolist() == [5.0, 1.0, 3.0, 2.0]


def test_the_median_counts_what_a_point_stands_for():
    """Ratios 0.5 and 1 on the point of weight 1, 0.75 on that of weight 3."""
    assert lifetimes.median_ratio(lifetimes.table(record(FIRST, LAST))) == 0.75
    assert np.isnan(lifetimes.median_ratio(lifetimes.table(record(None, LAST))))


@pytest.mark.parametrize(
    ("first", "last"), [(FIRST, LAST), (None, LAST), (FIRST, NONE), (NONE, NONE)]
)
def test_lifetimes_figure(paths, first, last):
    numbers = record(first, last)
    lifetimes.draw(lifetimes.table(numbers), numbers, paths)
    pixels = look(paths, 6.6, 3.3)
    if last is LAST:
        assert share(pixels, style.BLUE, 0.2) > 0.0003
