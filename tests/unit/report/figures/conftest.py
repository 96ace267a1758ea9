"""Files that tests of figures draw to."""

import pytest


@pytest.fixture
def paths(tmp_path):
    return [tmp_path / "figures" / "figure.png", tmp_path / "figures" / "figure.pdf"]
