"""Which Born charges the phonons of a material have: from a file, by the engine, or none.

born.json keeps them, or says in words why there are none; every κ repeats these words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ase import Atoms

from umklapp.config import Espresso, Phonons, Section
from umklapp.crystals import born_charges
from umklapp.crystals.formats import born_files, force_sets
from umklapp.crystals.prototypes import BORN
from umklapp.errors import InputError
from umklapp.lattice.born_record import BornRecord
from umklapp.reference import espresso_response

MISSING = "no non-analytical correction"
"""Begins the words of a polar crystal without Born charges."""


@dataclass(frozen=True)
class Source:
    """Where Born charges are to come from.

    kind: `file`, `engine`, or `none`; path: of the file; reason: why there are none; polar: whether
    the symmetry lets any atom have a charge.
    """

    kind: Literal["file", "engine", "none"]
    path: Path | None = None
    reason: str = ""
    polar: bool = True


def source(
    settings: Phonons,
    reference: Section,
    structures: Path,
    cells: Path | None,
    material: str,
    primitive: Atoms,
) -> Source:
    """Where the Born charges of a material come from, by `phonons.born`.

    A crystal that cannot be polar needs none, whatever is said. `auto` takes the first of: a params
    file that the phonons or cells are from, the engine, the table in `structures`.

    Raises:
        InputError: the file that is named does not exist, or the engine that is named computes
            none.
    """
    if not born_charges.is_polar(primitive):
        reason = "not polar: the symmetry of the crystal makes every Born charge zero"
        return Source("none", reason=reason, polar=False)
    if settings.born == "none":
        return Source("none", reason=f"{MISSING} (phonons.born: none)")
    if isinstance(settings.born, Path):
        return Source("file", born_files.path_of(settings.born, material))
    if settings.born == "reference":
        _check_engine(reference)
        return Source("engine")
    for path in (settings.force_constants, cells):
        if (
            path is not None
            and path.exists()
            and force_sets.is_params(path)
            and born_files.has_charges(path)
        ):
            return Source("file", path)
    if isinstance(reference, Espresso):
        _check_engine(reference)
        return Source("engine")
    if born_files.in_table(structures / BORN, material):
        return Source("file", structures / BORN)
    engine = getattr(reference, "engine", "none")
    return Source(
        "none",
        reason=f"{MISSING}: {structures / BORN} has no {material}, and the engine {engine} "
        "computes no Born charges (phonons.born: auto)",
    )


def _check_engine(reference: Section) -> None:
    if not isinstance(reference, Espresso):
        engine = getattr(reference, "engine", "none")
        raise InputError(
            f"phonons.born: reference, but the engine {engine} computes no Born charges (espresso "
            "does): name a file, or say none"
        )
    problems = espresso_response.missing(reference)
    if problems:
        raise InputError("phonons.born: reference: " + "; ".join(problems))


def make(
    origin: Source, primitive: Atoms, material: str, reference: Section, workdir: Path
) -> BornRecord:
    """The record of a material.

    Args:
        origin: of `source`. primitive: of structure/primitive.extxyz. workdir: of ph.x.

    Raises:
        InputError: as `crystals.formats.born_files.read`. CalculationError: of the engine.
    """
    if origin.kind == "none":
        return BornRecord(polar=origin.polar, charges_e=None, dielectric=None, words=origin.reason)
    if origin.kind == "engine" and isinstance(reference, Espresso):
        charges, statement = espresso_response.calculate(reference, primitive, workdir)
    elif origin.path is not None:
        charges, statement = born_files.read(origin.path, primitive, material)
    else:
        raise InputError(f"phonons.born: {origin} names no Born charges")
    return BornRecord(
        polar=True,
        charges_e=charges.charges.tolist(),
        dielectric=charges.dielectric.tolist(),
        words=f"Born charges and ε∞: {statement}",
    )
