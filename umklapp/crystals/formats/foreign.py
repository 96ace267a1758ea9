"""Outputs of other programs that ASE reads: labelled frames, or the name of what a file is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import ase.db
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread
from ase.io.formats import filetype

from umklapp.crystals import frames
from umklapp.crystals.formats import dropped, packed, vasp
from umklapp.errors import InputError
from umklapp.wording import counted

Kind = Literal["vasprun", "OUTCAR", "traj", "db"]

READ: dict[Kind, str] = {"vasprun": "vasp-xml", "OUTCAR": "vasp-out", "traj": "traj", "db": "db"}
"""ASE's names of the formats that are read."""

_XML = re.compile(rb"<modeling>|<modeling ")
_OUTCAR = re.compile(rb"\A\s*vasp\.\d|\A.{0,400}?POTCAR:|executed on .{0,80}date", re.DOTALL)
_EXTXYZ = re.compile(rb"\A\s*\d+[ \t]*\r?\n[^\n]*(Properties|Lattice)\s*=", re.IGNORECASE)


def kind_of(first: bytes) -> Kind | None:
    """One of `READ`, by the first bytes of the unpacked file; None for another."""
    if first.startswith(b"- of Ulm"):
        return "traj"
    if first.startswith(b"SQLite format 3"):
        return "db"
    if _XML.search(first):
        return "vasprun"
    return "OUTCAR" if _OUTCAR.search(first) else None


def refuse_unknown(path: Path, first: bytes) -> None:
    """Raise `InputError` for what is no extxyz, with the name of what it is."""
    if _EXTXYZ.match(first):
        return
    if not first:
        raise InputError(f"{path}: no frames in the file, which is empty")
    if first.startswith(packed.UTF_16):
        raise InputError(
            f"{path}: text in UTF-16 (as PowerShell's `>` writes); UTF-8 is needed: "
            f"iconv -f UTF-16 -t UTF-8 {path.name} > new"
        )
    if b"\r" in first and b"\n" not in first:
        raise InputError(
            f"{path}: its lines end with a carriage return alone, as on old Macintoshs; write them "
            f"with line breaks: tr '\\r' '\\n' < {path.name} > new"
        )
    if re.match(rb"\A\s*\d+[ \t]*\r?\n", first):
        raise InputError(
            f"{path}: an xyz file without `Lattice=` and `Properties=` in its comment line: it has "
            "neither a cell nor labels; extxyz is needed"
        )
    try:
        name = filetype(str(path))
    except Exception:  # ASE raises many kinds for what it does not know
        name = None
    description = f"looks like ASE's format {name!r}" if name else "is of no known format"
    if name in ("xyz", "extxyz"):
        head = first.split(b"\n", 1)[0].decode(errors="replace").strip()
        description = (
            f"begins with {head[:60]!r}, where an extxyz has the number of atoms alone, and a line "
            "with Lattice= and Properties= behind it"
        )
    if b"\0" in first:
        description += " (it is binary)"
    raise InputError(
        f"{path}: {description}; labelled frames are read from extxyz, vasprun.xml, OUTCAR, ASE's "
        ".traj and .db, FHI-vibes' .son and .nc, aims.out, and phonopy's and phono3py's yaml; "
        "`ase convert` makes extxyz of most others"
    )


def read(path: Path, kind: Kind, notes: list[str]) -> Iterator[Atoms]:
    """Labelled frames of a file of `READ`, one in memory at a time.

    The label is the free energy where the file has one, because forces belong to it. Steps of VASP
    whose electrons did not converge are left out; a note says how many.

    Raises:
        InputError: naming file and frame: unreadable, cut, or without labels.
    """
    converged = _converged(path, kind)
    setup = _setup(path, kind)
    notes += setup.notes()
    with_stress = not setup.pressure or setup.bare_stress
    left_out, differing, frame_index = 0, 0.0, -1
    try:
        for frame_index, atoms in enumerate(_frames(path, kind)):
            if frame_index < len(converged) and not converged[frame_index]:
                left_out += 1
                continue
            results = dict(atoms.calc.results) if atoms.calc is not None else {}
            energy = results.get("free_energy", results.get("energy"))
            where = f"{path} frame {frame_index}"
            dropped.check_entries(setup.entries(), atoms.numbers, where)
            if (said := dropped.check(atoms, where)) and said not in notes:
                notes.append(said)
            if energy is None or results.get("forces") is None:
                lost = "energy label" if energy is None else "force labels"
                raise InputError(f"{where}: no {lost}")
            other = results.get("energy")
            if other is not None:
                differing = max(differing, abs(energy - other) / len(atoms))
            pbc = atoms.pbc.copy()
            stress = results.get("stress") if with_stress else None
            frame = frames.labelled(atoms, energy, results["forces"], stress)
            frame.pbc = pbc
            yield frame
    except InputError:
        raise
    except Exception as error:  # ASE raises many kinds for a file that ends too early
        remedy = " (or ASE does not know this output: give the vasprun.xml of the run)"
        raise InputError(
            f"{path} frame {frame_index + 1}: cannot be read as {kind} ({str(error)[:300]}); is "
            f"the file cut?{remedy * (kind == 'OUTCAR')}"
        ) from None
    if frame_index < 0:
        raise InputError(f"{path}: no frames in the file")
    if left_out == frame_index + 1:
        raise InputError(
            f"{path}: the electrons converged in none of its {counted(left_out, 'step')}: NELM "
            "iterations, and the last change is above EDIFF; such energies and forces are no labels"
        )
    if left_out:
        notes.append(f"{left_out} steps whose electrons did not converge are left out")
    if differing > 1e-6:
        notes.append(
            "labels are free energies, which the forces belong to; those extrapolated to zero "
            f"width differ by up to {1e3 * differing:.3g} meV per atom"
        )


def _setup(path: Path, kind: Kind) -> vasp.Setup:
    """What VASP's outputs say of the whole run."""
    if kind == "vasprun":
        with packed.readable(path), packed.opened(path) as file:
            return vasp.vasprun_setup(file, str(path))
    if kind == "OUTCAR":
        with packed.readable(path), packed.opened_text(path, errors="replace") as text:
            return vasp.outcar_setup(text)
    return vasp.Setup()


def _converged(path: Path, kind: Kind) -> list[bool]:
    """Of every step whether its electrons converged; empty where the format cannot tell."""
    if kind == "vasprun":
        with packed.readable(path), packed.opened(path) as file:
            return vasp.vasprun_steps(file, str(path))
    if kind == "OUTCAR":
        with packed.readable(path), packed.opened_text(path, errors="replace") as text:
            return vasp.outcar_steps(text)
    return []


def _frames(path: Path, kind: Kind) -> Iterator[Atoms]:
    readers: dict[str, Callable[[Path], Iterator[Atoms]]] = {"db": _database}
    if kind in readers:
        yield from readers[kind](path)
    elif kind == "traj":
        with packed.plain(path) as plain:
            yield from iread(plain, index=":", format="traj")
    else:
        with packed.opened_text(path, errors="replace") as text:
            yield from iread(text, index=":", format=READ[kind])


def _database(path: Path) -> Iterator[Atoms]:
    labels = ("energy", "free_energy", "forces", "stress")
    with packed.plain(path) as plain:
        for row in ase.db.connect(plain, type="db", use_lock_file=False).select():
            atoms = row.toatoms()
            results: dict[str, Any] = {name: row[name] for name in labels if name in row}
            atoms.calc = SinglePointCalculator(atoms, **results)
            yield atoms
