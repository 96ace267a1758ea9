"""What a cif says twice, or leaves out, looked at before its structure is believed.

ASE reads the last block, takes any operations, and passes over what it does not know.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.formula import Formula
from ase.io.cif import CIFBlock, parse_cif
from ase.spacegroup import Spacegroup
from matscipy.neighbours import neighbour_list

from umklapp.crystals import symmetry
from umklapp.errors import InputError

SHORTEST = 0.5
"""Å; two sites that are closer are alternatives, of which one is taken, or one site given twice."""

SAME_VOLUME = 0.02
"""Relative difference of the stated volume and that of the cell."""

OPERATION = re.compile(r"[xyz0-9+\-*/., ]+", re.IGNORECASE)

GROUP_NAMES = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
GROUP_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")

MOMENTS = re.compile(r"_atom_site_moment[._].*(crystalaxis|cartn|magnitude)", re.IGNORECASE)


def read(data: bytes, source: str) -> Atoms:
    """The structure of a cif.

    Raises:
        InputError: naming the source: no or several structures, moments, disorder, isotopes, no
            symmetry, or statements that contradict each other.
    """
    text = _decoded(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        blocks = [block for block in parse_cif(io.StringIO(text)) if block.has_structure()]
    if len(blocks) != 1:
        raise InputError(
            f"{source}: {len(blocks)} structures in the file, one is needed"
            + "; keep one data block" * (len(blocks) > 1)
        )
    block = blocks[0]
    tags: dict[str, Any] = {str(name).lower(): block[name] for name in block}
    _check_sites(tags, source)
    group = _check_symmetry(tags, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        atoms = _built(block, source)
    _check_statements(tags, atoms, source)
    if group is not None:
        _check_group(group, atoms, source)
    return atoms


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # a name in a comment; the rest of a cif is ascii


def _built(block: CIFBlock, source: str) -> Atoms:
    try:
        lengths = np.array(block.get_cellpar(), float)
    except (TypeError, ValueError):
        lengths = np.full(6, np.nan)
    within = (lengths > (*[0.5] * 3, *[1] * 3)) & (lengths < (*[1e3] * 3, *[179] * 3))
    if not within.all():
        raise InputError(
            f"{source}: lengths and angles {lengths.tolist()} hold no crystal (Å and degrees)"
        )
    atoms = block.get_atoms(store_tags=False)
    one, two, apart = neighbour_list("ijd", atoms, SHORTEST)
    if len(apart):
        raise InputError(
            f"{source}: atoms {one[0]} ({atoms.symbols[one[0]]}) and {two[0]} "
            f"({atoms.symbols[two[0]]}) are {apart[0]:.3f} Å apart: alternatives of one site, or "
            "one site given twice; keep one of them"
        )
    return atoms


def _list(value: Any) -> list[Any]:
    """Values of a column; a single entry is a column of one."""
    if value is None:
        return []
    whole = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    return list(value) if whole else [value]


def _stated(tags: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these entries that says something."""
    for name in names:
        value = tags.get(name)
        if value is not None and str(value).strip() not in ("", "?", "."):
            return value
    return None


def _check_sites(tags: Mapping[str, Any], source: str) -> None:
    if not _list(tags.get("_atom_site_fract_x")):
        raise InputError(f"{source}: no fractional coordinates (_atom_site_fract_x)")
    for name in ("_atom_site_occupancy", "_atom_site.occupancy"):
        values = _list(tags.get(name))
        unclear = [x for x in values if not isinstance(x, int | float) and x != "."]
        if unclear:
            raise InputError(f"{source}: an occupancy {unclear[0]!r} is no number (1: full)")
        if "." in name and [x for x in values if x not in (1, ".")]:  # not read by ASE
            raise InputError(f"{source}: {name} is not 1: an ordered crystal is needed")
    groups = {str(value) for value in _list(tags.get("_atom_site_disorder_group"))} - {".", "?"}
    if groups:
        raise InputError(
            f"{source}: sites of disorder groups {', '.join(sorted(groups))}: an ordered crystal "
            "is needed; keep one alternative"
        )
    for name, value in tags.items():
        numbers = [abs(x) for x in _list(value) if isinstance(x, int | float)]
        if MOMENTS.match(name) and max(numbers, default=0.0) > 0:
            raise InputError(
                f"{source}: the structure has magnetic moments ({name}), which umklapp does not "
                "carry: labels are calculated without spin"
            )
    kinds = _list(tags.get("_atom_site_type_symbol"))
    for label in kinds or _list(tags.get("_atom_site_label")):
        _check_species(str(label), bool(kinds), source)


