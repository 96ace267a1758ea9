"""Names beside points: inside the panel, apart from each other and from all points."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from umklapp.report.figures import names, style


@pytest.fixture
def panel():
    mpl.rcParams.update(style.SETTINGS)
    axes = Figure(figsize=(3, 3), layout="constrained").add_subplot()
    axes.set(xscale="log", yscale="log", xlim=(0.1, 100), ylim=(0.1, 100), xlabel="x", ylabel="y")
    return axes


def boxes(axes):
    """Boxes of the letters, in pixels, of the figure as it is drawn at last."""
    axes.figure.draw_without_rendering()
    return [mpl.text.Text.get_window_extent(text) for text in axes.texts]


def test_names_of_a_crowd_cover_nothing(panel):
    generator = np.random.default_rng(0)
    points = 10 ** generator.normal(0.5, 0.35, (25, 2))
    others = 10 ** generator.normal(0.5, 0.35, (10, 2))
    missing = names.place(panel, points, [f"Na{n}Cl" for n in range(25)], others=others)
    written = boxes(panel)
    assert len(written) + len(missing) == 25
    assert len(written) > 15
    assert not any(one.overlaps(two) for one, two in itertools.combinations(written, 2))
    for x, y in panel.transData.transform(np.vstack([points, others])):
        assert not any(box.contains(x, y) for box in written)
    frame = panel.get_window_extent()
    assert all(frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1) for box in written)


def test_a_lone_name_stands_beside_its_point(panel):
    assert names.place(panel, np.array([[1.0, 1.0]]), ["NaCl"]) == []
    [box] = boxes(panel)
    x, y = panel.transData.transform((1.0, 1.0))
    assert box.x0 - x < names.LINE_FROM * panel.figure.dpi / 72
    assert box.y0 < y < box.y1
    assert panel.texts[0].arrow_patch is None


def test_names_of_one_point_keep_their_line(panel):
    """Twelve crystals at one place: the nearest name is beside it, the farthest has a line."""
    assert names.place(panel, np.ones((12, 2)), [f"{n}" * 4 for n in range(12)]) == []
    lines = [text.arrow_patch is not None for text in panel.texts]
    assert not lines[0]
    assert any(lines)


def test_a_name_covers_no_error_bar(panel):
    """A bar to the right, where the name would stand without it; another ends below zero."""
    points = np.array([[1.0, 1.0], [3.0, 20.0]])
    bars = panel.errorbar(*points.T, xerr=[[0, 0], [9, 0]], yerr=[[0, 30], [0, 5]], fmt="o")
    assert names.place(panel, points, ["KI", "KBr"]) == []
    bars = [names.Bbox(panel.transData.transform(np.maximum(ends, 0.1)))
            for lines in bars.lines[2] for ends in lines.get_segments()]  # fmt: skip
    assert len(bars) == 4
    assert not any(box.overlaps(bar) for box in boxes(panel) for bar in bars)
    assert boxes(panel)[0].y0 > panel.transData.transform((1.0, 1.0))[1] or (
        boxes(panel)[0].x1 < panel.transData.transform((1.0, 1.0))[0]
    )


def test_names_that_fit_nowhere_are_returned(panel):
    assert names.place(panel, np.array([[1.0, 1.0]]), ["long" * 40]) == ["long" * 40]
    assert names.place(panel, np.empty((0, 2)), []) == []
