"""Distances of atoms and sizes of cells that no crystal has."""

from __future__ import annotations

from ase import Atoms
from matscipy.neighbours import neighbour_list

from umklapp.errors import InputError

LONGEST = 1000.0
"""Å; in a cell that is longer by far the search for neighbours does not end."""

SHORTEST = 0.4
"""Å; no two nuclei come closer (H₂ has 0.74, an overheated frame of a real KCl file 0.53)."""


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
