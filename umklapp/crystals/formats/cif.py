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
from ase.io.cif import CIFBlock, parse_cif
from ase.spacegroup import Spacegroup
from matscipy.neighbours import neighbour_list

from umklapp.crystals import symmetry
from umklapp.crystals.formats import cif_formula, cif_species
from umklapp.errors import InputError

SHORTEST = 0.5
"""Å; two sites that are closer are alternatives, of which one is taken, or one site given twice."""

SITES = "_atom_site_fract", "_atom_site_cartn"
"""What a data block with a structure has."""

FARTHEST = 2.0
"""Cells by which a fractional coordinate may lie outside of the cell."""

TYPE = "_atom_site_type_symbol"

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
        blocks = [
            block
            for block in parse_cif(io.StringIO(text))
            if any(str(name).lower().startswith(SITES) for name in block)
        ]
    if len(blocks) != 1:
        raise InputError(
            f"{source}: {len(blocks)} structures in the file, one is needed"
            + "; keep one data block" * (len(blocks) > 1)
        )
    block = blocks[0]
    tags: dict[str, Any] = {str(name).lower(): block[name] for name in block}
    _check_sites(tags, source)
    symbols = cif_species.of_sites(tags, source)
    group = _check_symmetry(tags, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        atoms = _built(CIFBlock(block.name, {**tags, TYPE: symbols}), source)
    _check_places(tags, symbols, atoms, source)
    _check_volume(tags, atoms, source)
    cif_formula.check(tags, symbols, atoms, source)
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


def _check_sites(tags: Mapping[str, Any], source: str) -> None:
    for axis in "xyz":
        values = cif_formula.column(tags.get(f"_atom_site_fract_{axis}"))
        if not values:
            raise InputError(f"{source}: no fractional coordinates (_atom_site_fract_{axis})")
        odd = [x for x in values if not isinstance(x, int | float) or not abs(x) <= FARTHEST]
        if odd:
            raise InputError(
                f"{source}: _atom_site_fract_{axis} {odd[0]!r} is no fraction of the cell: is it "
                "in Å, or in per cent?"
            )
    for name in ("_atom_site_occupancy", "_atom_site.occupancy"):
        values = cif_formula.column(tags.get(name))
        unclear = [x for x in values if not isinstance(x, int | float) and x != "."]
        if unclear:
            raise InputError(f"{source}: an occupancy {unclear[0]!r} is no number (1: full)")
        if "." in name and [x for x in values if x not in (1, ".")]:  # not read by ASE
            raise InputError(f"{source}: {name} is not 1: an ordered crystal is needed")
    groups = {str(value) for value in cif_formula.column(tags.get("_atom_site_disorder_group"))} - {
        ".",
        "?",
    }
    if groups:
        raise InputError(
            f"{source}: sites of disorder groups {', '.join(sorted(groups))}: an ordered crystal "
            "is needed; keep one alternative"
        )
    for name, value in tags.items():
        numbers = [abs(x) for x in cif_formula.column(value) if isinstance(x, int | float)]
        if MOMENTS.match(name) and max(numbers, default=0.0) > 0:
            raise InputError(
                f"{source}: the structure has magnetic moments ({name}), which umklapp does not "
                "carry: labels are calculated without spin"
            )


def _check_symmetry(tags: Mapping[str, Any], source: str) -> Spacegroup | None:
    """The stated space group; None where ASE does not know its name."""
    name, stated = cif_formula.stated(tags, GROUP_NAMES), cif_formula.stated(tags, GROUP_NUMBERS)
    operations = [str(text) for text in cif_formula.column(cif_formula.stated(tags, OPERATIONS))]
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


def _check_places(
    tags: Mapping[str, Any], symbols: Sequence[str], atoms: Atoms, source: str
) -> None:
    """Every site that is listed is in the cell with its element; ASE keeps the first at a place."""
    if any(x not in (1, ".") for x in cif_formula.column(tags.get("_atom_site_occupancy"))):
        return  # sites that are shared are refused by what reads them
    columns = [cif_formula.column(tags[f"_atom_site_fract_{axis}"]) for axis in "xyz"]
    own = atoms.get_scaled_positions()
    for place, symbol in zip(np.array(columns, float).T, symbols, strict=True):
        apart = own - place
        lengths = np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=1)
        nearest = int(lengths.argmin())
        if lengths[nearest] > SHORTEST or atoms.symbols[nearest] != symbol:
            raise InputError(
                f"{source}: the site of {symbol} at {place.tolist()} is also one of "
                f"{atoms.symbols[nearest]}: two elements on one place; correct the coordinates"
            )


def _check_volume(tags: Mapping[str, Any], atoms: Atoms, source: str) -> None:
    volume = tags.get("_cell_volume")
    if isinstance(volume, int | float) and volume > 0:
        own = abs(atoms.cell.volume)
        if abs(own / volume - 1) > SAME_VOLUME:
            raise InputError(
                f"{source}: _cell_volume is {volume:g} Å³, the cell has {own:.6g} Å³: a length or "
                "an angle is wrong, or in another unit"
            )
