"""Force sets in the yaml files of phonopy and phono3py, in their calculator's units."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from phono3py import Phono3py
from phonopy.interface.phonopy_yaml import PhonopyYaml
from phonopy.physical_units import get_calculator_physical_units

from umklapp.crystals import frames
from umklapp.crystals.formats import (
    border,
    calculation_folder,
    consistency,
    distances,
    dropped,
    frame_pairs,
    packed,
    stated_supercell,
)
from umklapp.crystals.formats.displaced_cells import SAME_PLACE, pair_displacements
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.files import check_yaml

log = logging.getLogger(__name__)

LARGEST_SUPERCELL = 20_000
"""Primitive cells in a supercell; a matrix with more must be a mistake, and would take for ever."""

PLAIN = ".yaml", ".yml"
"""Names by which phonopy takes a file as it is; others it unpacks, whatever they are."""

CELLS = "unit_cell:", "primitive_cell:", "supercell:"
"""Keys of a yaml of phonopy, one of which every such file has."""

HEAD = 100_000
"""Bytes at the beginning of a yaml in which phonopy writes calculator and matrices."""


def is_params(path: Path) -> bool:
    """Whether the path is a yaml of phonopy or phono3py (by its name; packed ones too)."""
    return bool(re.search(r"\.ya?ml(\.(xz|gz|bz2))?$", str(path)))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Path of the yaml itself, in this block, also where the file is packed.

    Raises:
        InputError: unreadable, tags in the yaml, or a supercell of an impossible size.
    """
    with packed.readable(path), packed.plain(path, "plain.yaml") as plain:
        _check_head(plain, path)
        without_tags(plain)
        if plain.suffix in PLAIN:
            yield plain
            return
        with tempfile.TemporaryDirectory() as folder:
            renamed = Path(folder) / "plain.yaml"
            shutil.copyfile(plain, renamed)
            yield renamed


def _check_head(plain: Path, path: Path) -> None:
    """Refuse supercells that would keep phonopy busy for ever."""
    with plain.open("rb") as file:
        head = file.read(HEAD).decode(errors="replace")
    decimal = r"[-+.\deE]+"
    row = rf"\s*-\s*\[\s*({decimal})\s*,\s*({decimal})\s*,\s*({decimal})\s*\]"
    for match in re.finditer(rf"supercell_matrix:{row}{row}{row}", head):
        try:
            matrix = np.array(match.groups(), float).reshape(3, 3)
        except ValueError:
            continue  # phonopy says what is wrong with it
        size = abs(np.linalg.det(matrix))
        if not size <= LARGEST_SUPERCELL:
            raise InputError(
                f"{path}: the supercell has {size:.3g} primitive cells, which must be a mistake: "
                "is the supercell matrix right?"
            )


