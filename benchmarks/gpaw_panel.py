"""GPAW labels of a crystal for `panel.py`: supercells in which every atom is displaced by 0.03 Å.

    python benchmarks/gpaw_panel.py LiCl-225 --count 23        half an hour on one core
    python benchmarks/gpaw_panel.py Li2S-225 --count 28        an hour
    python benchmarks/gpaw_panel.py CuI-216 --count 24         an hour and a half

The settings are those of config/demo.yaml with the k-points of the cube folded to Γ (and a cutoff
of 400 eV for the d electrons of CuI), lattice and Born charges those of config/structures.
The file that `panel.py --params` reads is written anew after every label. The ledger keeps what
was labelled: killed, the script goes on where it was, and a larger count adds frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp import config, provenance, reference
from umklapp.crystals import frame_info, materials, phonopy_cells
from umklapp.lattice import born, force_constants
from umklapp.reference.ledger import Ledger, label_frames
from umklapp.transport.stop_rule import drawing

TRIPLED = [[3, 0, 0], [0, 3, 0], [0, 0, 3]]
SUPERCELLS = {
    "LiCl-225": [[-2, 2, 2], [2, -2, 2], [2, 2, -2]],
    "Li2S-225": TRIPLED,
    "CuI-216": TRIPLED,
}
"""Crystals and their supercells of 54 to 81 atoms, with all rotations of the crystal, in primitive
vectors."""

CUTOFFS = {"CuI-216": 400.0}
"""Plane-wave cutoffs (eV) where that of the demo is too low."""

DENSITY = 1.5
"""k-points per Å⁻¹: Γ alone in this supercell, where the demo's 1.7 would be eight points."""

STRUCTURES, TIMEOUT, SEED = Path("config/structures"), 7200.0, 18


def engine(key: str) -> reference.Engine:
    """GPAW as in the demo, at Γ."""
    settings = config.load(Path("config/demo.yaml")).reference
    assert isinstance(settings, config.Gpaw)
    update = {"kpoint_density": DENSITY, "ecut": CUTOFFS.get(key, settings.ecut)}
    return reference.create(settings.model_copy(update=update))


def primitive_of(key: str) -> Atoms:
    """The primitive cell of a row of the table."""
    table = materials.read_table(Path("config/materials.csv"))
    return materials.build_primitive(table[table["material"] == key].iloc[0], STRUCTURES)


def displaced(perfect: Atoms, key: str, count: int) -> list[Atoms]:
    """`count` supercells; a larger count adds to those of a smaller one."""
    length = config.Phonons().random_amplitude
    drawn = []
    for number in range(count):
        generator = provenance.generator(SEED, "gpaw panel", key, number)
        drawn += drawing.rattled(perfect, 1, length, generator)
        frame_info.mark(drawn[-1], material=key)
    return drawing.asked(drawn, key, frame_info.Origin(kind="rattled", seed=0))


def write(path: Path, primitive: Atoms, perfect: Atoms, labels: list[Atoms], key: str) -> None:
    """A params file of phono3py with displacements (Å), forces (eV/Å) and energies (eV)."""
    settings = config.Phonons()
    origin = born.source(settings, config.Gpaw(), STRUCTURES, None, key, primitive)
    charges = born.make(origin, primitive, key, config.Gpaw(), path.parent)
    calculation = force_constants.prepare(primitive, perfect, settings, charges)
    calculation.dataset = {
        "displacements": np.array([label.positions - perfect.positions for label in labels]),
        "forces": np.array([label.get_forces() for label in labels]),
        "supercell_energies": np.array([label.get_potential_energy() for label in labels]),
    }
    force_constants.write_params(calculation, path)


def main() -> None:
    """Label and write `data/KEY_gpaw_params.yaml.xz`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crystal", choices=SUPERCELLS)
    parser.add_argument("--count", type=int, default=23, help="supercells to label")
    parser.add_argument("--scratch", type=Path, default=Path("results/gpaw_panel"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/data"))
    options = parser.parse_args()
    key, folder = options.crystal, options.scratch / options.crystal
    primitive = primitive_of(key)
    perfect = phonopy_cells.supercell(primitive, SUPERCELLS[key])
    labels: list[Atoms] = []
    for frame in displaced(perfect, key, options.count):
        ledger = Ledger(folder / "ledger")
        found, failed = label_frames([frame], engine(key), ledger, folder / "work", TIMEOUT)
        labels += found
        print(f"{key}: {len(labels)} labels", *(failure.message for failure in failed), flush=True)
        write(options.out / f"{key}_gpaw_params.yaml.xz", primitive, perfect, labels, key)


if __name__ == "__main__":
    main()
