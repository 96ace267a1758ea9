"""Distances of atoms and sizes of cells that no crystal has."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from matscipy.neighbours import neighbour_list

from umklapp.errors import InputError

LONGEST = 1000.0
"""Å; in a cell that is longer by far the search for neighbours does not end."""

SHORTEST = 0.4
"""Å; no two nuclei come closer (H₂ has 0.74, an overheated frame of a real KCl file 0.53)."""

WIDEST = 7.0
"""Å; the layer without nuclei is 2.9 at most in the 122 crystals of our table."""

RARE_GASES = {2: 1.8, 10: 1.54, 18: 1.88, 36: 2.02, 54: 2.16, 86: 2.2}
"""Å; half of the distance in crystals of atoms that do not bond, by atomic number."""

UNKNOWN_RADIUS = 1.5
"""Å; of elements whose radius is not known."""

BONDS = (0.68, 1.35)
"""Distance of nearest atoms over the sum of their covalent radii, beyond which all atoms of no
crystal are. The shortest of a crystal is 1.20 at most (lead) and the longest 0.84 at least
(tantalum); of the 122 of our table 1.16 and 0.87. A bohr is 0.53 Å."""


def bond_ratios(atoms: Atoms) -> np.ndarray:
    """Distance (N,) of every atom's nearest neighbour over the sum of both covalent radii; inf
    where no other atom is within `BONDS`."""
    radii = np.append(covalent_radii, np.full(200, 0.2))[atoms.numbers]
    radii = np.where(radii == 0.2, UNKNOWN_RADIUS, radii)
    for atomic_number, radius in RARE_GASES.items():
        radii[atoms.numbers == atomic_number] = radius
    one, two, apart = neighbour_list("ijd", atoms, BONDS[1] * radii)
    ratios = np.full(len(atoms), np.inf)
    np.minimum.at(ratios, one, apart / (radii[one] + radii[two]))
    return ratios


def check_unit(atoms: Atoms, where: str) -> None:
    """Refuse a crystal whose atoms are all too far apart, or all too close, for lengths in Å.

    Raises:
        InputError: naming `where` and the likely unit.
    """
    ratios = bond_ratios(atoms)
    closest, farthest = float(ratios.min()), float(ratios.max())
    if closest == np.inf:
        likely = (
            f"bohr taken for Å (1 bohr is {units.Bohr:.4f} Å), or atoms are missing; in a yaml of "
            "phonopy, is `calculator` right?"
        )
        said = f"no two atoms are closer than {BONDS[1]} times the sum of their covalent radii"
    elif farthest < BONDS[0]:
        likely = (
            "lengths that were converted from bohr twice, or are in nm; in a yaml of phonopy, is "
            "`calculator` right?"
        )
        said = (
            f"every atom has another one within {farthest:.2f} times the sum of their covalent "
            "radii"
        )
    else:
        return
    volume = abs(atoms.cell.volume) / len(atoms)
    raise InputError(
        f"{where}: {said} ({volume:.3g} Å³ per atom), as in no crystal. Likely: {likely} Lengths "
        "are in Å: convert them"
    )


def gap(atoms: Atoms) -> float:
    """Å; the widest layer without nuclei between planes of the cell's vectors."""
    places = np.sort(atoms.get_scaled_positions(), axis=0)
    spacing = 1 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    wide = np.diff(np.vstack([places, places[:1] + 1]), axis=0).max(axis=0)
    return float((wide * spacing).max())


def check_layers(atoms: Atoms, where: str) -> None:
    """Raise `InputError`, naming `where`, for atoms beside an empty layer: slabs and molecules."""
    widest = gap(atoms)
    if widest > WIDEST:
        raise InputError(
            f"{where}: an empty layer of {widest:.1f} Å: a slab, or a molecule in a box; a crystal "
            "is expected"
        )


def check(frame: Atoms, where: str) -> None:
    """Raise `InputError`, naming `where`, for a cell vector or a distance of no crystal."""
    longest = frame.cell.lengths().max()
    if longest > LONGEST:
        raise InputError(
            f"{where}: a cell vector of {longest:.3g} Å; is a number damaged, is the cell in Å?"
        )
    one, two, apart = neighbour_list("ijd", frame, SHORTEST)
    if len(apart):
        least = int(apart.argmin())
        raise InputError(
            f"{where}: atoms {one[least]} and {two[least]} are {apart[least]:.3f} Å apart; are all "
            "positions there, and in Å?"
        )
