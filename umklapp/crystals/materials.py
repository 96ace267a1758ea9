"""The table of crystals, and the primitive cell of each of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from ase import Atoms
from ase.data import atomic_numbers
from ase.formula import Formula

from umklapp.crystals import frame_info, materials_project, prototypes, symmetry
from umklapp.crystals.formats import distances, dropped, structure_file
from umklapp.errors import InputError
from umklapp.paths import COMMON_FILES, COMMON_FOLDERS

if TYPE_CHECKING:
    from umklapp.config import Materials

FULL = 1e-3
"""Deviation from full occupation that is rounding."""

LARGEST_FORMULA = 1000
"""Atoms of a formula unit; the largest in the inorganic databases have some hundred."""

DOWNLOADS = Path("results/materials_project")
"""Where structures of the Materials Project are kept when the configuration says nothing else."""

SUFFIXES = prototypes.SUFFIXES


@dataclass(frozen=True)
class Literature:
    """Published κ(300 K) in W/(m K), each with the column of the table it is from."""

    experiment: tuple[float, ...]
    green_kubo: tuple[float, ...]

    def describe(self) -> str:
        """Short text for tables: experiments first, then ab initio Green–Kubo."""
        parts = []
        if self.experiment:
            parts.append("exp. " + ", ".join(f"{value:g}" for value in self.experiment))
        if self.green_kubo:
            parts.append("aiGK " + ", ".join(f"{value:g}" for value in self.green_kubo))
        return "; ".join(parts) or "none in the table"


def read_table(path: Path) -> pd.DataFrame:
    """All known materials, indexed by key `{formula}-{space group}`.

    Raises:
        InputError: the file or a column is missing, a key is not unique, or a row has an
            impossible entry; every such row is named with its line.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no such file. Paths in a configuration start from the folder in "
            f"which you type the command, here {Path.cwd()}: change to the folder of the campaign"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as csv: {error}") from None
    needed = {"material", "formula", "space_group", "prototype", "n_primitive"}
    missing = sorted(needed - set(table.columns))
    if missing:
        raise InputError(f"{path}: columns {missing} are missing")
    twice = sorted(set(table["material"][table["material"].duplicated()]))
    if twice:
        raise InputError(f"{path}: keys {twice} appear more than once")
    problems = [
        f"{path}: row {line} ({row['material'] or 'no key'}): {problem}"
        for line, (_, row) in enumerate(table.iterrows(), start=2)
        if (problem := _row_problem(row))
    ]
    if problems:
        raise InputError("\n".join(problems))
    return table.set_index("material", drop=False)


