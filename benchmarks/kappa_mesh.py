"""CPU time of κ on a q-mesh, against points of the mesh and atoms of the primitive cell.

What `umklapp.campaign.sizes.mesh_minutes` is made of. The crystal has no symmetry, the worst case:
rattled silicon with random force constants, whose values do not change the time. One q-point is
computed and multiplied by the irreducible ones. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from phono3py import Phono3py
from phonopy.structure.atoms import PhonopyAtoms

from umklapp import provenance
from umklapp.files import write_json

CELLS = {2: ((1, 1, 1), (4, 2, 2)), 4: ((2, 1, 1), (2, 2, 2)), 8: ((2, 2, 1), (2, 1, 2)),
         16: ((2, 2, 2), (2, 1, 1))}  # fmt: skip
"""Per atoms of the primitive cell: its repeats of silicon's, and its supercell of 32 atoms."""

CASES = ((2, 7), (2, 9), (2, 11), (2, 15), (4, 7), (8, 7), (16, 7))
"""Atoms of the primitive cell, points along each axis."""


def rattled(atoms: int) -> Phono3py:
    """Silicon without symmetry, with random force constants; `atoms` in the primitive cell."""
    repeats, supercell = CELLS[atoms]
    rng = np.random.default_rng(0)
    cell = bulk("Si").repeat(repeats)
    cell.rattle(0.03, rng=rng)
    phonon = Phono3py(
        PhonopyAtoms(cell.symbols, cell=cell.cell, scaled_positions=cell.get_scaled_positions()),
        supercell_matrix=np.diag(supercell),
        primitive_matrix=np.eye(3),
    )
    size = len(phonon.supercell)
    random = rng.normal(size=(size, size, 3, 3))
    stiff = 50 * np.eye(size)[:, :, None, None] * np.eye(3)
    phonon.fc2 = random + random.transpose(1, 0, 3, 2) + stiff
    phonon.fc3 = rng.normal(size=(size, size, size, 3, 3, 3))
    return phonon


def seconds(phonon: Phono3py, points: int) -> float:
    """CPU time of the linewidths on all irreducible points of a mesh (s)."""
    phonon.mesh_numbers = [points] * 3
    phonon.init_phph_interaction()
    begin = time.process_time()
    phonon.run_thermal_conductivity(temperatures=[300], grid_points=[1])
    one = time.process_time() - begin
    return one * math.ceil(points**3 / 2)  # q and −q are one


def main() -> None:
    """Time every case and write them with the exponents between them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/kappa_mesh.json"))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for atoms, points in CASES:
        row = {"atoms": atoms, "mesh": points, "cpu_seconds": seconds(rattled(atoms), points)}
        print(row, flush=True)
        rows.append(row)
    by_mesh = [row for row in rows if row["atoms"] == CASES[0][0]]
    by_atoms = [row for row in rows if row["mesh"] == CASES[0][1]]
    exponents = {
        "points": _exponent([row["mesh"] ** 3 for row in by_mesh], by_mesh),
        "atoms": _exponent([row["atoms"] for row in by_atoms], by_atoms),
    }
    print(exponents)
    write_json(options.out, provenance.record(rows=rows, exponents=exponents))


def _exponent(sizes: list[int], rows: list[dict[str, Any]]) -> float:
    times = [row["cpu_seconds"] for row in rows]
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


if __name__ == "__main__":
    main()
