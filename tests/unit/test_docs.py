"""What the documentation says of tests, files, commands and keys is true."""

import copy
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser

from umklapp.__main__ import parser as umklapp_parser
from umklapp.config import Campaign

FOLDERS = ("umklapp", "scripts", "rules", "tests", "benchmarks", "config", "docs", "envs")
"""Of the tree; paths that begin with one of them must exist where the documentation names them."""

OF_THE_USER = {"config/mine.yaml", "config/my.yaml", "config/first.yaml"}
"""Files that readers are asked to write."""

OF_OTHERS = {"docs/howto/programmatic"}
"""Paths in the repositories of other projects."""


def pages(root: Path) -> list[Path]:
    """All that is written for people, but for the generated reference of the configuration."""
    named = [root / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")]
    docs = sorted((root / "docs").glob("*.md"))
    return [*named, *(page for page in docs if page.name != "configuration.md")]


def snippets(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Blocks of yaml in the documentation, each with the line where it begins."""
    for page in pages(root):
        text = page.read_text()
        for block in re.finditer(r"^( *)```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
            line = text[: block.start()].count("\n") + 1
            yield f"{page.name}:{line}", yaml.safe_load(block.group(2))


def merged(base: Any, changes: Any) -> Any:
    """A configuration with some keys changed; kinds of seeds and engines are replaced whole."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    return {**base, **{key: merged(base.get(key), value) for key, value in changes.items()}}


def test_tests_that_the_documentation_names_exist(root):
    text = (root / "docs/almomd.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 26
    for path, name in named:
        assert f"def {name}(" in (root / path).read_text(), f"{path}::{name}"


def test_every_weak_point_has_a_test(root):
    rows = re.findall(r"^\| (\d+) \|.*$", (root / "docs/almomd.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 27))


def test_links_and_pictures_exist(root):
    links = [
        (page, link.partition("#")[0])
        for page in pages(root)
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    ]
    own = [(page, link) for page, link in links if link and "://" not in link]
    assert len(own) > 30
    missing = [f"{page.name}: {link}" for page, link in own if not (page.parent / link).exists()]
    assert not missing


def test_links_of_the_manual_stay_in_it(root):
    """`make docs` takes any other link for an error; it adds the figures of benchmarks/results."""
    figure = re.compile(r"\.\./benchmarks/results/\w+\.png")
    for page in sorted((root / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text()):
            target = (page.parent / link).resolve()
            inside = target.is_relative_to(root / "docs") or figure.fullmatch(link)
            assert inside or "://" in link, f"{page.name}: {link}"


def headings(page: Path) -> list[str]:
    """Headings of a page, outside of blocks of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor of a heading on GitHub, which is that of the manual for plain words."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_into_pages_meet_a_heading(root):
    links = [
        (page, *link.split("#"))
        for page in pages(root)
        for link in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", page.read_text())
        if "://" not in link
    ]
    assert len(links) > 3
    for page, target, part in links:
        other = (page.parent / target).resolve() if target else page
        assert part in map(anchor, headings(other)), f"{page.name}: {target}#{part}"


@pytest.mark.parametrize(
    "question",
    [
        "Run my crystal", "Run on my cluster", "Use my DFT code", "Use my labels",
        "Run one more round", "See why a frame was chosen", "Know when not to trust a number",
    ],
)  # fmt: skip
def test_the_how_tos_answer_what_a_newcomer_asks(root, question):
    assert question in headings(root / "docs/howto.md")


def test_files_of_the_tree_that_the_documentation_names_exist(root):
    path = re.compile(rf"(?<![\w/.}}*-])(?:{'|'.join(FOLDERS)})/[\w./-]+")
    named = {
        (page.name, found.rstrip("./"))
        for page in pages(root)
        for code in re.findall(r"`([^`\n]+)`", page.read_text())
        for found in path.findall(code)
    }
    assert len(named) > 60
    allowed = OF_THE_USER | OF_OTHERS
    missing = [pair for pair in sorted(named) if not (root / pair[1]).exists()]
    assert [pair for pair in missing if pair[1] not in allowed] == []


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


def test_subcommands_of_the_documentation_exist(root):
    block = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
    line = re.compile(r"^ *(?:\.venv/bin/)?(umklapp [a-z-]+ .*)$", re.MULTILINE)
    inline = re.compile(r"`(umklapp [a-z-]+ [^`]+)`")
    commands = []
    for text in (page.read_text() for page in pages(root)):
        commands += [command for code in block.findall(text) for command in line.findall(code)]
        commands += inline.findall(block.sub("", text))
    commands = [command.replace("\n", " ") for command in commands if "potential 1" not in command]
    assert len(commands) > 5
    for command in commands:
        umklapp_parser().parse_args(shlex.split(command, comments=True)[1:])
    assert not [page.name for page in pages(root) if "python -m umklapp" in page.read_text()]


def test_snippets_are_valid_configurations(root):
    demo = yaml.safe_load((root / "config/demo.yaml").read_text())
    demo["phonons"].pop("correction")  # it needs a seed that most snippets replace
    count = 0
    for place, changes in snippets(root):
        base = copy.deepcopy(demo)
        base.pop("reference" if "reference" in changes else "none", None)
        if "cells" in changes.get("materials", {}):
            base["materials"] = {}
        try:
            Campaign.model_validate(merged(base, changes))
        except ValueError as error:
            pytest.fail(f"{place}: {error}")
        count += 1
    assert count > 12
