"""Figures as files: the same bytes for the same numbers, and no display."""

import matplotlib as mpl
import stored_results

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