def _check_species(label: str, is_type: bool, source: str) -> None:
    if re.match(r"\d", label):
        raise InputError(
            f"{source}: {label!r} is an isotope; dynamics and phonons take natural masses: write "
            "the element"
        )
    letters = re.match(r"[A-Za-z]*", label)
    assert letters is not None
    first = letters[0][:2].capitalize()
    if not is_type and letters[0][1:2].isupper() and first in atomic_numbers:
        raise InputError(
            f"{source}: the label {label!r} may be {first} or {letters[0][0].upper()}: the file "
            "needs _atom_site_type_symbol"
        )


def _check_symmetry(tags: Mapping[str, Any], source: str) -> Spacegroup | None:
    """The stated space group; None where ASE does not know its name."""
    name, stated = _stated(tags, GROUP_NAMES), _stated(tags, GROUP_NUMBERS)
    operations = [str(text) for text in _list(_stated(tags, OPERATIONS))]
    if name is None and stated is None and not operations:
        raise InputError(
            f"{source}: no space group and no symmetry operations: are these all atoms of the "
            "cell, or the independent ones? Add the space group (`_symmetry_space_group_name_H-M "
            "'P 1'` if they are all)"
        )
    wrong = [text for text in operations if not OPERATION.fullmatch(text)]
    if wrong:
        raise InputError(f"{source}: {wrong[0]!r:.80} is no symmetry operation")
    named, numbered = _group(name), _group(stated)
    if named is not None and numbered is not None and named.no != numbered.no:
        raise InputError(
            f"{source}: the space group is {name!r}, which is {named.no}, and also {stated}: "
            "correct one of them"
        )
    group = numbered if named is None else named
    if group is not None and operations and len(operations) < group.nsymop:
        raise InputError(
            f"{source}: {len(operations)} symmetry operations, but {name or stated} has "
            f"{group.nsymop}: operations are missing, or the atoms are of another setting (P 1)"
        )
    return group


def _group(stated: Any) -> Spacegroup | None:
    """A space group by name or number; None where ASE does not know the name."""
    if stated is None:
        return None
    try:
        return Spacegroup(int(stated) if str(stated).strip().isdecimal() else str(stated).strip())
    except Exception:  # ASE raises many kinds for names of other settings
        return None


def _check_group(group: Spacegroup, atoms: Atoms, source: str) -> None:
    """A crystal has at least the rotations of its group; another setting of it has fewer."""
    stated = {turn.tobytes() for turn in np.rint(group.get_op()[0]).astype(int)}
    present = {
        turn.tobytes() for turn in symmetry.rotations(atoms, max(symmetry.TOLERANCES)).astype(int)
    }
    if len(present) < len(stated):
        raise InputError(
            f"{source}: the atoms have {len(present)} rotations, space group {group.no} has "
            f"{len(stated)}: the cell or the sites are of another setting of the group"
        )


def _check_statements(tags: Mapping[str, Any], atoms: Atoms, source: str) -> None:
    volume = tags.get("_cell_volume")
    if isinstance(volume, int | float) and volume > 0:
        own = abs(atoms.cell.volume)
        if abs(own / volume - 1) > SAME_VOLUME:
            raise InputError(
                f"{source}: _cell_volume is {volume:g} Å³, the cell has {own:.6g} Å³: a length or "
                "an angle is wrong, or in another unit"
            )
    sum_formula = str(_stated(tags, ("_chemical_formula_sum",)) or "")
    try:
        counts = Formula(sum_formula.replace(" ", "")).count()
    except (ValueError, KeyError, IndexError):
        return
    if not counts or not set(counts) <= set(atomic_numbers):
        return
    own_counts = atoms.symbols.formula.count()
    units = _stated(tags, ("_cell_formula_units_z",))
    factors = {own_counts.get(name, 0) / count for name, count in counts.items()}
    same = set(counts) == set(own_counts) and len(factors) == 1
    if not same or (isinstance(units, int) and units > 0 and factors != {units}):
        raise InputError(
            f"{source}: _chemical_formula_sum is {sum_formula!r} (Z {units or 'not stated'}), the "
            f"cell has {atoms.symbols}: sites or symmetry operations are missing, or are there "
            "twice"
        )
