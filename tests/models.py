"""Exact potentials, small crystals and labelled frames for the unit tests."""

from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si as SI,
)

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.frames import labelled
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential

LATTICE = 5.431  # Å


def stillinger_weber():
    return Manybody(**StillingerWeber(SI))


class Springs(Calculator):
    """Independent Einstein oscillators: every atom on its own spring of constant k (eV/Å²).

    `zero` is the energy (eV) with all springs at rest.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, sites, k, zero=0.0):
        super().__init__()
        self.sites, self.k, self.zero = sites, k, zero

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        shift = atoms.positions - self.sites
        self.results = {
            "energy": self.zero + 0.5 * self.k * (shift**2).sum(),
            "forces": -self.k * shift,
        }


def sw_potential():
    return AsePotential(stillinger_weber())


def springs(perfect, k, zero=0.0):
    return AsePotential(Springs(perfect.positions.copy(), k, zero))


def silicon_cubic():
    return bulk("Si", "diamond", a=LATTICE, cubic=True)


def silicon_primitive(a=LATTICE):
    return bulk("Si", "diamond", a=a)


def rattled_silicon(count, seed=0, amplitude=0.08, strain=0.01):
    """Displaced and strained 8-atom cells with Stillinger–Weber labels."""
    generator = np.random.default_rng(seed)
    calculator, found = stillinger_weber(), []
    for number in range(count):
        atoms = silicon_cubic()
        shear = generator.uniform(-strain, strain, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (shear + shear.T) / 2), scale_atoms=True)
        atoms.positions += generator.normal(scale=amplitude, size=atoms.positions.shape)
        atoms.calc = calculator
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        found.append(
            labelled(atoms, energy, forces, atoms.get_stress(), origin=f"part {number % 2}")
        )
    return found


def tiny_nequip(**training):
    """The smallest settings that still have two message-passing layers and vectors."""
    options = {
        "epochs": 6,
        "batch_size": 4,
        "learning_rate": 0.02,
        "patience": 50,
        "ema_decay": 0.5,
    }
    return config.Potential(
        cutoff=4.0,
        layers=2,
        l_max=1,
        features=[8, 4],
        radial_width=8,
        bessel=4,
        dtype="float64",
        training=config.Training(**(options | training)),
    )


def bare(atoms):
    return Atoms(atoms.numbers, cell=atoms.cell, positions=atoms.positions, pbc=True)


CONVENTIONAL = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
"""Rows of the cubic cell in the primitive vectors of a face-centred lattice."""


def force_constants_of(potential, settings, scale=2, a=LATTICE):
    """A phono3py calculation of silicon in scale³ cubic cells, filled by the potential."""
    primitive = silicon_primitive(a)
    cell = phonopy_cells.supercell(primitive, (scale * np.array(CONVENTIONAL)).tolist())
    phonon = force_constants.prepare(primitive, cell, settings)
    force_constants.evaluate(phonon, potential, settings)
    return phonon


@lru_cache(maxsize=1)
def _stillinger_weber_constants():
    phonon = force_constants_of(sw_potential(), config.Phonons(pair_cutoff=4.0))
    return phonon.fc2, phonon.fc3


def silicon_phonons():
    """Stillinger–Weber silicon in 64 atoms; the force constants are computed once."""
    primitive = silicon_primitive()
    cell = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    phonon = force_constants.prepare(primitive, cell, config.Phonons())
    fc2, fc3 = _stillinger_weber_constants()
    phonon.fc2, phonon.fc3 = fc2.copy(), fc3.copy()
    return phonon


def response(atoms, vector, step=1e-4):
    """Φ v of Stillinger–Weber, (N, 3): the change of all forces along v (N, 3), no Φ in between."""
    up, down = bare(atoms), bare(atoms)
    up.positions += step * vector
    down.positions -= step * vector
    plus, minus = sw_potential().evaluate([up, down]).forces
    return -(plus - minus) / (2 * step)


def hessian(atoms, step=1e-4):
    """∂²E/∂R∂R (3N, 3N) of Stillinger–Weber by central differences of forces, eV/Å²."""
    rows, potential = [], sw_potential()
    for each in step * np.eye(3 * len(atoms)).reshape(-1, len(atoms), 3):
        up, down = bare(atoms), bare(atoms)
        up.positions += each
        down.positions -= each
        plus, minus = potential.evaluate([up, down]).forces
        rows.append(-(plus - minus).ravel() / (2 * step))
    return np.array(rows)
