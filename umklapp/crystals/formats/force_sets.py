"""Force sets of other programs: labelled extxyz, and the yaml files of phonopy and phono3py."""

from __future__ import annotations

import lzma
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import phono3py
from ase import Atoms
from phono3py import Phono3py
from phonopy.interface.phonopy_yaml import PhonopyYaml

from umklapp.crystals import frames
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError


def is_params(path: Path) -> bool:
    """Whether the path is a yaml of phonopy or phono3py (by its name; .xz allowed)."""
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


def is_phonopy(path: Path) -> bool:
    """Whether a yaml is one of phonopy, not of phono3py (by its first key)."""
    try:
        with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
            lines = (line for line in file if line.strip() and not line.startswith("#"))
            return next(lines, "").startswith("phonopy:")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError):
        return False  # whoever reads it says what is wrong with it


ForceSets = tuple[Atoms, Sequence[np.ndarray], Sequence[np.ndarray], Sequence[float] | None]


def _phonopy(path: Path) -> ForceSets:
    """Perfect supercell, displacements, forces, energies of a phonopy yaml.

    Read from the file alone: phonopy's own loader would take a FORCE_SETS of the working folder.
    """
    try:
        with unpacked(path) as plain:
            content = PhonopyYaml().read(plain)
    except Exception as error:  # yaml, lzma and phonopy have no common error
        raise InputError(f"{path}: cannot be read as yaml of phonopy: {error}") from None
    data = content.dataset or {}
    if content.supercell is None:
        raise InputError(f"{path}: no supercell in the file; write it with phonopy's save()")
    perfect = from_phonopy(content.supercell)
    if "displacements" in data and "forces" in data:
        return perfect, data["displacements"], data["forces"], data.get("supercell_energies")
    single = data.get("first_atoms", [])
    if not single or any("forces" not in each for each in single):
        raise InputError(
            f"{path}: no displacements with forces in the file; phonopy's save() writes them with "
            "settings={'force_sets': True}"
        )
    shifts = []
    for each in single:
        shift = np.zeros_like(perfect.positions)
        shift[each["number"]] = each["displacement"]
        shifts.append(shift)
    energies = [each.get("supercell_energy") for each in single]
    known = None if None in energies else energies
    return perfect, shifts, [each["forces"] for each in single], known


def _phono3py(path: Path) -> ForceSets:
    params = load_params(path)
    if params.forces is None or params.displacements is None:
        raise InputError(f"{path}: no displacements with forces in the file")
    perfect = from_phonopy(params.supercell)
    return perfect, params.displacements, params.forces, params.supercell_energies


def read_labelled(path: Path) -> list[Atoms]:
    """Labelled frames of an extxyz file or of the supercell force sets of a yaml file.

    Raises:
        InputError: as `crystals.frames.read_frames`; or a yaml file without forces or energies.
    """
    if not is_params(path):
        return frames.read_frames(path)
    perfect, displacements, forces, energies = (_phonopy if is_phonopy(path) else _phono3py)(path)
    if energies is None:
        raise InputError(f"{path}: the force sets have no supercell energies; training needs them")
    found = []
    for number, (shift, force) in enumerate(zip(displacements, forces, strict=True)):
        atoms = perfect.copy()
        atoms.positions += shift
        frame = frames.labelled(atoms, energies[number], np.array(force))
        frames.check(frame, f"{path} displacement {number}")
        found.append(frame)
    return found
