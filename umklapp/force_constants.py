"""Second- and third-order force constants of a potential, by displaced supercells in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from phono3py import Phono3py
from phono3py.file_IO import read_fc2_from_hdf5, write_fc2_to_hdf5
from phonopy.physical_units import get_physical_units

from umklapp import config
from umklapp.errors import CalculationError, InputError
from umklapp.force_sets import load_params
from umklapp.materials import from_phonopy, supercell_matrix, to_phonopy
from umklapp.potentials.contract import Potential


def prepare(primitive: Atoms, supercell: Atoms, settings: config.Phonons) -> Phono3py:
    """An empty phono3py calculation of the supercell; fc2 and Born charges come with a params file.

    Args:
        primitive: primitive cell.
        supercell: a multiple of it, for third-order and (without a params file) second-order
            force constants.
        settings: `force_constants` names a params file with a phonon supercell of its own.
    """
    if settings.force_constants is not None:
        return from_params(settings.force_constants)
    matrix = supercell_matrix(primitive, supercell)
    phonon = Phono3py(to_phonopy(primitive), supercell_matrix=matrix.T, primitive_matrix="P")
    if settings.born is not None:
        phonon.nac_params = born_charges(primitive, settings.born)
    return phonon


def born_charges(primitive: Atoms, path: Path) -> dict[str, Any]:
    """Parameters of the non-analytical correction of a cubic or uniaxial crystal, as phonopy's.

    Args:
        primitive: with `info["material"]`, the key in the file.
        path: yaml; per material `charges` (e, by species: a number or a (3, 3) tensor) and
            `dielectric` (a number or a (3, 3) tensor). A number stands for an isotropic tensor.

    Raises:
        InputError: the material or a species is not in the file, or the charges of the cell do
            not add up to zero within 0.05 e.
    """
    material = str(primitive.info.get("material"))
    entry = yaml.safe_load(path.read_text()).get(material)
    if entry is None:
        raise InputError(f"phonons.born: {path} has no entry for {material}")
    missing = sorted(set(primitive.get_chemical_symbols()) - set(entry["charges"]))
    if missing:
        raise InputError(f"phonons.born: {path}, {material}: no charge for {missing}")
    tensors = {name: _tensor(value) for name, value in entry["charges"].items()}
    born = np.array([tensors[symbol] for symbol in primitive.get_chemical_symbols()])
    if np.abs(born.sum(axis=0)).max() > 0.05:
        raise InputError(f"phonons.born: {path}, {material}: the charges do not add up to zero")
    coulomb = get_physical_units().Hartree * get_physical_units().Bohr  # eV Å
    return {"born": born, "dielectric": _tensor(entry["dielectric"]), "factor": coulomb}


def _tensor(value: float | list[list[float]]) -> np.ndarray:
    tensor = np.array(value, float)
    return np.eye(3) * tensor if tensor.ndim == 0 else tensor


def from_params(path: Path) -> Phono3py:
    """Cells, fc2 (symfc fit to all frames of the phonon supercell) and Born charges of a file.

    Raises:
        CalculationError: the file has no force sets of a phonon supercell.
    """
    params = load_params(path)
    if params.phonon_dataset is None or params.phonon_forces is None:
        raise CalculationError(f"{path}: no phonon supercell with forces, fc2 cannot be fitted")
    fresh = Phono3py(
        params.unitcell,
        supercell_matrix=params.supercell_matrix,
        primitive_matrix=params.primitive_matrix,
        phonon_supercell_matrix=params.phonon_supercell_matrix,
    )
    fresh.nac_params = params.nac_params
    fresh.phonon_dataset = {
        "displacements": params.phonon_displacements,
        "forces": params.phonon_forces,
    }
    fresh.produce_fc2(fc_calculator="symfc")
    return fresh


def displace(phonon: Phono3py, settings: config.Phonons) -> list[Atoms]:
    """Displaced supercells of the finite-difference fc3, ± pairs, in phono3py's order."""
    phonon.generate_displacements(
        distance=settings.displacement, cutoff_pair_distance=settings.pair_cutoff, is_plusminus=True
    )
    return [from_phonopy(cell) for cell in phonon.supercells_with_displacements if cell is not None]


def evaluate(phonon: Phono3py, potential: Potential, settings: config.Phonons) -> None:
    """Fill `phonon` with the potential's forces and force constants, symmetrised.

    Forces on the perfect supercell are subtracted and the net force of a cell is removed. fc2 is
    left alone where it is there already (from a params file).
    """
    cells = displace(phonon, settings)
    perfect = from_phonopy(phonon.supercell)
    prediction = potential.evaluate([perfect, *cells])
    residual = prediction.forces[0]
    known = iter(prediction.forces[1:])
    forces = []
    for cell in phonon.supercells_with_displacements:
        force = np.zeros_like(residual) if cell is None else next(known) - residual
        forces.append(force - force.mean(axis=0))
    phonon.forces = np.array(forces)
    phonon.produce_fc3(symmetrize_fc3r=True)
    if phonon.phonon_supercell_matrix is None:
        phonon.produce_fc2(symmetrize_fc2=True)


def acoustic_residual(force_constants: np.ndarray) -> float:
    """Largest |Σ_j Φ_ij| of compact or full fc2 (n, N, 3, 3), eV/Å²: the acoustic sum rule."""
    return float(np.abs(force_constants.sum(axis=1)).max())


def write_fc2(phonon: Phono3py, path: Path) -> None:
    """Second-order force constants (eV/Å²) in phono3py's hdf5."""
    write_fc2_to_hdf5(phonon.fc2, filename=str(path), p2s_map=phonon.phonon_primitive.p2s_map)


def read_fc2(phonon: Phono3py, path: Path) -> None:
    """Put the force constants of `write_fc2` into a calculation of the same cells."""
    p2s_map = phonon.phonon_primitive.p2s_map
    phonon.fc2 = read_fc2_from_hdf5(filename=str(path), p2s_map=p2s_map)
