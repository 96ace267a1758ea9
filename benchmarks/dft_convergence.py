"""How far the k-mesh and cutoff of the demo are from converged, and why silicon is not the demo.

`python benchmarks/dft_convergence.py` prints the numbers that docs/tutorial.md and docs/howto.md
quote: rms changes of forces on a rattled cube of NaCl, and energies of perfect silicon by mesh.
`--large` (ten minutes on one core) prints what GPAW's default grid and tolerances do to forces in
64 atoms of NaCl.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.units import GPa

from umklapp.config import Gpaw
from umklapp.reference import create

NACL = Gpaw(xc="PBEsol", ecut=300, kpoint_density=1.7)
SILICON = Gpaw(xc="PBE", ecut=250, kpoint_density=1.7)


def label(atoms: Atoms, settings: Gpaw, folder: Path, mesh: int) -> Atoms:
    """Label with mesh³ k-points: the density that just gives them."""
    longest = max(2 * np.pi * np.linalg.norm(atoms.cell.reciprocal().array, axis=1))
    chosen = settings.model_copy(update={"kpoint_density": (mesh - 0.1) / longest})
    found = create(chosen).label(atoms, folder, 600.0)
    if not isinstance(found, Atoms):
        raise SystemExit(f"{atoms.symbols}: {found.message}")
    return found


def grids(folder: Path) -> None:
    """Net force and change of the forces, 64 atoms, from the default grid to finer ones."""
    cube = bulk("NaCl", "rocksalt", a=5.581, cubic=True).repeat(2)
    cube.rattle(0.05, seed=1)
    tight = {"energy_tolerance": 1e-6, "density_tolerance": 1e-6, "eigenstate_tolerance": 1e-9}
    gamma = NACL.model_copy(update={"kpoint_gamma": True})
    fine = gamma.model_copy(update={**tight, "grid_spacing": 0.19})
    best = create(fine).label(cube, folder, 3600.0)
    shown = {
        "default": gamma,
        "default, tight": gamma.model_copy(update=tight),
        "default, tight, shifted k-point": NACL.model_copy(update=tight),
    }
    if not isinstance(best, Atoms):
        raise SystemExit(best.message)
    print(f"grid of 0.19 Å: net force {net(best):.2f} meV/Å")
    for words, settings in shown.items():
        other = create(settings).label(cube, folder, 3600.0)
        if isinstance(other, Atoms):
            change = 1e3 * np.sqrt(np.mean((other.get_forces() - best.get_forces()) ** 2))
            print(f"  {words}: net force {net(other):.2f}, rms change {change:.2f} meV/Å")


def net(label: Atoms) -> float:
    """Length of the sum of all forces, meV/Å."""
    return float(1e3 * np.linalg.norm(label.get_forces().sum(axis=0)))


def small(folder: Path) -> None:
    """Cutoff and k-mesh of NaCl's cube, k-meshes of silicon."""
    cube = bulk("NaCl", "rocksalt", a=5.603, cubic=True)
    cube.rattle(0.05, seed=1)
    demo = label(cube, NACL, folder, 2)
    finer = {
        "3×3×3 k-points": label(cube, NACL, folder, 3),
        "400 eV": label(cube, NACL.model_copy(update={"ecut": 400.0}), folder, 2),
    }
    size = 1e3 * np.sqrt(np.mean(demo.get_forces() ** 2))
    print(f"NaCl cube, 2×2×2, 300 eV: rms force {size:.1f} meV/Å")
    for words, other in finer.items():
        change = 1e3 * np.sqrt(np.mean((other.get_forces() - demo.get_forces()) ** 2))
        pressure = (other.get_stress() - demo.get_stress())[:3].mean() / GPa
        print(f"  to {words}: rms change {change:.2f} meV/Å, mean stress {pressure:+.2f} GPa")
    for cubic, meshes in ((False, (4, 8)), (True, (2, 4))):
        crystal = bulk("Si", a=5.4737, cubic=cubic)
        for mesh in meshes:
            energy = label(crystal, SILICON, folder, mesh).get_potential_energy()
            name = "cube" if cubic else "primitive"
            print(f"Si {name} {mesh}×{mesh}×{mesh}: {1e3 * energy / len(crystal):.1f} meV/atom")


def main() -> None:
    """Print both comparisons, or that of the grids."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="grids, in 64 atoms")
    with tempfile.TemporaryDirectory() as name:
        (grids if parser.parse_args().large else small)(Path(name))


if __name__ == "__main__":
    main()
