"""How far the k-mesh and cutoff of the demo are from converged, and why silicon is not the demo.

`python benchmarks/dft_convergence.py` prints the numbers that docs/tutorial.md and docs/howto.md
quote: rms changes of forces on a rattled cube of NaCl, and energies of perfect silicon by mesh.
"""

from __future__ import annotations

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


def main() -> None:
    """Print both comparisons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
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


if __name__ == "__main__":
    main()