def _row_problem(row: pd.Series) -> str:
    """What is wrong with a row on the face of it, and what to do; empty when nothing is."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", row["material"]):
        return (
            f"material {row['material']!r:.120}: letters, digits, '-', '_' and '.' make a key, at "
            "most 100, the first a letter, digit or '_'"
        )
    if row["material"] in (*COMMON_FOLDERS, *COMMON_FILES, "overview"):
        return (
            f"material {row['material']!r} is the name of a folder or file of the results; write "
            "the key as formula-space group"
        )
    group = row["space_group"]
    if not group.isdecimal() or not 1 <= int(group) <= 230:
        return f"space_group {group!r}: an international number from 1 to 230 is needed"
    for column in ("n_primitive", "n_supercell"):
        text = str(row.get(column, ""))
        if text and (not text.isdecimal() or int(text) < 1):
            return f"{column} {text!r}: a whole number, or nothing where it is not known"
    if problem := formula_problem(row["formula"]):
        return problem
    primitive, published = row["n_primitive"], str(row.get("n_supercell", ""))
    if primitive and int(primitive) % len(_reduced(row["formula"])):
        return f"n_primitive {primitive} is no multiple of the atoms of {row['formula']}"
    if primitive and published and int(published) % int(primitive):
        return f"n_supercell {published} is no multiple of n_primitive {primitive}"
    return "" if row["prototype"] else "prototype is empty: a name, or mp-… (Materials Project)"


def formula_problem(text: str) -> str:
    """What is wrong with a formula; nothing is built from it before its size is known."""
    try:
        counts = Formula(text).count()
    except (KeyError, ValueError, IndexError):
        counts = {}
    if not counts or not set(counts) <= set(atomic_numbers) - {"X"}:
        return f"formula {text!r:.80}: elements and numbers are needed (Mg3Sb2)"
    if min(counts.values()) < 1 or sum(counts.values()) > LARGEST_FORMULA:
        rarest = min(counts, key=lambda name: counts[name])
        return (
            f"formula {text!r:.80} has {sum(counts.values())} atoms, {rarest} {counts[rarest]}: "
            f"every element is there at least once, {LARGEST_FORMULA} atoms are the most"
        )
    return ""


def _reduced(formula: str) -> Atoms:
    return Atoms(str(Atoms(formula).symbols.formula.reduce()[0]))


def species(table: pd.DataFrame, selection: Sequence[str]) -> dict[str, list[str]]:
    """Chemical species of the selected materials of a table, sorted."""
    formulas = table.loc[list(selection), "formula"]
    return {
        str(key): sorted(set(Atoms(text).get_chemical_symbols())) for key, text in formulas.items()
    }


def check_selection(table: pd.DataFrame, selection: Sequence[str], source: Path) -> None:
    """Raise `InputError` when a selected key is not in the table, naming the nearest ones."""
    for key in selection:
        if key not in table.index:
            near = [
                candidate
                for candidate in table.index
                if candidate.split("-")[0] == key.split("-")[0]
            ]
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise InputError(f"materials.select: {key!r} is not in {source}{hint}")


def selected(table: pd.DataFrame, select: Sequence[str] | str, source: Path) -> list[str]:
    """Keys that a campaign runs: those listed, `all`, or those of one `set` of the table.

    Raises:
        InputError: a key or a set that the table does not have.
    """
    if not isinstance(select, str):
        check_selection(table, select, source)
        return list(select)
    if select == "all":
        if table.empty:
            raise InputError(f"materials.table: {source} has no row")
        return [str(key) for key in table.index]
    sets = table["set"] if "set" in table.columns else pd.Series("", index=table.index)
    chosen = [str(key) for key in table.index[sets == select]]
    if not chosen:
        set_names = ", ".join(sorted({str(name) for name in sets if name}))
        raise InputError(
            f"materials.select: {source} has no set {select!r} (sets: {set_names or 'none'}); "
            "write 'all', one of the sets, or a list of keys"
        )
    return chosen


def keys(chosen: Materials) -> list[str]:
    """Keys that a campaign runs, from its section `materials`.

    Raises:
        InputError: as `read_table` and `selected`.
    """
    return selected(read_table(chosen.table), chosen.select, chosen.table)


def literature(row: pd.Series) -> Literature:
    """Published conductivities of one row of the table."""

    def numbers(column: str) -> tuple[float, ...]:
        return tuple(float(x) for x in re.findall(r"\d+(?:\.\d+)?", str(row.get(column, ""))))

    return Literature(numbers("kappa_exp_300K_WmK"), numbers("kappa_aiGK_300K_WmK"))


def composition(atoms: Atoms) -> str:
    """Reduced formula in Hill order: the same for a cell and any of its supercells."""
    return str(atoms.symbols.formula.reduce()[0].format("hill"))


def key_of(primitive: Atoms, table: pd.DataFrame | None = None) -> str:
    """Key of a crystal: that of the table's row of this composition and space group, if any.

    Else reduced formula, metals first, and space group.

    Args:
        table: of `read_table`.
    """
    group, reduced = symmetry.space_group(primitive), composition(primitive)
    for _, row in () if table is None else table[table["space_group"] == str(group)].iterrows():
        if composition(Atoms(row["formula"])) == reduced:
            return str(row["material"])
    return f"{Formula(reduced).format('metal')}-{group}"


def build_primitive(row: pd.Series, folder: Path, downloads: Path = DOWNLOADS) -> Atoms:
    """Primitive cell of one row: own file in `folder`, Materials Project id, or prototype.

    The cell is in the orientation of spglib's standard; a structure from a file is turned into
    it. What a file or the Materials Project states with few digits is symmetrised with the
    smallest of `TOLERANCES` that finds the space group of the table.

    Args:
        row: of the table. folder: own files, prototypes, lattice parameters.
        downloads: structures of the Materials Project that were fetched before.

    Raises:
        InputError: the row cannot be built, or does not have the space group, the composition
            or the number of atoms that the table states.
    """
    key = row["material"]
    made_of = prototypes.recipe(row, folder)
    tolerances: tuple[float, ...] = symmetry.TOLERANCES
    if "file" in made_of:
        atoms = read_structure(Path(made_of["file"]))
    elif "materials_project" in made_of:
        atoms = materials_project.structure(made_of["materials_project"], downloads)
    else:
        atoms, tolerances = prototypes.build(made_of), (symmetry.SYMPREC,)
    try:
        primitive = _standardised(atoms, int(row["space_group"]), tolerances)
    except InputError as error:
        raise InputError(f"{key}: {made_of['source']}: {error}") from None
    built_group, stated_group = symmetry.space_group(primitive), int(row["space_group"])
    remedy = f"; check {made_of['source']} and the table"
    if built_group != stated_group:
        raise InputError(
            f"{key}: built space group {built_group}, the table says {stated_group}{remedy}"
        )
    if row["n_primitive"] and len(primitive) != int(row["n_primitive"]):
        raise InputError(
            f"{key}: built {len(primitive)} atoms, the table says {row['n_primitive']}{remedy}"
        )
    if composition(primitive) != composition(Atoms(row["formula"])):
        raise InputError(
            f"{key}: built {primitive.symbols}, the table says {row['formula']}{remedy}"
        )
    distances.check_unit(primitive, f"{key}: {made_of['source']}")
    frame_info.mark(primitive, material=key)
    return primitive


def read_structure(path: Path) -> Atoms:
    """One structure of a file in any format that ASE knows.

    Raises:
        InputError: as `structure_file.read` and `refuse_dropped`.
    """
    atoms = structure_file.read(path)
    refuse_dropped(atoms, str(path))
    return atoms


def _is_full(occupancy: object) -> bool:
    """Whether a site is full; what a damaged cif has in place of a number is not."""
    return occupancy == "." or (isinstance(occupancy, int | float) and abs(occupancy - 1) <= FULL)


def refuse_dropped(atoms: Atoms, source: str) -> None:
    """Refuse physics of a structure that no later step would carry.

    Raises:
        InputError: sites that are shared or partly empty, magnetic moments, charges, isotopes.
    """
    dropped.check(atoms, source)
    for site, species in (atoms.info.get("occupancy") or {}).items():
        if len(species) > 1 or not all(map(_is_full, species.values())):
            shares = ", ".join(f"{name} {value}" for name, value in species.items())
            raise InputError(
                f"{source}: site {site} is occupied by {shares}: an ordered crystal of full sites "
                "is needed; give an ordered supercell of it as a material of its own"
            )
    remedy = {
        "magnetic moments": "labels are calculated without spin, which would be another state; no "
        "setting carries moments to the engine yet: leave the material out, or take them away "
        "where the crystal is not magnetic",
        "charges": "no setting carries them to the engine: take them away",
    }
    for name, values in (
        ("magnetic moments", atoms.get_initial_magnetic_moments()),
        ("charges", atoms.get_initial_charges()),
    ):
        if np.any(values):
            raise InputError(f"{source}: the structure has {name}; {remedy[name]}")


def _standardised(atoms: Atoms, wanted: int, tolerances: Sequence[float]) -> Atoms:
    for symprec in tolerances[1:]:
        if symmetry.space_group(atoms, tolerances[0]) == wanted:
            break
        if symmetry.space_group(atoms, symprec) == wanted:
            return symmetry.primitive_cell(atoms, symprec)
    return symmetry.primitive_cell(atoms, tolerances[0])


def published_size(row: pd.Series) -> int | None:
    """Atoms of the published supercell (column n_supercell), where the table states it."""
    text = str(row.get("n_supercell", "")).strip()
    return int(text) if text else None
