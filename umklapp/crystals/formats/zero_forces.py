"""Forces that are zero, or do not sum to zero.

They are of perfect crystals, of frames that were never calculated, or of atoms held fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import spglib
from ase import Atoms
from ase.spacegroup.symmetrize import prep_symmetry, symmetrize_rank1

from umklapp.errors import InputError
from umklapp.wording import counted

SYMPREC, SYMMETRIES_TRIED = 1e-3, 5
"""Å; and frames without forces whose symmetry is looked for."""


NET_FORCE = (1.0, 0.5)
"""eV/Å, and share of the largest force: a sum of all forces beyond both is of no crystal on which
nothing from outside acts. Grids and cut-off charges leave a few hundredths of an eV/Å per atom."""

HELD = (0.05, 0.2)
"""The same where forces of some atoms, not of all, are exactly zero."""


def check_sum(forces: np.ndarray, where: str, remedy: str) -> None:
    """Refuse forces (N, 3) eV/Å whose sum is not zero, as if something acted from outside.

    Raises:
        InputError: naming `where` and the likely cause.
    """
    sizes = np.linalg.norm(forces, axis=1)
    net, most = float(np.linalg.norm(forces.sum(axis=0))), float(sizes.max())
    if net > NET_FORCE[0] and net > NET_FORCE[1] * most:
        raise InputError(
            f"{where}: the forces of all atoms sum to {net:.3g} eV/Å, where nothing acts from "
            f"outside and the sum is zero; the largest is {most:.3g} eV/Å on atom "
            f"{sizes.argmax()}: is a number damaged, are some atoms held fixed or left out? "
            f"{remedy}"
        )
    still = np.flatnonzero(sizes == 0)
    if len(still) and net > HELD[0] and net > HELD[1] * most:
        raise InputError(
            f"{where}: the forces of {counted(len(still), 'atom')} (the first is atom {still[0]}) "
            f"are exactly zero, and all others sum to {net:.3g} eV/Å: as of atoms held fixed, "
            "whose forces were left out; calculate the frame without constraints"
        )


def check(labels: Sequence[Atoms], source: str, names: Sequence[int]) -> None:
    """Forces are exactly zero by symmetry alone, as in a perfect crystal; a displaced frame without
    forces was never calculated.

    Raises:
        InputError: naming file and frame.
    """
    still = [n for n, frame in enumerate(labels) if not np.any(frame.calc.results["forces"])]
    for index in still[:SYMMETRIES_TRIED]:
        if not _zero_by_symmetry(labels[index]):
            raise InputError(
                f"{source} frame {names[index]}: every force is exactly zero, and no symmetry of "
                f"its atoms makes them so: as of a frame that was never calculated ({len(still)} "
                f"frames without forces among {len(labels)}); leave it out"
            )


def _zero_by_symmetry(frame: Atoms) -> bool:
    """Whether the space group of a configuration leaves no force on any atom."""
    reduced = spglib.find_primitive(
        (frame.cell.array, frame.get_scaled_positions(), frame.numbers), symprec=SYMPREC
    )
    if reduced is None:
        return False
    cell, places, numbers = reduced
    primitive = Atoms(numbers, cell=cell, scaled_positions=places, pbc=True)
    rotations, translations, maps = prep_symmetry(primitive, symprec=SYMPREC)
    field = np.random.default_rng(1).normal(size=(len(primitive), 3))
    kept = symmetrize_rank1(cell, np.linalg.inv(cell), field, rotations, translations, maps)
    return bool(np.abs(kept - kept.mean(axis=0)).max() < 1e-6)
