"""What the documentation says of tests and of commands is true."""

import re
import shlex

from snakemake.cli import get_argument_parser


def test_tests_that_the_documentation_names_exist(root):
    text = (root / "docs/almomd.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 26
    for path, name in named:
        assert f"def {name}(" in (root / path).read_text(), f"{path}::{name}"


def test_every_weak_point_has_a_test(root):
    rows = re.findall(r"^\| (\d+) \|.*$", (root / "docs/almomd.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 27))


def test_commands_of_the_documentation_mean_what_they_say(root):
    """`--configfile` and `--config` take every word that follows: a target there is lost."""
    parser, count = get_argument_parser(), 0
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for line in re.findall(r"^ *(?:\.venv/bin/)?snakemake .*$", page.read_text(), re.MULTILINE):
            words = shlex.split(line, comments=True)[1:]
            if "…" in line or "Snakefile" in words:
                continue
            given, unknown = parser.parse_known_args(words)
            count += 1
            assert not unknown, f"{page.name}: {line}"
            assert all(path.suffix == ".yaml" for path in given.configfile or []), line
            assert all("=" in item for item in given.config or []), line
    assert count > 12
