"""Born charges in files: phonopy's BORN, yaml files of phonopy and phono3py, a table of materials.

All are laid on the atoms of our primitive cell, checked against its symmetry, and symmetrised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from phono3py.interface.phono3py_yaml import Phono3pyYaml
from phonopy.interface.phonopy_yaml import PhonopyYaml

from umklapp.crystals import born_charges
from umklapp.crystals.born_charges import BornCharges
from umklapp.crystals.formats import calculation_folder, packed
from umklapp.crystals.formats.force_sets import Units, is_params, is_phonopy, unpacked
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.crystals.prototypes import read_yaml
from umklapp.errors import InputError

IN_FOLDER = ("{material}/BORN", "{material}.BORN", "BORN_{material}", "{material}.yaml",
             "{material}.yaml.xz")  # fmt: skip
"""Names of a material's file in a folder, the first that exists counts."""

KEYS = {"charges", "sites", "dielectric", "source"}
"""Of an entry of a table."""


def path_of(said: Path, material: str) -> Path:
    """The file of a material: `{material}` filled in, or looked for in a folder.

    Raises:
        InputError: there is none.
    """
    path = Path(str(said).replace("{material}", material))
    if path.is_dir():
        names = [name.replace("{material}", material) for name in IN_FOLDER]
        existing = [path / name for name in names if (path / name).is_file()]
        if not existing:
            raise InputError(f"phonons.born: {path} has none of {', '.join(names)}")
        return existing[0]
    if not path.is_file():
        raise InputError(f"phonons.born: {path} does not exist")
    return path


def is_table(path: Path) -> bool:
    """Whether a file is a table of materials (as config/structures/born.yaml), not of one."""
    return is_params(path) and path.suffix != ".xz" and not _has_cell(path)


