"""GPAW labels of displaced rock salt, for `phonon_finetuning.py`: about 25 minutes on one core.

The cube of 8 atoms and its 2×2×2 supercell: one atom displaced by 0.03 Å (two cells each hold the
whole second order), and 64 atoms displaced at random by 0.08 Å, which κ of the reference is fitted
to. The ledger keeps what was labelled. See docs/finetuning.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp import config, provenance, reference
from umklapp.crystals import frame_info, frames, phonopy_cells
from umklapp.reference.ledger import Ledger, label_frames

LATTICE = 5.581  # Å, relaxed with these settings
CUBE = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
DISTANCE, AMPLITUDE = 0.03, 0.08


def primitive() -> Atoms:
    """Two atoms of rock salt."""
    cell = LATTICE / 2 * (1 - np.eye(3))
    return Atoms("NaCl", scaled_positions=[[0] * 3, [1 / 2] * 3], cell=cell, pbc=True)


def supercell(scale: int) -> Atoms:
    """The cube of 8 atoms repeated, in phonopy's order."""
    return phonopy_cells.supercell(primitive(), (scale * CUBE).tolist())


def displaced(perfect: Atoms, origin: str) -> list[Atoms]:
    """One atom displaced at a time."""
    phonon = phonopy_cells.harmonic_calculation(primitive(), perfect)
    phonon.generate_displacements(distance=DISTANCE)
    found = [phonopy_cells.from_phonopy(cell) for cell in phonon.supercells_with_displacements]
    for atoms in found:
        frame_info.mark(atoms, origin=origin)
    return found


def rattled(perfect: Atoms, count: int, origin: str) -> list[Atoms]:
    """All atoms displaced at random, every one by AMPLITUDE."""
    found = []
    for number in range(count):
        vectors = provenance.generator(1, "gpaw displaced", number).normal(size=(len(perfect), 3))
        atoms = perfect.copy()
        atoms.positions += AMPLITUDE * vectors / np.linalg.norm(vectors, axis=1)[:, None]
        frame_info.mark(atoms, origin=origin)
        found.append(atoms)
    return found


def main() -> None:
    """Label and write `data/nacl_gpaw_displaced.extxyz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=12, help="rattled cells of 64 atoms")
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_gpaw_displaced"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/data"))
    options = parser.parse_args()
    engine = reference.create(config.load(Path("config/demo.yaml")).reference)
    asked = [
        *displaced(supercell(1), "displaced 8"),
        *displaced(supercell(2), "displaced 64"),
        *rattled(supercell(2), options.count, "rattled 64"),
    ]
    ledger, scratch = Ledger(options.scratch / "ledger"), options.scratch / "work"
    labels = []
    for atoms in asked:
        frame_info.mark(atoms, material="NaCl-225")
        found, _ = label_frames([frames.strip(atoms)], engine, ledger, scratch, 3600)
        labels.extend(found)
        frames.write_frames(options.out / "nacl_gpaw_displaced.extxyz", labels)


if __name__ == "__main__":
    main()
