"""Imports of the library point one way: from the rooms that are used to the rooms that use them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = (
    "root", "config", "crystals", "reference", "potentials", "lattice", "learning", "transport",
    "report", "campaign",
)  # fmt: skip
"""From the ground up; `root` are the modules beside the rooms."""

DOORS = {"umklapp.testbed", "umklapp.__main__"}
"""Modules beside the rooms that hand on what a room has: an old address, and the command."""


def modules(library: Path) -> dict[str, Path]:
    """Modules of the library by their dotted name."""
    found = {}
    for path in library.rglob("*.py"):
        parts = path.relative_to(library.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the library that a module imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known or node.module in known:
                    yield full if full in known else node.module


def room(module: str) -> str:
    """The room of a module."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "root"


@pytest.fixture(scope="module")
def arrows(root):
    known = modules(root / "umklapp")
    return {name: set(imports(path, known)) for name, path in known.items()}


def test_no_room_is_unknown(root):
    folders = {path.parent.name for path in (root / "umklapp").glob("*/__init__.py")}
    assert folders == set(ROOMS) - {"root"}


def test_no_import_points_up(arrows):
    up = [
        f"{module} -> {target}"
        for module, targets in arrows.items()
        for target in targets
        if ROOMS.index(room(target)) > ROOMS.index(room(module)) and module not in DOORS
    ]
    assert not up


def test_no_module_imports_itself_in_a_circle(arrows):
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for target in arrows[module] - {module}:
                visit(target, (*way, module))
            done.add(module)

    packages = {name for name in arrows if any(other.startswith(f"{name}.") for other in arrows)}
    for module in sorted(set(arrows) - packages):
        visit(module, ())


def test_the_library_does_not_know_the_workflow(arrows, root):
    for path in modules(root / "umklapp").values():
        assert "import snakemake" not in path.read_text()
