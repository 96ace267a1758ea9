"""What cells and labelled frames of others have and no part of umklapp carries: one rule for all.

Charge, spin, an electric field, masses of its own and sites that are not full change what a label
or a vibration is. They are refused, in whatever format and under whatever name they come; charges
of atoms that sum to none are said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses

from umklapp.errors import InputError

NAMES = re.compile(
    r"(?:(?:ref|dft|qm|vasp|aims|gpaw|espresso|initial|default_initial|final|target|label|true|"
    r"total|tot|net|cell|atomic|partial|site)[_-]?)*"
    r"(?:(?P<charge>charges?)"
    r"|(?P<moment>magmoms?|magneti[sz]ation|(?:magnetic_)?moments?|spins?|nupdown|uhf)"
    r"|(?P<multiplicity>(?:spin_?)?multiplicity)"
    r"|(?P<field>(?:external_|electric_)*e?field))",
    re.IGNORECASE,
)
"""Names that others give to them, in the comment line, the columns or the results of a frame."""

NONE = 1e-2
"""Charge (e), moment (µB), field (V/Å) or deviation of an occupancy that is none."""

OF_ATOMS = 0.5
"""e; charges of atoms are integrals over their surroundings, whose sum is wrong by so much."""

SAME_MASS = 1e-3
"""Relative deviation of a mass from the natural one that is another table's rounding."""

REMEDY = "leave it out, or take the entry away where it says nothing of the calculation"


def check(atoms: Atoms, where: str) -> str | None:
    """As `check_entries`, of a frame with everything that was read with it."""
    results = atoms.calc.results if atoms.calc is not None else {}
    return check_entries({**atoms.info, **atoms.arrays, **results}, atoms.numbers, where)


def check_entries(entries: Mapping[str, Any], numbers: Any, where: str) -> str | None:
    """A sentence about charges of atoms; None without any.

    Args:
        entries: what a file says of a frame of N atoms, by name. numbers: atomic numbers (N,).

    Raises:
        InputError: a charged cell, magnetic moments, a field, own masses, sites that are not full.
    """
    sizes: dict[str, dict[str, float]] = {}
    said = None
    for name, value in entries.items():
        match, values = NAMES.fullmatch(name), _numbers(value)
        if match is None or values is None:
            continue
        kind = str(match.lastgroup)
        of_atoms = values.size > 1 and len(values) == len(numbers)
        size = float(np.abs(values.sum() if kind == "charge" else values).max())
        if kind == "charge" and of_atoms:
            said = f"charges of atoms (up to {np.abs(values).max():.2g} e) are not carried"
            size *= size > OF_ATOMS
        elif kind == "multiplicity":
            size -= 1.0
        sizes.setdefault(kind, {})[name] = size
    for kind, by_name in sizes.items():
        _refuse(kind, by_name, where)
    _check_masses(entries, numbers, where)
    occupancy = _numbers(entries.get("occupancy"))
    if occupancy is not None and np.abs(occupancy - 1).max() > NONE:
        raise InputError(f"{where}: sites that are not full; an ordered crystal is needed")
    return said


def _numbers(value: Any) -> np.ndarray | None:
    """What is a number or an array of numbers; None of anything else, an empty one too."""
    if value is None or isinstance(value, bool | str | Mapping):
        return None
    try:
        values = np.asarray(value, float)
    except (TypeError, ValueError):
        return None
    return values if values.size and np.isfinite(values).all() else None


def _refuse(kind: str, sizes: Mapping[str, float], where: str) -> None:
    """Where a calculation has an outcome, what it began with does not count."""
    final = {name: size for name, size in sizes.items() if "initial" not in name.lower()}
    name, size = max((final or sizes).items(), key=lambda item: item[1])
    if size <= NONE:
        return
    spin = "engines of umklapp calculate without spin, which would be another state"
    cause = {
        "charge": f"charges of {size:.3g} e in all: no part of umklapp carries them",
        "moment": f"magnetic moments (up to {size:.2g} µB): {spin}",
        "multiplicity": f"a spin multiplicity of {size + 1:g}: {spin}",
        "field": f"a field of {size:.3g}: no part of umklapp carries one",
    }[kind]
    raise InputError(f"{where}: the structure has ({name!r}) {cause}; {REMEDY}")


def _check_masses(entries: Mapping[str, Any], numbers: Any, where: str) -> None:
    for name in ("masses", "mass"):
        values = _numbers(entries.get(name))
        if values is None or values.shape != np.shape(numbers):
            continue
        natural = atomic_masses[np.asarray(numbers, int)]
        apart = np.abs(values / natural - 1)
        if apart.max(initial=0.0) > SAME_MASS:
            worst = int(apart.argmax())
            raise InputError(
                f"{where}: atom {worst} has a mass of {values[worst]:.6g}, its element has "
                f"{natural[worst]:.6g}: isotopes, or species and masses in different orders. "
                "Dynamics and phonons of a campaign take natural masses (conductivity.isotopes "
                f"scatters by the natural mixture); {REMEDY}"
            )
