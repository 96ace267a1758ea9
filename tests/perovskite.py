"""A cubic perovskite and Born charges of its atoms, written out by hand."""

import numpy as np
from ase import Atoms

FACES = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])


def perovskite(a=4.0):
    """KZnF3: the fluorines on the faces of the cube."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], *FACES]
    return Atoms("KZnF3", cell=[a] * 3, scaled_positions=sites, pbc=True)


def of_perovskite():
    """Tensors (5, 3, 3) e: of a fluorine, the axis along its bonds is another."""
    charges = np.array([np.eye(3) * x for x in (1.2, 2.2, -0.9, -0.9, -0.9)])
    for number, axis in ((2, 2), (3, 1), (4, 0)):
        charges[number, axis, axis] = -1.6
    return charges
