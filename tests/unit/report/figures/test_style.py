"""Figures as files: the same bytes for the same numbers, and no display."""

import matplotlib as mpl
import pytest
import stored_results
from figure_files import covering_legends, cut_labels

from umklapp.report.figures import kappa, style


def test_equal_figures_are_equal_files(tmp_path):
    for folder in ("a", "b"):
        paths = [tmp_path / folder / f"figure.{end}" for end in ("png", "pdf", "svg")]
        kappa.draw(stored_results.conductivity(), stored_results.errors(), "Si-227", paths)
    for end in ("png", "pdf", "svg"):
        one, two = ((tmp_path / folder / f"figure.{end}").read_bytes() for folder in "ab")
        assert one == two, end


def test_no_display_is_needed():
    figure, axes = style.canvas(2, 1)
    assert tuple(figure.get_size_inches()) == (2, 1)
    assert axes.figure is figure
    assert "matplotlib.pyplot" not in vars(style)
    assert mpl.rcParams["pdf.fonttype"] == 42  # text stays text


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [
        (2.6, 19.4, ["3", "4", "6", "8", "10"]),
        (0.9, 40, ["1", "2", "5", "10", "20"]),
        (0.05, 300, ["0.1", "1", "10", "100"]),
        (140, 9500, ["300", "1000", "3000"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers_and_short_ticks(low, high, numbers):
    figure, axes = style.canvas()
    axes.set(yscale="log", ylim=(low, high))
    style.decades(axes.yaxis)
    figure.draw_without_rendering()
    shown = [tick for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert [tick.label1.get_text() for tick in shown] == numbers
    minor = axes.yaxis.get_minor_ticks()
    assert len(minor) >= 5
    assert not any(tick.label1.get_text() for tick in minor)


def test_the_legend_of_a_panel_stands_above_it():
    figure, axes = style.canvas()
    axes.plot([0, 1], label="a curve")
    axes.legend()
    assert covering_legends(figure) == ["a curve"]
    style.legend_above(axes)
    assert covering_legends(figure) == []


def test_a_label_that_is_longer_than_its_figure_is_found():
    figure, axes = style.canvas(2, 1)
    axes.set_ylabel("force MAE")
    assert cut_labels(figure) == []
    axes.set_ylabel("force MAE on the test frames of the crystal (meV/Å)")
    assert cut_labels(figure) == [axes.get_ylabel()]


def test_bars_have_a_row_each_and_no_empty_rows_beside_them():
    _, axes = style.canvas()
    names = [f"X{n}" for n in range(70)]
    axes.barh(range(70), 1.0)
    style.rows(axes, names)
    assert axes.get_ylim() == (69.5, -0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == names
