"""What a cif says of its composition, held against the atoms of its cell.

Formula, number of formula units, weight, density, list of atom types and multiplicities of sites:
where one of them disagrees, sites or symmetry operations are missing, or are there twice.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.data import atomic_numbers

from umklapp.errors import InputError

log = logging.getLogger(__name__)

SUM = "_chemical_formula_sum"

RATIOS = ("_chemical_formula_structural", "_chemical_formula_iupac", "_chemical_formula_moiety")
"""Formulas that tell the ratio of the elements, where they are simple."""

TYPES = "_atom_type_symbol"

MULTIPLICITIES = ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")

PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)(?:\(\d+\))?")
CHARGE = re.compile(r"\d*[+-]\d*")

SAME_RATIO, SAME_WEIGHT, SAME_DENSITY = 1e-3, 0.02, 0.05
"""Relative differences that are rounding."""


def column(value: Any) -> list[Any]:
    """Values of a column; a single entry is a column of one."""
    if value is None:
        return []
    whole = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    return list(value) if whole else [value]


def stated(tags: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these entries that says something."""
    for name in names:
        value = tags.get(name)
        if value is not None and str(value).strip() not in ("", "?", "."):
            return value
    return None


def parsed(text: str) -> dict[str, float] | None:
    """How often every element is in a simple formula; None of any other text."""
    counts: dict[str, float] = {}
    for word in re.split(r"[\s,]+", text.strip()):
        if CHARGE.fullmatch(word):
            continue
        bare = re.sub(r"(?<=\d)[+-]$", "", word) if re.fullmatch(r"[A-Za-z]+\d[+-]", word) else word
        parts = PART.findall(bare) if re.fullmatch(f"(?:{PART.pattern})+", bare) else []
        if not parts or not all(name in atomic_numbers for name, _ in parts):
            parts = re.findall(r"^([A-Za-z]{1,2})(\d*\.?\d*)$", bare)
            parts = [(name.capitalize(), count) for name, count in parts]
        if not parts or not all(name in atomic_numbers and name != "X" for name, _ in parts):
            return None
        for name, count in parts:
            counts[name] = counts.get(name, 0.0) + float(count or 1)
    return {name: count for name, count in counts.items() if count > 0} or None


def elements(tags: Mapping[str, Any]) -> frozenset[str]:
    """The elements that the file names beside its sites; empty where it names none."""
    for name in (SUM, *RATIOS):
        counts = parsed(str(tags.get(name) or ""))
        if counts:
            return frozenset(counts)
    return frozenset(_types(tags))


def _types(tags: Mapping[str, Any]) -> list[str]:
    words = [re.match(r"[A-Za-z]{1,2}", str(value)) for value in column(tags.get(TYPES))]
    names = [word[0].capitalize() for word in words if word]
    return names if len(names) == len(words) and set(names) <= set(atomic_numbers) else []


def check(tags: Mapping[str, Any], symbols: Sequence[str], atoms: Atoms, source: str) -> None:
    """Hold everything that the file says of the composition against the atoms of the cell.

    Args:
        tags: entries of the data block by their names in lower case. symbols: of the sites.

    Raises:
        InputError: what disagrees.
    """
    own = {name: float(count) for name, count in atoms.symbols.formula.count().items()}
    missing = set(_types(tags)) - set(own)
    if missing:
        raise InputError(_refusal(source, f"{TYPES} lists {', '.join(sorted(missing))}", atoms))
    _check_multiplicities(tags, symbols, own, atoms, source)
    text = stated(tags, (SUM,))
    counts = parsed(str(text)) if text is not None else None
    if text is not None and counts is None:
        log.warning("%s: %s %r cannot be held against the atoms", source, SUM, text)
    units_stated = stated(tags, ("_cell_formula_units_z",))
    z = units_stated if isinstance(units_stated, int) and units_stated > 0 else None
    if counts is not None:
        _check_sum(counts, z, own, atoms, f"{SUM} is {str(text)!r} (Z {z or 'not stated'})", source)
    elif z is not None and any(count % z for count in own.values()):
        raise InputError(_refusal(source, f"_cell_formula_units_Z is {z}", atoms))
    for name in RATIOS:
        ratio = parsed(str(stated(tags, (name,)) or ""))
        if ratio is not None and not _same_ratio(ratio, own):
            raise InputError(_refusal(source, f"{name} is {tags[name]!r}", atoms))
    _check_weights(tags, z, atoms, source)


def _refusal(source: str, statement: str, atoms: Atoms) -> str:
    return (
        f"{source}: {statement}, the cell has {atoms.symbols}: sites or symmetry operations are "
        "missing, or are there twice"
    )


def _same_ratio(counts: Mapping[str, float], own: Mapping[str, float]) -> bool:
    if set(counts) != set(own):
        return False
    factors = [own[name] / counts[name] for name in counts]
    return max(factors) - min(factors) <= SAME_RATIO * max(factors)


def _check_sum(
    counts: Mapping[str, float],
    z: int | None,
    own: Mapping[str, float],
    atoms: Atoms,
    statement: str,
    source: str,
) -> None:
    """The cell holds Z formulas; pymatgen writes the formula of the cell, and Z of the reduced."""
    name = next(iter(counts))
    factor = own.get(name, 0.0) / counts[name]
    whole = all(count.is_integer() for count in counts.values())
    reduced = math.gcd(*(int(count) for count in counts.values())) if whole else 1
    right = _same_ratio(counts, own) and (
        not whole or (factor > 0.5 and abs(factor - round(factor)) < SAME_RATIO * factor)
    )
    if right and z is not None and whole:
        right = round(factor) == z or (round(factor) == 1 and reduced == z)
    if not right:
        raise InputError(_refusal(source, statement, atoms))


def _check_multiplicities(
    tags: Mapping[str, Any],
    symbols: Sequence[str],
    own: Mapping[str, float],
    atoms: Atoms,
    source: str,
) -> None:
    for name in MULTIPLICITIES:
        values = column(tags.get(name))
        if len(values) != len(symbols) or not all(isinstance(x, int) and x > 0 for x in values):
            continue
        counts: Counter[str] = Counter()
        for symbol, value in zip(symbols, values, strict=True):
            counts[symbol] += value
        if dict(counts) != own and len(symbols) < len(atoms):  # or all atoms of the cell are listed
            said = ", ".join(f"{count} {symbol}" for symbol, count in counts.items())
            raise InputError(_refusal(source, f"{name} gives {said}", atoms))


def _check_weights(tags: Mapping[str, Any], z: int | None, atoms: Atoms, source: str) -> None:
    mass = float(atoms.get_masses().sum())
    weight = stated(tags, ("_chemical_formula_weight",))
    comparable = isinstance(weight, int | float) and weight > 0 and z is not None
    if comparable and stated(tags, (SUM,)) is None and abs(mass / (weight * z) - 1) > SAME_WEIGHT:
        raise InputError(_refusal(source, f"_chemical_formula_weight is {weight:g} (Z {z})", atoms))
    density = stated(tags, ("_exptl_crystal_density_diffrn",))
    own = mass / (units._Nav * abs(atoms.cell.volume) * 1e-24)
    if isinstance(density, int | float) and density > 0 and abs(own / density - 1) > SAME_DENSITY:
        raise InputError(
            _refusal(
                source, f"_exptl_crystal_density_diffrn is {density:g} g/cm³, not {own:.4g}", atoms
            )
        )
