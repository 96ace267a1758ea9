"""Public functions say which errors they raise, ours and those of Python."""

import ast
import builtins
from collections.abc import Iterator

import pytest

OURS = {"UmklappError", "InputError", "CalculationError", "RefusedError", "UnreachableError"}
ERRORS = OURS | {name for name in vars(builtins) if name.endswith("Error")}


def raised(node: ast.AST, caught: frozenset[str] = frozenset()) -> Iterator[str]:
    """Errors that leave a function, by its own `raise`; not those of functions within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            made = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            if isinstance(made, ast.Name) and made.id in ERRORS - caught:
                yield made.id
        if isinstance(child, ast.Try):
            here = {name.id for h in child.handlers if h.type for name in ast.walk(h.type)
                    if isinstance(name, ast.Name)}  # fmt: skip
            for part in child.body:
                yield from raised(ast.Module([part], []), caught | here)
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from raised(part, caught)
        else:
            yield from raised(child, caught)


def public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Name, node and docstring of public functions and methods; a class speaks for its making."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            of_class = ast.get_docstring(node) or ""
            for method in node.body:
                if not isinstance(method, ast.FunctionDef):
                    continue
                if method.name == "__init__":
                    yield node.name, method, of_class + (ast.get_docstring(method) or "")
                elif not method.name.startswith("_"):
                    yield f"{node.name}.{method.name}", method, ast.get_docstring(method) or ""


def says(docstring: str, error: str) -> bool:
    """Under `Raises:`, or as the first words of a check: "Raise `InputError` for ..."."""
    return error in docstring.partition("Raises:")[2] or docstring.startswith(f"Raise `{error}`")


def silent(source: str) -> list[str]:
    """Public functions that raise without saying so."""
    return [
        f"{name}: {error}"
        for name, node, docstring in public(ast.parse(source))
        for error in sorted(set(raised(node)))
        if not says(docstring, error)
    ]


def test_public_functions_say_what_they_raise(root):
    found = {}
    for path in (root / "umklapp").rglob("*.py"):
        if names := silent(path.read_text()):
            found[str(path.relative_to(root))] = names
    assert not found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('def f():\n    """Nothing."""\n    raise InputError("x")', 1),
        ('def f():\n    """Raises:\n    InputError: x."""\n    raise InputError("x")', 0),
        ('def f():\n    """Raise `InputError`."""\n    raise InputError("x")', 0),
        ('def f():\n    """No."""\n    try:\n        raise InputError\n'
         "    except InputError:\n        pass", 0),
        ('def f():\n    """No."""\n    raise ValueError', 1),
        ('class A:\n    """No."""\n    def f(self):\n        raise CalculationError("x")', 1),
    ],
)  # fmt: skip
def test_the_test_can_fail(source, count):
    assert len(silent(source)) == count
