"""A file is there whole or not at all."""

import pytest

from umklapp import files


def test_after_an_error_the_old_file_stands(tmp_path):
    path = tmp_path / "a/b.txt"
    files.write_text(path, "old")
    with pytest.raises(TypeError), files.replacing(path) as part:
        part.write_text(1)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
