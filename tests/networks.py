"""Small untrained networks and frames of rock salt."""

from ase.build import bulk

from umklapp import config
from umklapp.potentials.nequip import model
from umklapp.potentials.nequip.inference import NequipPotential

SMALL = config.Potential(cutoff=4.0, l_max=1, features=[8, 4], radial_width=16)


def potential(seed=0, settings=SMALL, types=("Cl", "Na")):
    """An untrained model with forces of a realistic size."""
    return NequipPotential(model.build(model.options(settings, seed, types, 12.0, 1.5, -3.0)))


def frames():
    """Several sizes, shapes and cells."""
    cube = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    small = bulk("NaCl", "rocksalt", a=5.6)
    skew = bulk("NaCl", "rocksalt", a=5.4).repeat((2, 1, 1))
    skew.set_cell(skew.cell.array @ [[1, 0.1, 0], [0, 0.95, 0.05], [0.02, 0, 1]], scale_atoms=True)
    found = [cube, small, skew, cube.repeat((2, 1, 1))]
    for number, atoms in enumerate(found):
        atoms.rattle(0.1, seed=number)
    return found
