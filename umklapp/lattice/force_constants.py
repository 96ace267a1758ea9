"""Second- and third-order force constants: of a potential, by displaced supercells in batches, and
effective ones of a temperature, by a fit to the frames of a run.
"""

from __future__ import annotations

import lzma
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from phono3py import Phono3py
from phono3py.file_IO import read_fc2_from_hdf5, write_fc2_to_hdf5
from phonopy.harmonic.force_constants import compact_fc_to_full_fc
from phonopy.interface.symfc import SymfcFCSolver

from umklapp import config
from umklapp.crystals import frames, sites
from umklapp.crystals.formats.force_sets import load_params
from umklapp.crystals.phonopy_cells import from_phonopy, supercell_matrix, to_phonopy
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import sigma_a
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.contract import Potential

SEED = 0
"""Of random displacements."""

MOST_LEFT_OUT = 0.5
"""Share of frames with an atom away from its site beyond which these are not the right sites."""


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
    """
    params = load_params(path)
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
        raise CalculationError(f"{path}: no phonon supercell with forces, fc2 cannot be fitted")
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
        fit = Phono3py(params.unitcell, matrix, primitive)
        fit.dataset = {"displacements": params.displacements, "forces": params.forces}
        fit.produce_fc3(fc_calculator="symfc")
        return np.asarray(fit.fc2)
    fit = Phono3py(params.unitcell, matrix, primitive, phonon_supercell_matrix=matrix)
    single = [
        {name: first[name] for name in ("number", "displacement", "forces")}
        for first in dataset["first_atoms"]
    ]
    fit.phonon_dataset = {"natom": len(params.supercell), "first_atoms": single}
    fit.produce_fc2()
    fit.symmetrize_fc2()
    return np.asarray(fit.fc2)


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
    number = settings.random_displacements or 4 * needed
    if number < needed:
        raise InputError(
            f"phonons.random_displacements: {number} supercells of {len(phonon.supercell)} atoms "
            f"cannot determine fc3, {needed} is the least; take several times as many, or a "
            f"shorter pair_cutoff"
        )
    phonon.generate_displacements(
        distance=settings.random_amplitude, number_of_snapshots=number, random_seed=SEED
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
    """
    residual, known = forces[0], iter(forces[1:])
    sets = []
    for cell in phonon.supercells_with_displacements:
        force = np.zeros_like(residual) if cell is None else next(known) - residual
        sets.append(force - force.mean(axis=0))
    phonon.forces = np.array(sets)
    if settings.fc3 == "symfc":
        _fit(phonon, settings.pair_cutoff)
        return
    phonon.produce_fc3()
    phonon.symmetrize_fc3()
    if phonon.phonon_supercell_matrix is None:
        phonon.symmetrize_fc2()


def unknowns(phonon: Phono3py, cutoff: float | None = None) -> int:
    """About how many numbers a symfc fit of fc2 and fc3 has to find.

    Args:
        cutoff: of the pairs of fc3 (Å).
    """
    options = None if cutoff is None else {"cutoff": {3: cutoff}}
    solver = SymfcFCSolver(phonon.supercell, symmetry=phonon.symmetry, options=options)
    return sum(solver.estimate_basis_size(orders=[2, 3]).values())


def _fit(phonon: Phono3py, cutoff: float | None) -> None:
    """fc2 and fc3 by least squares on the data set; fc2 only where it has no cell of its own."""
    options = None if cutoff is None else f"cutoff={cutoff}"
    phonon.produce_fc3(fc_calculator="symfc", fc_calculator_options=options)


@dataclass(frozen=True)
class Effective:
    """What effective force constants were fitted to.

    frames: their number; left_out: others, in which an atom has left its site; unknowns: about how
    many numbers were fitted; largest: displacement (Å); shift: largest distance of a mean position
    from its site (Å); anharmonic: share of the forces that the effective harmonic part leaves, as
    σᴬ.
    """

    frames: int
    left_out: int
    unknowns: int
    largest: float
    shift: float
    anharmonic: float


