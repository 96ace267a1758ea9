"""ASE calculators by import path: found, and their parameters checked before the first job."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from ase.calculators.calculator import Calculator, FileIOCalculator
from ase.calculators.genericfileio import GenericFileIOCalculator

from umklapp.errors import InputError

WRONG_VALUE = (TypeError, ValueError, KeyError, AttributeError, LookupError, FileNotFoundError)
"""What a constructor raises for parameters that are wrong everywhere; other errors may be of this
machine alone (no GPU, no memory) and are left to the job."""


def calculator_class(path: str, key: str) -> Any:
    """The class (or function) that `module:Class` names.

    Raises:
        InputError: naming `key`: no such module, or nothing of that name in it.
    """
    module, _, name = path.partition(":")
    try:
        imported = import_module(module)
    except (ImportError, ValueError) as error:
        raise InputError(f"{key}: {path!r} cannot be imported: {error}") from None
    if not name or not hasattr(imported, name):
        raise InputError(
            f"{key}: {path!r} cannot be imported: {module} has no {name or 'class'!r}"
            f"{_hint(name, dir(imported))}"
        )
    return getattr(imported, name)


def check(path: str, parameters: Mapping[str, Any], key: str) -> None:
    """Raise `InputError` where a calculator does not exist or cannot be made with its parameters.

    Calculators that only write the input of a program are not made: what they need may be on other
    machines.
    """
    made = calculator_class(path, f"{key}.calculator")
    accepted = accepted_parameters(made)
    for name in parameters:
        if accepted is not None and name not in accepted:
            raise InputError(
                f"{key}.parameters: {path} has no parameter {name!r}{_hint(name, accepted)} "
                f"(it takes {', '.join(sorted(accepted)) or 'none'})"
            )
    if _runs_a_program(made):
        return
    try:
        made(**parameters)
    except WRONG_VALUE as error:
        raise InputError(
            f"{key}.parameters: {path} cannot be made with {dict(parameters)}: "
            f"{type(error).__name__}: {error}"
        ) from None


def accepted_parameters(made: Any) -> set[str] | None:
    """Names that a calculator's constructor takes; None where it takes any name.

    ASE's base class takes any keyword in silence. Where a class states `default_parameters`, their
    names are those it knows.
    """
    if not callable(made):
        return set()
    try:
        signature = inspect.signature(made)
    except (TypeError, ValueError):
        return None
    variadic = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    named = {x.name for x in signature.parameters.values() if x.kind not in variadic}
    if not any(x.kind is variadic[0] for x in signature.parameters.values()):
        return named
    stated = getattr(made, "default_parameters", None)
    if not stated or _runs_a_program(made):
        return None
    base = set(inspect.signature(Calculator.__init__).parameters) - {"self", "kwargs"}
    return named | set(stated) | base


def _runs_a_program(made: Any) -> bool:
    programs = FileIOCalculator, GenericFileIOCalculator
    return inspect.isclass(made) and issubclass(made, programs)


def _hint(name: str, names: Any) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
