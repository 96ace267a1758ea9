"""Frames made without dynamics: random displacements, strain, and harmonic thermal motion."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp.config import HarmonicSeed, RattledSeed
from umklapp.crystals import frame_info, frames, phonopy_cells
from umklapp.crystals.frame_info import Origin
from umklapp.errors import CalculationError
from umklapp.reference.contract import Engine
from umklapp.reference.ledger import Ledger, label_frames

log = logging.getLogger(__name__)


def rattled(
    supercell: Atoms, settings: RattledSeed, generator: np.random.Generator, origin: Origin
) -> list[Atoms]:
    """Gaussian displacements of the amplitudes in turn, under a random symmetric strain.

    Args:
        supercell: perfect crystal.
        settings: count, amplitudes (Å), largest strain component.
        origin: written to the frames.
    """
    made = []
    for frame_index in range(settings.count):
        atoms = supercell.copy()
        strain = generator.uniform(-settings.strain, settings.strain, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        amplitude = settings.amplitudes[frame_index % len(settings.amplitudes)]
        atoms.positions += generator.normal(scale=amplitude, size=atoms.positions.shape)
        frame_info.mark(atoms, origin=origin)
        made.append(frames.strip(atoms))
    return made


def harmonic(
    primitive: Atoms,
    matrix: list[list[int]],
    settings: HarmonicSeed,
    engine: Engine,
    ledger: Ledger,
    workdir: Path,
    timeout: float,
    seed: int,
    origin: Origin,
) -> list[Atoms]:
    """Thermal frames drawn from the harmonic covariance, and the displaced cells behind it.

    Force constants of the supercell come from finite displacements that the engine
    labels here (few by symmetry; they are part of the result). Imaginary modes are drawn with
    their absolute frequency.

    Args:
        primitive: the primitive cell. matrix: (3, 3) integer rows, the supercell in its vectors.
        settings: count, temperatures (K), displacement (Å).
        timeout: of one label (s).
        origin: written to the frames.

    Returns:
        The displaced cells and `settings.count` thermal frames, unlabelled (the labels of the
        displaced cells are in the ledger).

    Raises:
        CalculationError: a displaced cell could not be labelled.
    """
    perfect = phonopy_cells.supercell(primitive, matrix)
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    phonon.generate_displacements(distance=settings.displacement)
    displaced = []
    for cell in phonon.supercells_with_displacements:
        atoms = phonopy_cells.from_phonopy(cell)
        frame_info.inherit(atoms, primitive)
        frame_info.mark(atoms, origin=Origin(kind="displaced", seed=origin.seed))
        displaced.append(frames.strip(atoms))
    labels, failures = label_frames(displaced, engine, ledger, workdir, timeout)
    if failures:
        raise CalculationError(
            f"harmonic seed: displaced cell {failures[0].frame_id}: {failures[0].message}"
        )
    phonon.forces = np.array([label.get_forces() for label in labels])
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    phonon.init_random_displacements()
    thermal = []
    for frame_index in range(settings.count):
        temperature = settings.temperatures[frame_index % len(settings.temperatures)]
        shifts = phonon.get_random_displacements_at_temperature(
            temperature, number_of_snapshots=1, random_seed=seed + frame_index
        )
        atoms = perfect.copy()
        atoms.positions += shifts[0]
        frame_info.inherit(atoms, primitive)
        frame_info.mark(atoms, origin=origin)
        thermal.append(frames.strip(atoms))
    return displaced + thermal
