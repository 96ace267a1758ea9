"""Stored numbers of benchmarks become figures that can be read, without computing anything."""

import sys

import pytest
from figure_files import covering_legends, cut_labels
from matplotlib.figure import Figure


@pytest.fixture
def redraw(root, monkeypatch):
    """The script, as a module, run from the repository."""
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    scripts = [path.stem for path in (root / "benchmarks").glob("*.py")]
    others = {name: sys.modules.pop(name) for name in scripts if name in sys.modules}
    import redraw

    yield redraw
    for name in scripts:  # tests have modules of the same names
        sys.modules.pop(name, None)
    sys.modules.update(others)


def test_every_figure_is_drawn_and_can_be_read(redraw, tmp_path, monkeypatch):
    drawn, save = [], Figure.savefig

    def watched(figure, *arguments, **keywords):
        drawn.append(figure)
        save(figure, *arguments, **keywords)

    monkeypatch.setattr(Figure, "savefig", watched)
    for draw in redraw.FIGURES.values():
        draw(tmp_path)
    assert len(drawn) >= len(redraw.FIGURES)
    for figure in drawn:
        assert covering_legends(figure) == []
        assert cut_labels(figure) == []


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(redraw, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["redraw.py", "panels"])
    with pytest.raises(SystemExit) as end:
        redraw.main()
    assert end.value.code == 2
    assert "panels: no such figure; there are backends, elastic" in capsys.readouterr().err
