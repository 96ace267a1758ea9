"""Force sets of other programs: labelled extxyz, and the yaml files of phonopy and phono3py."""

from __future__ import annotations

import logging
import lzma
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import phono3py
import yaml
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
        without_tags(path)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.yaml"
        with lzma.open(path) as packed, plain.open("wb") as target:
            shutil.copyfileobj(packed, target)
        without_tags(plain)
        yield plain


def without_tags(path: Path) -> None:
    """Refuse a yaml with tags: phonopy and phono3py read with a loader that calls what they name.

    Raises:
        InputError: the safe loader does not take the file.
    """
    with path.open("rb") as file:
        tagged = any(b"!" in line for line in file)
    if tagged:  # rare: the slow way tells a tag from text
        try:
            with path.open("rb") as file:
                yaml.load(file, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise InputError(
                f"{path}: a yaml of phonopy has no tags; nothing in it was executed: {error}"
            ) from None


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


log = logging.getLogger(__name__)

SAME_PLACE = 1e-6
"""Å; a pair of opposite displacements of one atom leaves it on its site up to this."""

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
    if params.forces is None or params.dataset is None:
        raise InputError(f"{path}: no displacements with forces in the file")
    perfect = from_phonopy(params.supercell)
    energies = params.supercell_energies
    if "first_atoms" not in params.dataset:
        return perfect, params.displacements, params.forces, energies
    shifts, included = pair_displacements(params)
    if not included.all():
        log.warning(
            f"{path}: {np.count_nonzero(~included)} of {len(included)} displaced cells are pairs "
            "beyond the file's cutoff_pair_distance, never calculated: left out"
        )
    kept = None if energies is None else energies[included]
    return perfect, shifts[included], params.forces[included], kept


def pair_displacements(params: Phono3py) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of a dataset of one or two displaced atoms, and which were calculated.

    phono3py's own `displacements` has only the second atom of a pair.

    Returns:
        (n, N, 3) Å in phono3py's order, single displacements first; (n,) false for pairs beyond
        the cutoff of the file, whose forces and energy phono3py writes as zeros.
    """
    dataset: Any = params.dataset
    shape = (len(params.supercell), 3)
    shifts, included = [], []
    for first in dataset["first_atoms"]:
        shift = np.zeros(shape)
        shift[first["number"]] = first["displacement"]
        shifts.append(shift)
        included.append(True)
    for first, single in zip(dataset["first_atoms"], list(shifts), strict=True):
        for second in first["second_atoms"]:
            shift = single.copy()
            shift[second["number"]] += second["displacement"]
            shifts.append(shift)
            included.append(_calculated(second, dataset.get("cutoff_distance")))
    return np.array(shifts), np.array(included, bool)


def _calculated(second: dict[str, Any], cutoff: float | None) -> bool:
    """Whether a pair was calculated; a file with forces has no `included`, only distances (Å)."""
    if not second.get("included", True):
        return False
    beyond = cutoff is not None and second.get("pair_distance", 0.0) > cutoff - SAME_PLACE
    return not beyond or bool(np.any(second["forces"]))


def read_labelled(path: Path) -> list[Atoms]:
    """Labelled frames of an extxyz file or of the supercell force sets of a yaml file.

    Raises:
        InputError: as `crystals.frames.read_frames`; or a yaml file without forces or energies,
            or with a displaced cell whose forces are all zero.
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
        if np.abs(shift).max() > SAME_PLACE and not np.any(force):
            raise InputError(
                f"{path} displacement {number}: atoms are displaced but every force is exactly "
                "zero, as in a file with a cell that was never calculated; write the file again "
                "without that cell"
            )
        frame = frames.labelled(atoms, energies[number], np.array(force))
        frames.check(frame, f"{path} displacement {number}")
        found.append(frame)
    return found
