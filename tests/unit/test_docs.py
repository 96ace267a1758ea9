"""What the documentation says of the tests is true."""

import re


def test_tests_that_the_documentation_names_exist(root):
    text = (root / "docs/almomd.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 26
    for path, name in named:
        assert f"def {name}(" in (root / path).read_text(), f"{path}::{name}"


def test_every_weak_point_has_a_test(root):
    rows = re.findall(r"^\| (\d+) \|.*$", (root / "docs/almomd.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 27))
