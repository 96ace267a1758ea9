"""Files that tests of figures draw to, and what holds for every figure that any of them draws."""

import pytest
from figure_files import covering_legends, cut_labels
from matplotlib.figure import Figure


@pytest.fixture
def paths(tmp_path):
    return [tmp_path / "figures" / "figure.png", tmp_path / "figures" / "figure.pdf"]


@pytest.fixture(autouse=True)
def everything_can_be_read(monkeypatch):
    """No legend covers data, and no label is cut, in all figures of this folder's tests."""
    drawn, save = [], Figure.savefig

    def watched(figure, *arguments, **keywords):
        drawn.append(figure)
        return save(figure, *arguments, **keywords)

    monkeypatch.setattr(Figure, "savefig", watched)
    yield
    assert [text for figure in drawn for text in covering_legends(figure)] == []
    assert [text for figure in drawn for text in cut_labels(figure)] == []
