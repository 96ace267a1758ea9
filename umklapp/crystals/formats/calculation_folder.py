"""A yaml of phono3py together with the files beside it that belong to the calculation.

`phono3py.load` looks for these files in the working folder, whatever crystal they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from phono3py import Phono3py
from phono3py.cui.create_force_constants import parse_forces
from phono3py.interface.phono3py_yaml import Phono3pyYaml
from phono3py.phonon3.dataset import forces_in_dataset
from phonopy.file_IO import get_supported_file_extensions_for_compression, parse_BORN
from phonopy.physical_units import get_calculator_physical_units, get_physical_units
from phonopy.structure.atoms import PhonopyAtoms

from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError

FORCES = {"fc3": "FORCES_FC3", "phonon_fc2": "FORCES_FC2"}


def beside(folder: Path, name: str) -> Path | None:
    """A file of phono3py in a folder, packed or not; None where there is none."""
    for ending in get_supported_file_extensions_for_compression():
        path = folder / f"{name}{ending}"
        if path.is_file():
            return path
    return None


def load(plain: Path, folder: Path) -> Phono3py:
    """Cells, displacements, forces and Born charges, in Å, eV/Å and e.

    Forces that the yaml lacks are those of FORCES_FC3 and FORCES_FC2 in its folder, and Born
    charges those of BORN there.

    Args:
        plain: the unpacked yaml. folder: where the yaml itself lies.

    Raises:
        InputError: as `charges`. ValueError: no unit cell; and errors of many other kinds where
            phono3py cannot read a file.
    """
    content = Phono3pyYaml().read(plain)
    if content.unitcell is None:
        raise ValueError("no unit cell in the file")
    unit = content.unitcell.copy()
    unit.cell = unit.cell * get_calculator_physical_units(content.calculator).distance_to_A
    matrix = np.eye(3, dtype=int) if content.supercell_matrix is None else content.supercell_matrix
    axes = "auto" if content.primitive_matrix is None else content.primitive_matrix
    params = Phono3py(
        unit,
        matrix,
        primitive_matrix=axes,
        phonon_supercell_matrix=content.phonon_supercell_matrix,
        calculator=content.calculator,
    )
    params.nac_params = charges(content.nac_params, params.primitive, folder)
    params.dataset = _data(content, params, folder, "fc3")
    if params.phonon_supercell_matrix is not None:
        params.phonon_dataset = _data(content, params, folder, "phonon_fc2")
    return params


def charges(
    own: Mapping[str, Any] | None, primitive: PhonopyAtoms, folder: Path
) -> dict[str, Any] | None:
    """Born charges (e) of a yaml, or of BORN beside it, for force constants in eV/Å².

    Args:
        own: those of the yaml; None where it has none. primitive: cell that they belong to.

    Raises:
        InputError: BORN is of another crystal, or no such file.
    """
    path = folder / "BORN"
    if own is None and path.is_file():
        try:
            own = parse_BORN(primitive, filename=path)
        except Exception as error:  # phonopy has no common error
            raise InputError(
                f"{path}, which lies beside the yaml, is no BORN of "
                f"{from_phonopy(primitive).symbols} ({error}): correct it, or move it elsewhere"
            ) from None
    units = get_physical_units()
    return None if own is None else {**own, "factor": units.Hartree * units.Bohr}


def _data(
    content: Phono3pyYaml, params: Phono3py, folder: Path, kind: Literal["fc3", "phonon_fc2"]
) -> Any:
    """Displacements with forces, where there are any."""
    own: Any = content.dataset if kind == "fc3" else content.phonon_dataset
    path = None if forces_in_dataset(own) else beside(folder, FORCES[kind])
    if own is None and path is None:
        return None
    return parse_forces(
        params,
        content,
        force_filename=path,  # None: not even that of the working folder
        fc_type=kind,
        calculator=content.calculator,
    )