def _has_cell(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(line.startswith(("phonopy:", "phono3py:")) for line in file)


def identity(path: Path, material: str) -> str:
    """Hash of what a file says of one material: another entry of a table changes nothing.

    Raises:
        InputError: the table cannot be read.
    """
    content = repr(read_yaml(path).get(material)).encode() if is_table(path) else path.read_bytes()
    beside = path.parent / "BORN"
    if is_params(path) and not is_table(path) and beside.is_file():
        content += beside.read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def read(path: Path, primitive: Atoms, material: str) -> tuple[BornCharges, str]:
    """Born charges of the atoms of a primitive cell, and where they are from, in words.

    Args:
        path: of `path_of`. primitive: atoms and axes of `structure/primitive.extxyz`.

    Raises:
        InputError: naming the file: unreadable, without this material or one of its atoms, of
            another crystal, or with charges that its symmetry or the sum over the cell forbids.
    """
    where = f"phonons.born: {path}"
    if is_table(path):
        return _of_table(read_yaml(path), primitive, material, where, path)
    if is_params(path):
        return of_params(path, primitive), str(path)
    return _of_born_file(path, primitive, where), str(path)


def in_table(path: Path, material: str) -> bool:
    """Whether a table is there and has an entry for the material."""
    return path.is_file() and material in read_yaml(path)


def _of_table(
    table: Mapping[str, Any], primitive: Atoms, material: str, where: str, path: Path
) -> tuple[BornCharges, str]:
    entry = table.get(material)
    if entry is None:
        raise InputError(f"{where} has no entry for {material}")
    where = f"{where}, {material}"
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: {entry!r:.60} where `dielectric` and `charges` are expected")
    unknown = sorted(set(entry) - KEYS)
    if unknown or "dielectric" not in entry or ("charges" in entry) == ("sites" in entry):
        raise InputError(
            f"{where}: `dielectric` and one of `charges` (by species) and `sites` (by atom) are "
            f"needed{', not ' + ', '.join(unknown) if unknown else ''}"
        )
    if "charges" in entry:
        strange = sorted(set(_species_of(entry["charges"], where)) - set(primitive.symbols))
        if strange:
            raise InputError(f"{where}: charges: {', '.join(strange)} is not in the crystal")
        tensors = {name: _tensor(value, where) for name, value in entry["charges"].items()}
        charges = born_charges.of_species(tensors, primitive, where)
    else:
        charges = _of_sites(entry["sites"], primitive, where)
    source = f"{path}, {material}" + (f" ({entry['source']})" if entry.get("source") else "")
    dielectric = _tensor(entry["dielectric"], where)
    return born_charges.checked(charges, dielectric, primitive, where), source


def _species_of(charges: object, where: str) -> list[str]:
    if not isinstance(charges, Mapping):
        raise InputError(
            f"{where}: charges: {charges!r:.60}; a number or tensor by species is expected: "
            "{Na: 1.1, Cl: -1.1}"
        )
    return [str(name) for name in charges]


def _of_sites(entries: list[dict[str, Any]], primitive: Atoms, where: str) -> np.ndarray:
    """Charges (n, 3, 3) e from `sites: [{K: 1.2}, {F: [[…]]}, …]`; the species are compared."""
    if not isinstance(entries, list) or not all(
        isinstance(entry, Mapping) and len(entry) == 1 for entry in entries
    ):
        raise InputError(
            f"{where}: sites: {entries!r:.60}; a list with the species of every atom is expected: "
            "[{Na: 1.1}, {Cl: -1.1}]"
        )
    pairs = [next(iter(entry.items())) for entry in entries]
    charges = born_charges.of_sites([_tensor(value, where) for _, value in pairs], primitive, where)
    group = born_charges.SiteSymmetry.of(primitive)
    atoms = range(len(primitive)) if len(pairs) == len(primitive) else np.unique(group.orbits)
    for (symbol, _), atom in zip(pairs, atoms, strict=True):
        if symbol != primitive.symbols[atom]:
            raise InputError(
                f"{where}: sites: {symbol} stands where structure/primitive.extxyz has atom "
                f"{atom}, {primitive.symbols[atom]}"
            )
    return charges


def _tensor(value: object, where: str) -> np.ndarray:
    """(3, 3) from a number (isotropic), three numbers (the diagonal) or nine."""
    try:
        tensor = np.array(value, float)
    except (TypeError, ValueError):
        tensor = np.zeros(0)
    if tensor.shape not in ((), (3,), (3, 3)):
        raise InputError(f"{where}: {value!r} is no number and no tensor of 3 or 3×3 numbers")
    return np.diag(np.broadcast_to(tensor, 3)) if tensor.ndim < 2 else tensor


def _of_born_file(path: Path, primitive: Atoms, where: str) -> BornCharges:
    """phonopy's BORN: a line of units, ε∞, then Z* of the independent atoms (or of all).

    Charges are in e, so that the first line says nothing about them.
    """
    with packed.readable(path), packed.opened_text(path, "replace") as file:
        lines = [line.split("#")[0].split() for line in file.read().splitlines()[1:]]
    try:
        rows = [[float(column) for column in columns] for columns in lines if columns]
    except ValueError:
        rows = []
    if len(rows) < 2 or any(len(row) != 9 for row in rows):
        raise InputError(
            f"{where}: not a BORN file of phonopy: a first line, then lines of nine numbers, ε∞ "
            "and the Born charge of every independent atom"
        )
    tensors = np.array(rows).reshape(-1, 3, 3)
    charges = born_charges.of_sites(list(tensors[1:]), primitive, where)
    return born_charges.checked(charges, tensors[0], primitive, where)


def of_params(path: Path, primitive: Atoms) -> BornCharges:
    """Born charges of a yaml of phonopy or phono3py, laid on our primitive cell.

    Raises:
        InputError: as `read`, also where neither the file nor a BORN beside it has any.
    """
    where, params = f"phonons.born: {path}", _params(path)
    if params is None:
        raise InputError(f"{where} has no Born charges (nac_params of phonopy, or BORN beside it)")
    given, charges = params
    laid = charges.laid_on(given, primitive, where)
    return born_charges.checked(laid.charges, laid.dielectric, primitive, where)


def has_charges(path: Path) -> bool:
    """Whether a yaml of phonopy or phono3py, or BORN beside it, has Born charges."""
    return _params(path) is not None


def _params(path: Path) -> tuple[Atoms, BornCharges] | None:
    """Primitive cell of a file and its Born charges; None where it has none."""
    try:
        with unpacked(path) as plain:
            content = (PhonopyYaml if is_phonopy(path) else Phono3pyYaml)().read(plain)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"phonons.born: {path}: cannot be read as yaml: {error}") from None
    if content.primitive is None:
        return None
    nac = calculation_folder.charges(content.nac_params, content.primitive, path.parent)
    if nac is None:
        return None
    given = from_phonopy(content.primitive)
    length = Units.of(content.calculator, path).length
    given.set_cell(given.cell.array * length, scale_atoms=True)
    return given, BornCharges(np.asarray(nac["born"], float), np.asarray(nac["dielectric"], float))
