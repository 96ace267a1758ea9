"""One crystal in a file of any format that ASE knows, after what can be said of the file alone."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.formats import UnknownFileTypeError

from umklapp.crystals.formats import cif, distances, packed
from umklapp.errors import InputError

log = logging.getLogger(__name__)

LARGEST = 1_000_000
"""Bytes of a file with the structure of a primitive cell; ten thousand sites have so many."""

NEGATIVE = re.compile(rb"^_cell_(length_[abc]|angle_(alpha|beta|gamma))\s+['\"]?-", re.MULTILINE)
"""In a cif; ASE takes the absolute value of it."""

IS_CIF = re.compile(rb"^\s*data_\S*.*^\s*_cell_length_a\s", re.MULTILINE | re.DOTALL)
"""A cif under any name, whose text programs read in the same way."""

IS_POSCAR = re.compile(r"poscar|contcar|\.vasp$", re.IGNORECASE)
"""In the name of a file."""

PACKED = re.compile(r"\.(gz|bz2|xz)$", re.IGNORECASE)
"""Endings that a packed file has behind those that tell its format."""

NO_VOLUME = 1e-3
"""Å³; no cell of atoms is smaller."""


def read(path: Path) -> Atoms:
    """The crystal of a file.

    Raises:
        InputError: naming the file: unreadable, several structures, not periodic in three
            directions, atoms on each other, a slab, or lengths that are not in Å.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if not path.is_file():
        raise InputError(f"{path}: cannot be read: a folder, a pipe or a device, not a file")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: {path.stat().st_size:.1e} bytes are no file of a primitive cell")
    try:
        with packed.readable(path), packed.opened(path) as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise InputError(f"{path}: unpacked it has more than {LARGEST:.0e} bytes")
        atoms = _read(path, data)
    except InputError:
        raise
    except Exception as error:  # ASE raises many kinds
        reason = " ".join(str(error).split()) or "it holds no crystal, or is damaged"
        if isinstance(error, UnknownFileTypeError):
            reason = "ASE knows no such format; give a .cif, a POSCAR as .vasp, or .extxyz"
        raise InputError(f"{path}: cannot be read as a structure: {reason[:300]}") from None
    _check(atoms, str(path))
    return atoms


def _read(path: Path, data: bytes) -> Atoms:
    """Of the unpacked bytes of a file."""
    from ase.io import read as ase_read  # half a second; not in every job of a workflow
    from ase.io.formats import UnknownFileTypeError

    name = PACKED.sub("", path.name) if packed.is_packed(path) else path.name
    if name.lower().endswith(".mcif"):
        raise InputError(f"{path}: a magnetic structure; engines of umklapp calculate without spin")
    if name.lower().endswith(".cif") or IS_CIF.search(data):
        if NEGATIVE.search(data):
            raise InputError(f"{path}: a negative length or angle of the cell")
        return cif.read(data, str(path))
    if IS_POSCAR.search(name):
        return _poscar(path, data)
    try:
        with packed.plain(path, name) as plain:
            frames = ase_read(plain, index=":")
    except UnknownFileTypeError:
        raise InputError(
            f"{path}: neither its name nor its first bytes tell a format that ASE knows; give it "
            "the ending of its format (.cif, .vasp, .extxyz, …)"
        ) from None
    structures = list(frames) if isinstance(frames, list) else [frames]
    if not structures:
        raise InputError(f"{path}: ASE finds no structure in the file")
    if len(structures) != 1:
        raise InputError(f"{path}: {len(structures)} structures in the file; keep one of them")
    return structures[0]


def _poscar(path: Path, data: bytes) -> Atoms:
    from ase.io.vasp import read_vasp

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # a name in the comment; the rest of a POSCAR is ascii
    atoms: Atoms = read_vasp(io.StringIO(text))
    lines = text.splitlines()
    if len(lines) > 5 and lines[5].split() and lines[5].split()[0].isdigit():
        log.warning(
            "%s: the file names no species (VASP 4); %s is taken from its first line, %r",
            *(path, atoms.symbols, lines[0][:60]),
        )
    modes = [n for n, line in enumerate(lines[6:9], start=6) if line.strip()[:1] in "cCdDkK"]
    after = (
        lines[modes[0] + 1 + len(atoms)] if modes and len(lines) > modes[0] + 1 + len(atoms) else ""
    )
    if _is_place(after):
        raise InputError(
            f"{path}: more than {len(atoms)} positions, which is the sum of the numbers of atoms: "
            "one of them is wrong"
        )
    if np.abs(atoms.get_scaled_positions(wrap=False)).max(initial=0.0) > cif.FARTHEST:
        raise InputError(
            f"{path}: a position lies more than {cif.FARTHEST:g} cells away: is `Direct` written "
            "over positions in Å?"
        )
    return atoms


def _is_place(line: str) -> bool:
    """Whether a line begins with three numbers."""
    try:
        return len([float(word) for word in line.split()[:3]]) == 3
    except ValueError:
        return False


def _check(atoms: Atoms, where: str) -> None:
    if len(atoms) == 0:
        raise InputError(f"{where}: no atoms")
    if not np.isfinite(atoms.cell.array).all() or abs(atoms.cell.volume) < NO_VOLUME:
        raise InputError(f"{where}: no cell; a crystal is expected")
    if not atoms.pbc.all():
        raise InputError(
            f"{where}: periodic in {atoms.pbc.sum()} directions, not in three; a crystal is "
            'expected (pbc="T T T" in extxyz)'
        )
    if not np.isfinite(atoms.positions).all():
        raise InputError(f"{where}: a position is not finite")
    distances.check(atoms, where)
    distances.check_unit(atoms, where)
    distances.check_layers(atoms, where)