def without_tags(path: Path) -> None:
    """Refuse a yaml with tags: phonopy and phono3py read with a loader that calls what they name.

    Raises:
        InputError: the safe loader does not take the file, or it is nested too deep for any.
    """
    data = path.read_bytes()
    try:
        check_yaml(data)
    except ValueError as error:
        raise InputError(f"{path}: no yaml of phonopy: {error}") from None
    if b"!" in data:  # rare: the slow way tells a tag from text
        try:
            with path.open("rb") as file:
                yaml.load(file, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise InputError(
                f"{path}: a yaml of phonopy has no tags; nothing in it was executed: {error}"
            ) from None


def load_params(path: Path) -> Phono3py:
    """Cells, displacements, forces and Born charges of a phono3py yaml, and of the files that lie
    beside it where they are not in it (`calculation_folder`).

    Raises:
        InputError: the file is missing, phono3py cannot read it, or its supercell is another one
            than phono3py builds.
    """
    try:
        with unpacked(path) as plain:
            params = calculation_folder.load(plain, path.parent)
            length = Units.of(params.calculator, path).length
            supercell = from_phonopy(params.supercell)
            stated_supercell.check(plain, supercell, length, path)
            distances.check_unit(supercell, str(path))
            return params
    except InputError:
        raise
    except Exception as error:  # yaml and phono3py have no common error
        reason = _short(error) if _has_cell(path) else "no unit cell in the file"
        raise InputError(f"{path}: cannot be read as phono3py params: {reason}") from None


def _has_cell(path: Path) -> bool:
    """Whether a yaml has a crystal in it, as those of phonopy and phono3py have."""
    with packed.opened_text(path, "replace") as file:
        return any(
            line.startswith(("unit_cell:", "primitive_cell:", "supercell:", "phono"))
            for line in file
        )


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__


@dataclass(frozen=True)
class Units:
    """Of what was read: Å, eV/Å and eV in one unit of length, force and energy."""

    length: float
    force: float
    energy: float

    @classmethod
    def of(cls, calculator: str | None, path: Path) -> Units:
        """Phonopy's table; a file without a calculator is in Å, eV/Å and eV.

        Raises:
            InputError: phonopy has no calculator of that name.
        """
        try:
            units = get_calculator_physical_units(calculator)
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
        return cls(units.distance_to_A, units.force_to_eVperA, units.energy_to_eV)


def is_phonopy(path: Path) -> bool:
    """Whether a yaml is one of phonopy, not of phono3py (by its first key)."""
    try:
        with packed.opened_text(path) as file:
            lines = (line for line in file if line.strip() and not line.startswith("#"))
            return next(lines, "").startswith("phonopy:")
    except packed.UNREADABLE:
        return False  # whoever reads it says what is wrong with it


@dataclass(frozen=True)
class ForceSets:
    """What a yaml holds of n displaced supercells of N atoms, in `units`.

    perfect: the supercell. shifts, forces: n arrays (N, 3). energies: n, None where there are none.
    """

    perfect: Atoms
    shifts: Sequence[np.ndarray]
    forces: Sequence[np.ndarray]
    energies: Sequence[float] | np.ndarray | None
    units: Units
    calculator: str | None


def _phonopy(path: Path) -> ForceSets:
    """Perfect supercell, displacements, forces, energies of a phonopy yaml.

    Read from the file alone: phonopy's own loader would take a FORCE_SETS of the working folder.
    """
    try:
        with unpacked(path) as plain:
            content = PhonopyYaml().read(plain)
    except InputError:
        raise
    except Exception as error:  # yaml and phonopy have no common error
        raise InputError(f"{path}: cannot be read as yaml of phonopy: {_short(error)}") from None
    calculator = content.calculator
    units = Units.of(calculator, path)
    data = content.dataset or {}
    if content.supercell is None:
        raise InputError(f"{path}: no supercell in the file; write it with phonopy's save()")
    perfect = from_phonopy(content.supercell)
    if "displacements" in data and "forces" in data:
        shifts, forces = data["displacements"], data["forces"]
        energies = data.get("supercell_energies")
        return ForceSets(perfect, shifts, forces, energies, units, calculator)
    single = data.get("first_atoms", [])
    if not single or any("forces" not in displaced for displaced in single):
        raise InputError(
            f"{path}: no displacements with forces in the file; phonopy's save() writes them with "
            "settings={'force_sets': True}"
        )
    shifts = []
    for displaced in single:
        shift = np.zeros_like(perfect.positions)
        shift[displaced["number"]] = displaced["displacement"]
        shifts.append(shift)
    energies = [displaced.get("supercell_energy") for displaced in single]
    complete = None if None in energies else energies
    forces = [displaced["forces"] for displaced in single]
    return ForceSets(perfect, shifts, forces, complete, units, calculator)


def _energies(params: Phono3py) -> np.ndarray | None:
    """Of all displaced supercells; None where one has none (phono3py raises a KeyError there)."""
    dataset: Any = params.dataset
    first = dataset.get("first_atoms", [])
    displaced = [*first, *(second for single in first for second in single["second_atoms"])]
    if any("supercell_energy" not in one for one in displaced):
        return None
    energies = params.supercell_energies
    return None if energies is None or np.ndim(energies) == 0 else energies  # an array of `null`


def calculated(params: Phono3py, path: Path) -> ForceSets:
    """The displaced supercells of a params file that were calculated, in Å and eV/Å.

    Of a dataset of one or two displaced atoms these are the single displacements, and the pairs
    within the file's cutoff; `first_atoms` of `params.dataset` tells such a dataset.

    Raises:
        InputError: there are no forces, or the file names no known calculator.
    """
    calculator = params.calculator
    units = Units(1.0, 1.0, Units.of(calculator, path).energy)  # phono3py converts the others
    if params.forces is None or params.dataset is None:
        raise InputError(f"{path}: no displacements with forces in the file")
    perfect = from_phonopy(params.supercell)
    energies = _energies(params)
    if "first_atoms" not in params.dataset:
        return ForceSets(perfect, params.displacements, params.forces, energies, units, calculator)
    shifts, included = pair_displacements(params)
    if not included.all():
        log.warning(
            f"{path}: {np.count_nonzero(~included)} of {len(included)} displaced cells are pairs "
            "beyond the file's cutoff_pair_distance, never calculated: left out"
        )
    kept = None if energies is None else energies[included]
    forces = params.forces[included]
    return ForceSets(perfect, shifts[included], forces, kept, units, calculator)


def read_labelled(path: Path, notes: list[str] | None = None) -> list[Atoms]:
    """Labelled frames of the supercell force sets of a yaml file, in Å, eV and eV/Å.

    Lengths and forces are in the units of the file's calculator. Energies are too, or are in eV
    where whoever wrote them converted them: the forces tell which.

    Args:
        notes: sentences about the units are added to it.

    Raises:
        InputError: unreadable, without forces or energies, or in units that do not fit together.
    """
    sets = _phonopy(path) if is_phonopy(path) else calculated(load_params(path), path)
    if sets.energies is None:
        raise InputError(f"{path}: the force sets have no supercell energies; training needs them")
    labels: list[Atoms] = []
    counts = [len(part) for part in (sets.shifts, sets.forces, sets.energies)]
    if len(set(counts)) > 1:
        raise InputError(
            f"{path}: {counts[0]} displaced cells, forces of {counts[1]}, energies of {counts[2]}: "
            "they must be as many; write the file again with phonopy's save()"
        )
    dropped.check(sets.perfect, str(path))
    for index, (shift, force) in enumerate(zip(sets.shifts, sets.forces, strict=True)):
        atoms = sets.perfect.copy()
        atoms.positions += shift
        atoms.set_cell(atoms.cell.array * sets.units.length, scale_atoms=True)
        where = f"{path} displacement {index}"
        if np.abs(shift).max() > SAME_PLACE and not np.any(force):
            raise InputError(
                f"{where}: atoms are displaced but every force is exactly zero, as in a file with "
                "a cell that was never calculated; write the file again without that cell"
            )
        frame = frames.labelled(atoms, sets.energies[index], np.array(force) * sets.units.force)
        labels.append(border.believed(frame, where))
    factor = _energy_factor(labels, sets.units)
    for frame in labels:
        frame.calc.results["energy"] *= factor
    if notes is not None and sets.calculator is not None:
        unit = "eV" if factor == 1.0 else f"{factor:.4f} eV"
        notes.append(
            f"units of calculator {sets.calculator!r}: lengths of {sets.units.length:.4f} Å, "
            f"forces of {sets.units.force:.4f} eV/Å, energies of {unit}"
        )
    return labels


def _energy_factor(labels: Sequence[Atoms], units: Units) -> float:
    """What turns the energies into eV: of the calculator, or 1 where only that fits the forces."""
    if units.energy == 1.0:
        return 1.0
    slope = consistency.force_slope(frame_pairs.pairs_of(labels))
    if slope is None:
        return units.energy
    distance = {factor: abs(np.log(abs(slope.value) * factor)) for factor in (units.energy, 1.0)}
    return min(distance, key=distance.__getitem__)
