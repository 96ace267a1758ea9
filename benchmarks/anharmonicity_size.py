"""σᴬ of one member in the demo's two cells: 8 atoms have too few modes for a true one.

One-shot sampling by hand, from central differences of forces and normal modes, without
umklapp's own harmonic reference: an independent check of its σᴬ. After `make demo`:

    python benchmarks/anharmonicity_size.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms, units

from umklapp.crystals import frames
from umklapp.potentials.contract import Potential
from umklapp.potentials.loading import load

RESULTS = Path("results/demo/NaCl-225")
STEP, SAMPLES = 0.01, 12


def moved(atoms: Atoms, displacement: np.ndarray) -> Atoms:
    """A copy with every atom displaced, (3N,) Å."""
    found = atoms.copy()
    found.positions += displacement.reshape(-1, 3)
    return found


def hessian(member: Potential, atoms: Atoms) -> np.ndarray:
    """∂²E/∂R∂R (3N, 3N) eV/Å² by central differences."""
    rows = []
    for each in STEP * np.eye(3 * len(atoms)):
        plus, minus = member.evaluate([moved(atoms, each), moved(atoms, -each)]).forces
        rows.append(-(plus - minus).ravel() / (2 * STEP))
    return (np.array(rows) + np.array(rows).T) / 2


def sigma(member: Potential, atoms: Atoms, temperature: float) -> float:
    """std(F − F_harmonic) / std(F) of classical harmonic samples (Knoop et al. 2020)."""
    matrix, masses = hessian(member, atoms), np.repeat(atoms.get_masses(), 3)
    squares, modes = np.linalg.eigh(matrix / np.sqrt(np.outer(masses, masses)))
    moving = squares > 1e-3 * squares.max()
    width = np.sqrt(units.kB * temperature / squares[moving])
    generator, forces, rest = np.random.default_rng(0), [], []
    for _ in range(SAMPLES):
        u = modes[:, moving] @ (width * generator.normal(size=moving.sum())) / np.sqrt(masses)
        forces.append(member.evaluate([moved(atoms, u)]).forces[0].ravel())
        rest.append(forces[-1] + matrix @ u)
    return float(np.std(rest) / np.std(forces))


def main() -> None:
    """Print σᴬ of both cells at 300 and 600 K."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    if not (RESULTS / "model/member_1.ckpt").exists():
        parser.error(f"{RESULTS} has no finished campaign: run `make demo` first")
    member = load(RESULTS / "model/member_1.ckpt")
    for cell in ("sampling", "phonon"):
        atoms = frames.read_candidates(RESULTS / f"structure/{cell}.extxyz")[0]
        for temperature in (300.0, 600.0):
            found = sigma(member, atoms, temperature)
            print(f"{len(atoms)} atoms, {temperature:.0f} K: σᴬ = {found:.2f}")


if __name__ == "__main__":
    main()