def effective(
    phonon: Phono3py,
    labelled: Sequence[Atoms],
    mean_positions: bool = False,
    cutoff: float | None = None,
) -> Effective:
    """Fill `phonon` with the fc2 and fc3 that describe the forces of a run best.

    They depend on the temperature of the run: the even orders that the fit leaves out go into fc2,
    the odd ones into fc3.

    Args:
        phonon: of the supercell of the run, without a phonon supercell of its own.
        labelled: frames with forces at one temperature, in the order of `phonon.supercell`. They
            count as independent: closer than a correlation time they say little more than one.
            Those in which an atom has left its site are left out.
        mean_positions: displacements from the mean positions of the frames, and without the mean
            forces there; for crystals whose sites are not fixed by symmetry.
        cutoff: of the pairs of fc3 (Å).

    Raises:
        InputError: no frames, other cells or species, no forces, an atom that has left its site in
            most frames, fewer equations than unknowns, or a phonon supercell of its own.
    """
    if phonon.phonon_supercell_matrix is not None:
        raise InputError(
            "effective force constants come from one supercell: leave out phonons.force_constants"
        )
    perfect = from_phonopy(phonon.supercell)
    for number, frame in enumerate(labelled):
        _check_frame(frame, perfect, f"effective force constants: frame {number}")
    used, u = _at_sites(labelled, perfect)
    size = unknowns(phonon, cutoff)
    if 3 * len(perfect) * len(used) < size:
        raise InputError(
            f"effective force constants: {len(used)} frames of {len(perfect)} atoms for about "
            f"{size} unknowns; at least {math.ceil(size / (3 * len(perfect)))} are needed, and "
            f"several times as many to average out noise; or a cutoff"
        )
    forces = np.array([frame.get_forces() for frame in used])
    forces -= forces.mean(axis=1, keepdims=True)
    mean = u.mean(axis=0)
    if mean_positions:
        u, forces = u - mean, forces - forces.mean(axis=0)
    phonon.dataset = {"displacements": u, "forces": forces}
    _fit(phonon, cutoff)
    harmonic = -np.einsum("ijab,njb->nia", full_fc2(phonon), u)
    return Effective(
        len(used),
        len(labelled) - len(used),
        size,
        float(np.linalg.norm(u, axis=2).max()),
        float(np.linalg.norm(mean, axis=1).max()),
        float(sigma_a.sigma(forces.ravel()[:, None], harmonic.ravel()[:, None])),
    )


def _check_frame(frame: Atoms, perfect: Atoms, where: str) -> None:
    if len(frame) != len(perfect) or (frame.numbers != perfect.numbers).any():
        raise InputError(
            f"{where}: {frame.symbols} is not the supercell {perfect.symbols}; "
            f"registration.register puts the atoms of other programs in its order"
        )
    if not sites.in_cell(frame, perfect, sites.SAME_CELL):
        lengths = [", ".join(f"{x:.3f}" for x in each.cell.lengths()) for each in (frame, perfect)]
        raise InputError(
            f"{where}: the cell ({lengths[0]} Å) is not that of the supercell ({lengths[1]} Å); "
            f"take frames of one volume, and a supercell with that volume"
        )
    frames.check(frame, where)


def _at_sites(labelled: Sequence[Atoms], perfect: Atoms) -> tuple[list[Atoms], np.ndarray]:
    """Frames in which every atom is at its site, and their displacements (n, N, 3) Å."""
    u = sites.of_frames(labelled, perfect)
    away = sites.hopped(u, perfect)
    if away.sum() > MOST_LEFT_OUT * len(away):
        raise InputError(
            f"effective force constants: in {away.sum()} of {len(labelled)} frames an atom is "
            "farther from its site than half the distance of neighbours; either the atoms are in "
            "another order (registration.register), or the crystal of these frames is another one"
        )
    return [frame for frame, left in zip(labelled, away, strict=True) if not left], u[~away]


def full_fc2(phonon: Phono3py) -> np.ndarray:
    """(N, N, 3, 3) eV/Å² of the supercell that fc2 belongs to."""
    found = phonon.fc2
    if found.shape[0] == found.shape[1]:
        return np.asarray(found)
    return np.asarray(compact_fc_to_full_fc(phonon.phonon_primitive, found))


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
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "params.yaml"
        phonon.save(plain, settings={"force_sets": True, "displacements": True})
        path.write_bytes(lzma.compress(plain.read_bytes()))
