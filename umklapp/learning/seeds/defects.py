"""Point defects that keep the composition: where the dynamics of a cheap surface can begin."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import get_distances

from umklapp.errors import InputError

TRIALS = 400
"""Random places that are tried for an interstitial atom."""


def frenkel(atoms: Atoms, generator: np.random.Generator) -> Atoms:
    """A vacancy and an interstitial: a random atom moved to the widest void that is not its own.

    The void is the best of `TRIALS` random places; its distance from the vacancy is at least the
    shortest bond.
    """
    made = atoms.copy()
    moved = int(generator.integers(len(made)))
    others = np.delete(made.positions, moved, axis=0)
    trials = generator.random((TRIALS, 3)) @ made.cell.array
    space = get_distances(trials, others, cell=made.cell, pbc=True)[1].min(axis=1)
    bonds = get_distances(made.positions, cell=made.cell, pbc=True)[1]
    bond = bonds[~np.eye(len(made), dtype=bool)].min()
    home = get_distances(trials, made.positions[[moved]], cell=made.cell, pbc=True)[1][:, 0]
    space[home < bond] = -1
    made.positions[moved] = trials[int(np.argmax(space))]
    return made


def antisite(atoms: Atoms, generator: np.random.Generator) -> Atoms:
    """Two random atoms of different species exchanged.

    Raises:
        InputError: the crystal has one species only.
    """
    species = sorted(set(atoms.numbers.tolist()))
    if len(species) < 2:
        raise InputError(f"defects: an antisite of {atoms.symbols} needs two species")
    one, two = generator.choice(species, size=2, replace=False)
    made = atoms.copy()
    first = int(generator.choice(np.flatnonzero(atoms.numbers == one)))
    second = int(generator.choice(np.flatnonzero(atoms.numbers == two)))
    made.positions[[first, second]] = made.positions[[second, first]]
    return made


def make(kind: str, atoms: Atoms, generator: np.random.Generator) -> Atoms:
    """The configuration with the defect `none`, `frenkel` or `antisite`."""
    if kind == "none":
        return atoms.copy()
    return {"frenkel": frenkel, "antisite": antisite}[kind](atoms, generator)
