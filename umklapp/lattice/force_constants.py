"""Second- and third-order force constants of a potential, by displaced supercells in batches."""

from __future__ import annotations

import lzma
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from phono3py import Phono3py
from phono3py.file_IO import read_fc2_from_hdf5, write_fc2_to_hdf5
from phonopy.harmonic.force_constants import compact_fc_to_full_fc

from umklapp import config
from umklapp.crystals.formats.displaced_cells import check_forces
from umklapp.crystals.formats.force_sets import load_params
from umklapp.crystals.phonopy_cells import from_phonopy, supercell_matrix, to_phonopy
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.contract import Potential
from umklapp.potentials.taylor import basis

SEED = 0
"""Of random displacements."""

LEAST_CELLS = 16
"""Random supercells of a fit, however few determine it: in a small cell its error is that of the
displacements that were drawn (κ of CuI, 32 atoms, nequix-oam-1-pft: 4.97 W/(m K) from 4 cells, 5.68
from 16, 5.64 by finite displacements)."""


def prepare(
    primitive: Atoms, supercell: Atoms, settings: config.Phonons, born: BornRecord | None = None
) -> Phono3py:
    """An empty phono3py calculation of the supercell; fc2 comes with a params file.

    Args:
        primitive: primitive cell.
        supercell: a multiple of it, for third-order and (without a params file) second-order
            force constants.
        settings: `force_constants` names a params file with a phonon supercell of its own.
        born: Born charges of the atoms of `primitive`, for the non-analytical correction; None:
            those of the params file, and no correction without one.

    Raises:
        InputError: the params file is of another crystal than the Born charges.
    """
    charges = None if born is None else born.charges
    if settings.force_constants is None:
        matrix = supercell_matrix(primitive, supercell)
        phonon = Phono3py(to_phonopy(primitive), supercell_matrix=matrix.T, primitive_matrix="P")
    else:
        phonon = from_params(settings.force_constants)
        own = from_phonopy(phonon.primitive)
        if charges is not None:
            charges = charges.laid_on(primitive, own, str(settings.force_constants))
    if born is not None:
        phonon.nac_params = None if charges is None else charges.nac_params()
    return phonon


def from_params(path: Path) -> Phono3py:
    """Cells, fc2 and Born charges of a file.

    fc2 comes from the frames of the phonon supercell (symfc); in a file with one cell for fc2 and
    fc3, from its single displacements (finite differences) or from all its frames (symfc).

    Raises:
        CalculationError: the file has no force sets that fc2 can be fitted to.
        InputError: as `displaced_cells.check_forces`.
    """
    params = load_params(path)
    check_forces(params, path)
    fresh = Phono3py(
        params.unitcell,
        supercell_matrix=params.supercell_matrix,
        primitive_matrix=params.primitive_matrix,
        phonon_supercell_matrix=params.phonon_supercell_matrix,
    )
    fresh.nac_params = params.nac_params
    if params.phonon_supercell_matrix is None and params.forces is not None:
        fresh.fc2 = _fc2_of_one_cell(params)
        return fresh
    if params.phonon_dataset is None or params.phonon_forces is None:
        raise CalculationError(
            f"{path}: the phonon supercell has no forces, so fc2 cannot be fitted: write the file "
            "again with FORCES_FC2, or without that supercell"
        )
    fresh.phonon_dataset = {
        "displacements": params.phonon_displacements,
        "forces": params.phonon_forces,
    }
    fresh.produce_fc2(fc_calculator="symfc")
    return fresh


def _fc2_of_one_cell(params: Phono3py) -> np.ndarray:
    """fc2 (eV/Å²) of the supercell that fc3 belongs to, from the same displacements."""
    dataset: Any = params.dataset
    matrix, primitive = params.supercell_matrix, params.primitive_matrix
    if "first_atoms" not in dataset:
        fresh = Phono3py(params.unitcell, matrix, primitive)
        fresh.dataset = {"displacements": params.displacements, "forces": params.forces}
        fit(fresh, None)
        return np.asarray(fresh.fc2)
    fresh = Phono3py(params.unitcell, matrix, primitive, phonon_supercell_matrix=matrix)
    single = [
        {name: first[name] for name in ("number", "displacement", "forces")}
        for first in dataset["first_atoms"]
    ]
    fresh.phonon_dataset = {"natom": len(params.supercell), "first_atoms": single}
    fresh.produce_fc2()
    fresh.symmetrize_fc2()
    return np.asarray(fresh.fc2)


def displace(phonon: Phono3py, settings: config.Phonons) -> list[Atoms]:
    """Displaced supercells for fc3, in phono3py's order: ± pairs, or all atoms at random.

    Random displacements have a fixed seed: all members of a committee see the same cells, so that
    their spread is that of their forces.
    """
    if settings.fc3 == "symfc":
        _displace_randomly(phonon, settings)
    else:
        phonon.generate_displacements(
            distance=settings.displacement,
            cutoff_pair_distance=settings.pair_cutoff,
            is_plusminus=True,
        )
    return [from_phonopy(cell) for cell in phonon.supercells_with_displacements if cell is not None]


