"""Frames without any force: perfect crystals, or frames that were never calculated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import spglib
from ase import Atoms
from ase.spacegroup.symmetrize import prep_symmetry, symmetrize_rank1

from umklapp.errors import InputError

SYMPREC, SYMMETRIES_TRIED = 1e-3, 5
"""Å; and frames without forces whose symmetry is looked for."""


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
