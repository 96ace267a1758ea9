"""Which elements the sites of a cif are: by their type symbols, else by their labels.

A label such as CA1 may be calcium or a carbon called A; the elements that the file names decide.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ase.data import atomic_numbers

from umklapp.crystals.formats import cif_formula
from umklapp.errors import InputError

ELEMENTS = frozenset(atomic_numbers) - {"X"}

TYPE = re.compile(r"([A-Za-z]{1,2})(?:[\d.]*[+-]?[\d.]*|\(?[IViv]+\)?)")
"""An element with its charge: Na, Na1+, O2-, Cu+2, Fe(III)."""

MOST_WAYS = 4096
"""Ways to read the labels of a file that are compared."""


def of_sites(tags: Mapping[str, Any], source: str) -> list[str]:
    """The element of every site.

    Args:
        tags: entries of the data block by their names in lower case.

    Raises:
        InputError: an isotope, no element, or a label that may be two.
    """
    kinds = cif_formula.column(tags.get("_atom_site_type_symbol"))
    if kinds:
        return [_of_type(str(kind), source) for kind in kinds]
    labels = [str(label) for label in cif_formula.column(tags.get("_atom_site_label"))]
    if not labels:
        raise InputError(f"{source}: sites without _atom_site_type_symbol and _atom_site_label")
    chosen = _of_labels(labels, cif_formula.elements(tags), source)
    return [chosen[_letters(label)] for label in labels]


def _refuse_isotope(text: str, source: str) -> None:
    if re.match(r"\d+[A-Za-z]", text) or re.fullmatch(r"[DT]\d*[+-]?", text):
        raise InputError(
            f"{source}: {text!r} is an isotope; dynamics and phonons take natural masses: write "
            "the element"
        )


def _of_type(text: str, source: str) -> str:
    _refuse_isotope(text, source)
    match = TYPE.fullmatch(text.strip())
    symbol = match[1].capitalize() if match else ""
    if symbol not in ELEMENTS:
        raise InputError(f"{source}: _atom_site_type_symbol {text!r} is no element (Na, Na1+)")
    return symbol


def _letters(label: str) -> str:
    match = re.match(r"[A-Za-z]*", label)
    return match[0] if match else ""


def _candidates(letters: str, named: frozenset[str]) -> list[str]:
    """Elements that a label's first letters may be."""
    two, one = letters[:2].capitalize(), letters[:1].upper()
    both = [x for x in dict.fromkeys((two, one)) if x in ELEMENTS and (not named or x in named)]
    spelled = letters[:1].isupper() and letters[1:2].islower()
    if spelled and two in ELEMENTS:
        return [x for x in both if x == two]
    if spelled and not named:  # Wat1 may be anything
        return []
    return both


def _of_labels(labels: Sequence[str], named: frozenset[str], source: str) -> dict[str, str]:
    """The element of every kind of label.

    Args:
        named: elements of the file's formula or its list of atom types; empty without any.
    """
    first: dict[str, str] = {}
    for label in labels:
        first.setdefault(_letters(label), label)
    candidates = {}
    for letters, label in first.items():
        _refuse_isotope(label, source)
        candidates[letters] = _candidates(letters, named)
        if not candidates[letters]:
            among = f" of {', '.join(sorted(named))}, which the file names" if named else ""
            raise InputError(
                f"{source}: the label {label!r} is no element{among}: add a column "
                "_atom_site_type_symbol"
            )
    ways = itertools.islice(itertools.product(*candidates.values()), MOST_WAYS)
    fitting = [way for way in ways if not named or set(way) == named]
    if len(fitting) == 1:
        return dict(zip(candidates, fitting[0], strict=True))
    doubtful = next((x for x, names in candidates.items() if len(names) > 1), None)
    if doubtful is None:
        return {letters: names[0] for letters, names in candidates.items()}
    raise InputError(
        f"{source}: the label {first[doubtful]!r} may be {' or '.join(candidates[doubtful])}: add "
        "a column _atom_site_type_symbol, or the right _chemical_formula_sum"
    )
