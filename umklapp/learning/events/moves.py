"""Which atoms left their sites, and what they reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from ase import Atoms
from ase.geometry import get_distances

from umklapp.records import Part

MOVED = 0.35
"""Of the nearest-neighbour distance: a mean displacement beyond it is a move."""

ARRIVED = 0.35
"""Of the nearest-neighbour distance: an atom so near to another site is on it."""

BESIDE = 0.5
"""Of the nearest-neighbour distance: an atom displaced by less is still beside its own site."""

MANY = 4
"""So many atoms off their sites at once are a change of the lattice, not hops one by one."""

Site = Literal["own", "other", "interstitial"]

STILL = "no atom leaves its site"


class Move(Part):
    """An atom away from its site.

    displacement: mean over the event, Å; distance: its length, Å; site: what the atom reached;
    to: the same in words, interstitials by fractional coordinates of the supercell.
    """

    atom: int
    symbol: str
    displacement: tuple[float, float, float]
    distance: float
    site: Site
    to: str


def nearest_neighbour(perfect: Atoms) -> float:
    """Shortest distance (Å) between atoms of the perfect supercell, periodic images included."""
    _, lengths = get_distances(perfect.positions, cell=perfect.cell, pbc=True)
    np.fill_diagonal(lengths, np.inf)
    return float(min(lengths.min(), perfect.cell.lengths().min()))


def moved_atoms(shift: np.ndarray, perfect: Atoms, moved: float = MOVED) -> list[Move]:
    """Atoms whose mean displacement (N, 3) Å is beyond `moved` nearest-neighbour distances."""
    bond = nearest_neighbour(perfect)
    far = np.flatnonzero(np.linalg.norm(shift, axis=1) > moved * bond)
    return [_move(int(atom), shift[atom], perfect, bond) for atom in far]


def _move(atom: int, shift: np.ndarray, perfect: Atoms, bond: float) -> Move:
    place = perfect.positions[atom] + shift
    _, near = get_distances(place, perfect.positions, cell=perfect.cell, pbc=True)
    site = int(np.argmin(near[0]))
    length = float(np.linalg.norm(shift))
    reached: Site
    if near[0, site] < ARRIVED * bond and site != atom:
        reached, to = "other", f"the site of atom {site} ({perfect.symbols[site]})"
    elif length < BESIDE * bond or (site == atom and near[0, site] < ARRIVED * bond):
        reached, to = "own", "beside its own site"
    else:
        fractional = np.linalg.solve(perfect.cell.array.T, place) % 1
        reached, to = "interstitial", "interstitial at " + ", ".join(f"{x:.2f}" for x in fractional)
    x, y, z = (float(value) for value in shift)
    return Move(
        atom=atom,
        symbol=str(perfect.symbols[atom]),
        displacement=(x, y, z),
        distance=length,
        site=reached,
        to=to,
    )


def motion(moves: Sequence[Move]) -> str:
    """What moved and where to, without the numbers of the atoms: equal for equivalent events."""
    if not moves:
        return STILL
    if len(moves) >= MANY:
        return "many atoms leave their sites"
    places = {
        "own": "beside its site",
        "other": "to the site of another atom",
        "interstitial": "to an interstitial",
    }
    return ", ".join(sorted({f"{move.symbol} {places[move.site]}" for move in moves}))
