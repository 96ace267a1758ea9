"""Crystals from the library of prototypes: space group, Wyckoff sites, parameters with a source."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from ase import Atoms
from ase.data import atomic_numbers

from umklapp import files
from umklapp.errors import InputError

if TYPE_CHECKING:
    from ase.spacegroup import Spacegroup

SUFFIXES = (".cif", ".vasp", ".extxyz")
"""Files of the structures folder that win over a prototype."""

LATTICES, PROTOTYPES, BORN = "lattices.yaml", "prototypes.yaml", "born.yaml"


@lru_cache(maxsize=64)
def _parsed(path: Path, _stamp: tuple[int, int]) -> dict[str, Any]:
    content = files.read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a mapping is expected, found {type(content).__name__}")
    return content


def read_yaml(path: Path) -> dict[str, Any]:
    """A yaml file as a mapping, read again only when it changed.

    Raises:
        InputError: the file is missing, no yaml, no mapping, or has a key twice.
    """
    try:
        stat = path.stat()
        return _parsed(path, (stat.st_mtime_ns, stat.st_size))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def own_file(key: str, folder: Path) -> Path | None:
    """The user's own structure of a material, where there is one.

    Raises:
        InputError: it is a link to nothing, or no file: the prototype must not stand in for it.
    """
    paths = [folder / f"{key}{suffix}" for suffix in SUFFIXES]
    own = next((path for path in paths if path.is_symlink() or path.exists()), None)
    if own is not None and not own.is_file():
        said = f"a link to {own.readlink()}, which is not there" if own.is_symlink() else "no file"
        raise InputError(f"{own}: {said}; mend it, or remove it to take the prototype of {key}")
    return own


def _axes(space_group: int) -> tuple[str, ...]:
    """Lattice parameters that a crystal system leaves free (right and hexagonal angles)."""
    if space_group >= 195:
        return ("a",)
    return ("a", "c") if space_group >= 75 else ("a", "b", "c")


def recipe(row: pd.Series, folder: Path) -> dict[str, Any]:
    """Everything a row of the table is built from; a job runs again when this changes.

    Returns:
        `file` and `sha256`; or `materials_project`; or `prototype` (its definition), `lattice`
        (numbers in Å and fractions of the cell) and `species`. `source` and `estimate` say
        where the numbers are from.

    Raises:
        InputError: naming row, file, what is wrong and what to do.
    """
    key, name = str(row["material"]), str(row["prototype"])
    own = own_file(key, folder)
    if own is not None:
        digest = hashlib.sha256(own.read_bytes()).hexdigest()[:16]
        return {"file": str(own), "sha256": digest, "source": f"own file {own.name}"}
    if name.startswith("mp-"):
        return {"materials_project": name, "source": f"Materials Project {name}"}
    prototypes, lattices = read_yaml(folder / PROTOTYPES), read_yaml(folder / LATTICES)
    if name not in prototypes:
        raise InputError(
            f"{key}: prototype {name!r} is not known (known: {', '.join(sorted(prototypes))}); "
            f"define it in {folder / PROTOTYPES}, put {key}.cif into {folder}, or write a "
            "Materials Project id (mp-…) as prototype"
        )
    if key not in lattices:
        raise InputError(
            f"{key}: no lattice parameters yet; add them with their source to "
            f"{folder / LATTICES} or put {key}.cif there"
        )
    prototype, entry = prototypes[name], lattices[key]
    _check_prototype(prototype, f"{folder / PROTOTYPES}: {name}")
    _check_entry(entry, prototype, f"{folder / LATTICES}: {key}")
    described = {"species", "source", "estimate"}
    return {
        "prototype": prototype,
        "lattice": {name: float(value) for name, value in entry.items() if name not in described},
        "species": entry["species"],
        "source": entry["source"],
        "estimate": bool(entry.get("estimate", False)),
    }


def _parameters(prototype: Mapping[str, Any]) -> list[str]:
    values = [value for site in prototype["basis"] for value in site]
    return sorted({value for value in values if isinstance(value, str)})


def _check_prototype(prototype: Any, where: str) -> None:
    needed = {"space_group", "angles", "sites", "basis"}
    if not isinstance(prototype, dict) or needed - set(prototype):
        given = set(prototype) if isinstance(prototype, dict) else set()
        raise InputError(f"{where}: {sorted(needed - given)} are missing")
    if len(prototype["sites"]) != len(prototype["basis"]):
        raise InputError(f"{where}: sites and basis must have one entry per Wyckoff site")


def _check_entry(entry: Any, prototype: Mapping[str, Any], where: str) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("species"), dict):
        raise InputError(
            f"{where}: a mapping with species, source and lattice parameters is needed"
        )
    needed = {*_axes(prototype["space_group"]), *_parameters(prototype)}
    missing = sorted(needed - set(entry))
    if missing:
        raise InputError(f"{where}: parameters {missing} are missing")
    if not str(entry.get("source") or "").strip():
        raise InputError(f"{where}: source is missing; say where the numbers are from")
    unknown = sorted(set(entry) - needed - {"a", "b", "c", "species", "source", "estimate"})
    if unknown:
        raise InputError(f"{where}: {unknown} are no parameters of the prototype {sorted(needed)}")
    wrong = {
        k: entry[k]
        for k in needed
        if not isinstance(entry[k], int | float) or not math.isfinite(entry[k])
    }
    wrong |= {k: entry[k] for k in {"a", "b", "c"} & set(entry) - set(wrong) if entry[k] <= 0}
    if wrong:
        raise InputError(f"{where}: {wrong}: numbers are needed, lengths above zero (Å)")
    sites, species = set(prototype["sites"]), entry["species"]
    if set(species) != sites or not set(species.values()) <= set(atomic_numbers):
        raise InputError(
            f"{where}: species {species} must give an element for each site {sorted(sites)}"
        )


@lru_cache(maxsize=64)
def _group(space_group: int, setting: int) -> Spacegroup:
    from ase.spacegroup import Spacegroup  # half a second; not in every job of a workflow

    return Spacegroup(space_group, setting)


def build(made_of: Mapping[str, Any]) -> Atoms:
    """Conventional cell of a `recipe` with a prototype, as given (symmetry is not checked)."""
    from ase.spacegroup import crystal

    prototype, lattice = made_of["prototype"], made_of["lattice"]
    lengths = [lattice.get(axis, lattice["a"]) for axis in ("a", "b", "c")]
    basis = [
        [lattice[value] if isinstance(value, str) else value for value in site]
        for site in prototype["basis"]
    ]
    return crystal(
        [made_of["species"][site] for site in prototype["sites"]],
        basis,
        spacegroup=_group(prototype["space_group"], prototype.get("setting", 1)),
        cellpar=[*lengths, *prototype["angles"]],
    )
