"""Force sets of other programs: labelled extxyz, and phono3py's params yaml."""

from __future__ import annotations

import lzma
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import phono3py
from ase import Atoms
from phono3py import Phono3py

from umklapp import frames
from umklapp.errors import InputError
from umklapp.materials import from_phonopy


def is_params(path: Path) -> bool:
    """Whether the path is a phono3py params yaml (by its name; .xz allowed)."""
    return any(str(path).endswith(end) for end in (".yaml", ".yaml.xz", ".yml", ".yml.xz"))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Path of the yaml itself, in this block, also where the file is packed (.xz)."""
    if path.suffix != ".xz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.yaml"
        with lzma.open(path) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target)
        yield plain


@lru_cache(maxsize=2)
def load_params(path: Path) -> Phono3py:
    """Cells, displacements, forces and Born charges of a phono3py params file.

    Raises:
        InputError: the file is missing or phono3py cannot read it.
    """
    try:
        with unpacked(path) as plain:
            return phono3py.load(plain, produce_fc=False, log_level=0)
    except Exception as error:  # yaml, lzma and phono3py have no common error
        raise InputError(f"{path}: cannot be read as phono3py params: {error}") from None


def read_labelled(path: Path) -> list[Atoms]:
    """Labelled frames of an extxyz file or of the supercell force sets of a params file.

    Raises:
        InputError: as `umklapp.frames.read_frames`; or a params file without forces.
    """
    if not is_params(path):
        return frames.read_frames(path)
    params = load_params(path)
    if params.forces is None or params.displacements is None:
        raise InputError(f"{path}: no displacements with forces in the file")
    energies = params.supercell_energies
    if energies is None:
        raise InputError(f"{path}: the force sets have no supercell energies; training needs them")
    perfect = from_phonopy(params.supercell)
    found = []
    for number, (shift, force) in enumerate(zip(params.displacements, params.forces, strict=True)):
        atoms = perfect.copy()
        atoms.positions += shift
        frame = frames.labelled(atoms, energies[number], np.array(force))
        frames.check(frame, f"{path} displacement {number}")
        found.append(frame)
    return found
