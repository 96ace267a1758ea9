"""The house stays one to live in: short files, names that say what they name, a true map."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_rooms import ROOMS, arrows, room  # noqa: F401 (a fixture)

LONGEST = 350
"""Lines of a module; a longer one holds two ideas."""

ONE_IDEA = {"umklapp/paths.py"}
"""Longer, and one idea: the list of all result files, which is of use in one piece alone."""

VAGUE = {"found", "each", "number", "known", "mine", "told"}
"""Names that say nothing (`words` is a key of stored records)."""


def bound(source: str) -> Iterator[str]:
    """Names that a source gives to values, arguments, functions and classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def sources(root: Path) -> list[Path]:
    return [*sorted((root / "umklapp").rglob("*.py")), *sorted((root / "scripts").glob("*.py"))]


def test_files_hold_one_idea(root):
    lengths = {
        str(path.relative_to(root)): len(path.read_text().splitlines()) for path in sources(root)
    }
    assert {name for name, length in lengths.items() if length > LONGEST} == ONE_IDEA
    assert len((root / "Snakefile").read_text().splitlines()) <= 100


def test_names_say_what_they_name(root):
    vague = {
        str(path.relative_to(root)): names
        for path in sources(root)
        if (names := VAGUE & set(bound(path.read_text())))
    }
    assert not vague


@pytest.mark.parametrize("source", ["found = 1", "for each in x: pass", "def f(number): pass"])
def test_a_vague_name_is_seen(source):
    assert VAGUE & set(bound(source))


def test_the_map_has_nine_rooms_and_nine_floors(arrows):  # noqa: F811
    below = {name: set() for name in ROOMS}
    for module, targets in arrows.items():
        if module not in {"umklapp.testbed", "umklapp.__main__"}:
            below[room(module)] |= {room(target) for target in targets} - {room(module)}
    floors: dict[str, int] = {}
    for name in ROOMS:  # the order of the table is one from the ground up
        floors[name] = 1 + max((floors[other] for other in below[name]), default=0)
    assert len(set(ROOMS) - {"root"}) <= 9
    assert max(floors.values()) <= 9


def test_the_architecture_page_is_the_map(root):
    text = (root / "docs/architecture.md").read_text()
    table = text[text.index("| room | what it is for") :].partition("\n\n")[0]
    rows = [line.split("|")[1].strip(" `") for line in table.splitlines()[2:]]
    assert rows == ["beside the rooms", *ROOMS[1:]]
    beside = table.splitlines()[2]
    for path in (root / "umklapp").glob("*.py"):
        if path.stem not in {"__init__", "__main__", "testbed"}:
            assert f"`{path.stem}`" in beside, path.stem
    for rules in (root / "rules").glob("*.smk"):
        assert rules.name in text, rules.name
    for name in ROOMS[1:]:
        tree = ast.parse((root / "umklapp" / name / "__init__.py").read_text())
        assert ast.get_docstring(tree), name
