"""Second-order force constants of a supercell from files that phonopy or phono3py users have.

Whatever the file, the result is the full array (N, N, 3, 3) in eV/Å² of the supercell that was
asked for, in its order of atoms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import phonopy
import yaml
from ase import Atoms
from phonopy import Phonopy
from phonopy.file_IO import parse_FORCE_CONSTANTS
from phonopy.harmonic.force_constants import compact_fc_to_full_fc

from umklapp.crystals import phonopy_cells
from umklapp.crystals.curvature import OTHER_UNITS, CurvatureLabel
from umklapp.crystals.formats import force_sets
from umklapp.crystals.phonopy_cells import harmonic_calculation
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import force_constants
from umklapp.lattice.curvature_labels import fold

UNIT = "eV/angstrom^2"
STIFF = (0.2, 500.0)
"""eV/Å²; the largest ∂²E/∂R∂R of one atom lies in here for every crystal that we know of (weakly
bound argon 0.5, diamond 60)."""

CONSTANT_NAMES = ("force_constants", "fc2")
SHORT_SECTIONS = ("phonopy:", "phono3py:", "physical_unit:")


def read(path: Path, primitive: Atoms, perfect: Atoms, relaxed: bool) -> CurvatureLabel:
    """Second derivatives of `perfect` from a file; forces there are zero, and stress if relaxed.

    Args:
        path: phonopy or phono3py yaml (.xz allowed) of this supercell or of a multiple of it;
            hdf5 or FORCE_CONSTANTS text, which hold no cell: those of this very supercell.
        primitive: primitive cell. perfect: supercell of N atoms in phonopy's order.

    Raises:
        InputError: the file cannot be read, is of another cell, in other units, or has less than
            the full array and no cell to complete it by.
    """
    if not path.exists():
        raise InputError(f"finetune.labels: {path} does not exist")
    try:
        if force_sets.is_params(path):
            array, cell = _from_yaml(path)
        elif path.suffix in (".hdf5", ".h5"):
            array, cell = _from_hdf5(path, primitive, perfect), perfect
        else:
            array = complete(parse_FORCE_CONSTANTS(str(path)), primitive, perfect, path)
            cell = perfect
    except (InputError, CalculationError) as error:
        raise InputError(f"finetune.labels: {error}") from None
    except Exception as error:  # phonopy, yaml, h5py and lzma have no common error
        raise InputError(
            f"finetune.labels: {path}: cannot be read as force constants: {error}"
        ) from None
    try:
        check(array, str(path))
        array = fold(array, cell, perfect)
    except InputError as error:
        raise InputError(f"finetune.labels: {path}: {error}") from None
    return CurvatureLabel(
        perfect,
        array,
        np.array(harmonic_calculation(primitive, perfect).primitive.p2s_map),
        np.zeros((len(perfect), 3)),
        None,
        np.zeros(6) if relaxed else None,
        0,
        f"{path.name}, {len(cell)} atoms",
    )


def complete(array: np.ndarray, primitive: Atoms, perfect: Atoms, path: Path) -> np.ndarray:
    """The full array of a supercell from a full or a compact one (rows of a primitive cell).

    Raises:
        InputError: the shape is neither.
    """
    rows, columns = array.shape[:2]
    size, n_primitive = len(perfect), len(primitive)
    if rows == columns == size:
        return np.asarray(array)
    if columns == size and rows == n_primitive:
        return np.asarray(
            compact_fc_to_full_fc(harmonic_calculation(primitive, perfect).primitive, array)
        )
    if rows < columns == size:
        raise InputError(
            f"{path}: compact force constants with {rows} rows, the primitive cell of the campaign "
            f"has {n_primitive} atoms: write the full array (phonopy --full-fc), or give the "
            "phonopy yaml, which has its cells"
        )
    raise InputError(
        f"{path}: force constants of {rows} × {columns} atoms, the supercell of the campaign "
        f"({perfect.symbols}) has {size}: give those of this supercell, or a phonopy yaml, which "
        "has its cells"
    )


def check(array: np.ndarray, where: str) -> None:
    """Raise `InputError` for numbers that are not finite or cannot be eV/Å².

    What is judged is the largest diagonal element; a factor between units is 49 or 97.
    """
    if not np.isfinite(array).all():
        raise InputError(f"{where}: force constants have values that are not finite")
    atoms = np.arange(len(array))
    largest = float(np.abs(array[atoms, atoms]).max())
    if STIFF[0] <= largest <= STIFF[1]:
        return
    fitting = [
        name for name, factor in OTHER_UNITS.items() if STIFF[0] <= largest * factor <= STIFF[1]
    ]
    hint = f"; they could be {' or '.join(fitting)}" if fitting else ""
    raise InputError(
        f"{where}: the largest second derivative of one atom is {largest:.3g}, expected "
        f"{STIFF[0]:g} to {STIFF[1]:g} eV/Å²{hint}: convert them to eV/Å²"
    )


def check_unit(unit: str | None, where: str) -> None:
    """Raise `InputError` for a stated unit other than eV/Å²."""
    if unit is None or unit.replace(" ", "").lower() in (UNIT.lower(), "ev/å²", "ev/a^2"):
        return
    raise InputError(f"{where}: force constants in {unit}; convert them to {UNIT}")


def _from_yaml(path: Path) -> tuple[np.ndarray, Atoms]:
    with force_sets.unpacked(path) as plain:
        head = _head(plain)
        unit = head.get("physical_unit", {})
        check_unit(unit.get("force_constants"), str(path))
        if unit.get("length", "angstrom").lower() not in ("angstrom", "å"):
            raise InputError(
                f"{path}: lengths in {unit['length']}; phonopy keeps the units of the calculator, "
                f"convert cells and force constants to Å and {UNIT}"
            )
        if "phono3py" in head:
            return _from_params(path)
        phonon: Phonopy = phonopy.load(plain, is_compact_fc=False, symmetrize_fc=False, log_level=0)
    array = phonon.force_constants
    if array is None or not head["has_forces"]:  # phonopy would take what lies in the folder
        raise InputError(
            f"{path}: neither force constants nor displacements with forces in the file: write it "
            "with phonopy --include-all, or give the FORCE_CONSTANTS"
        )
    if array.shape[0] != array.shape[1]:
        array = compact_fc_to_full_fc(phonon.primitive, array)
    return np.asarray(array), phonopy_cells.from_phonopy(phonon.supercell)


def _from_params(path: Path) -> tuple[np.ndarray, Atoms]:
    """Of the phonon supercell of a phono3py file, or of its one supercell."""
    params = force_sets.load_params(path)
    if params.phonon_supercell_matrix is None and params.forces is None:
        raise InputError(f"{path}: no displacements with forces in the file")
    phonon = force_constants.from_params(path)
    return force_constants.full_fc2(phonon), phonopy_cells.from_phonopy(phonon.phonon_supercell)


def _head(path: Path) -> dict[str, Any]:
    """The short sections of a phonopy yaml, and whether it `has_forces` or force constants."""
    lines: list[str] = []
    long, has_forces = False, False
    with path.open() as file:
        for line in file:
            if line[:1].isalpha():
                long = not line.startswith(SHORT_SECTIONS)
                has_forces = has_forces or line.startswith("force_constants:")
            elif long:
                has_forces = has_forces or line.lstrip(" -").startswith(("forces:", "force:"))
            if not long:
                lines.append(line)
    return {**(yaml.safe_load("".join(lines)) or {}), "has_forces": has_forces}


def _from_hdf5(path: Path, primitive: Atoms, perfect: Atoms) -> np.ndarray:
    with h5py.File(path) as file:
        names = [name for name in CONSTANT_NAMES if name in file]
        if not names:
            raise InputError(f"{path}: no data set {' or '.join(CONSTANT_NAMES)}")
        array = file[names[0]][()]
        unit = file["physical_unit"][()] if "physical_unit" in file else None
        if unit is not None:
            check_unit(np.ravel(unit)[0].decode(), str(path))
    return complete(array, primitive, perfect, path)
