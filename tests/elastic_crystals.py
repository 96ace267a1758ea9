"""Crystals with elastic constants that are known, and their measurement."""

from ase.calculators.lj import LennardJones
from ase.spacegroup import crystal
from models import stillinger_weber

from umklapp.crystals.symmetry import primitive_cell
from umklapp.lattice.elastic import strain
from umklapp.reference import relaxation

AMPLITUDES = [0.0025, 0.005]
RELAXED = 5.43095  # Å, zero stress of the potential


def measured(atoms, calculator=None, amplitudes=AMPLITUDES, fmax=1e-6):
    return strain.measure(atoms, calculator or stillinger_weber(), amplitudes, fmax)


def hexagonal_silicon(tmp_path):
    start = crystal(
        "Si", [(1 / 3, 2 / 3, 0.0625)], spacegroup=194, cellpar=[3.84, 3.84, 6.27, 90, 90, 120]
    )
    cell = primitive_cell(start)
    return relaxation.relax_with(cell, stillinger_weber(), tmp_path, 1e-6, 1e-8)[0]


def argon():
    return LennardJones(sigma=3.4, epsilon=0.0104, rc=8.5, ro=6.5, smooth=True)