def _displace_randomly(phonon: Phono3py, settings: config.Phonons) -> None:
    needed = math.ceil(unknowns(phonon, settings.pair_cutoff) / (3 * len(phonon.supercell)))
    n_cells = settings.random_displacements or max(LEAST_CELLS, 4 * needed)
    if n_cells < needed:
        raise InputError(
            f"phonons.random_displacements: {n_cells} supercells of {len(phonon.supercell)} atoms "
            f"cannot determine fc3, which needs at least {needed}; give several times as many, "
            f"or a shorter pair_cutoff"
        )
    phonon.generate_displacements(
        distance=settings.random_amplitude, number_of_snapshots=n_cells, random_seed=SEED
    )


def evaluate(phonon: Phono3py, potential: Potential, settings: config.Phonons) -> None:
    """Fill `phonon` with the potential's forces and force constants, symmetrised.

    Forces on the perfect supercell are subtracted and the net force of a cell is removed. fc2 is
    left alone where it is there already (from a params file).

    Raises:
        InputError: too few random displacements for `settings.fc3: symfc`.
    """
    fill(phonon, potential.evaluate(displaced_cells(phonon, settings)).forces, settings)


def displaced_cells(phonon: Phono3py, settings: config.Phonons) -> list[Atoms]:
    """The perfect supercell, and the displaced ones whose forces are wanted."""
    cells = displace(phonon, settings)
    return [from_phonopy(phonon.supercell), *cells]


def fill(phonon: Phono3py, forces: Sequence[np.ndarray], settings: config.Phonons) -> None:
    """Force constants of the forces on `displaced_cells`, as `evaluate` makes them.

    Args:
        forces: (1 + n_cells, N, 3) eV/Å, in the order of `displaced_cells`, which made the cells.
        settings: where they name a params file, fc2 stays as it is: that of the file.
    """
    own = None if settings.force_constants is None else phonon.fc2
    residual, displaced_forces = forces[0], iter(forces[1:])
    sets = []
    for cell in phonon.supercells_with_displacements:
        force = np.zeros_like(residual) if cell is None else next(displaced_forces) - residual
        sets.append(force - force.mean(axis=0))
    phonon.forces = np.array(sets)
    if settings.fc3 == "symfc":
        fit(phonon, settings.pair_cutoff)
    else:
        by_differences(phonon)
    if own is not None:  # phono3py makes another one where fc2 has no cell of its own
        phonon.fc2 = own


def by_differences(phonon: Phono3py) -> None:
    """fc3 by finite differences, symmetrised; fc2 only where it has no cell of its own."""
    phonon.produce_fc3()
    phonon.symmetrize_fc3()
    if phonon.phonon_supercell_matrix is None:
        phonon.symmetrize_fc2()


def unknowns(phonon: Phono3py, cutoff: float | None = None) -> int:
    """About how many numbers a symfc fit of fc2 and fc3 has to find.

    Args:
        cutoff: of the pairs of fc3 (Å).
    """
    return basis.unknowns(from_phonopy(phonon.supercell), cutoff)


def fit(phonon: Phono3py, cutoff: float | None) -> None:
    """fc2 and fc3 by least squares on the data set; fc2 only where it has no cell of its own.

    Args:
        cutoff: of the pairs of fc3 (Å).

    Raises:
        CalculationError: the symmetry of a small supercell makes every third derivative zero.
    """
    options = None if cutoff is None else f"cutoff={cutoff}"
    try:
        phonon.produce_fc3(fc_calculator="symfc", fc_calculator_options=options)
    except AssertionError:  # symfc 1.7 asserts that there is a basis
        raise CalculationError(
            f"symfc finds no third-order force constants in {len(phonon.supercell)} atoms "
            f"(cutoff {cutoff} Å): take a larger supercell or a longer cutoff"
        ) from None


def full_fc2(phonon: Phono3py) -> np.ndarray:
    """(N, N, 3, 3) eV/Å² of the supercell that fc2 belongs to."""
    fc2 = phonon.fc2
    if fc2.shape[0] == fc2.shape[1]:
        return np.asarray(fc2)
    return np.asarray(compact_fc_to_full_fc(phonon.phonon_primitive, fc2))


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


def write_params(phonon: Phono3py, path: Path) -> None:
    """Cells, displacements and forces as a phono3py params file (`.yaml.xz`)."""
    with replacing(path) as part, tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "params.yaml"
        phonon.save(plain, settings={"force_sets": True, "displacements": True})
        part.write_bytes(lzma.compress(plain.read_bytes()))
