"""Displaced cells of a phono3py calculation: which were calculated, and where their atoms are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from phono3py import Phono3py

from umklapp.errors import InputError

SAME_PLACE = 1e-6
"""Å; a pair of opposite displacements of one atom leaves it on its site up to this."""


def check_forces(params: Phono3py, path: Path) -> None:
    """Refuse force sets in which a displaced cell was not calculated; no forces at all pass.

    Raises:
        InputError: atoms displaced one at a time alone, as phonopy does for fc2; a cell without
            forces, or whose forces are all exactly zero though an atom is displaced, or no
            numbers. Pairs beyond the file's cutoff, which phono3py writes as zeros, are none.
    """
    datasets: tuple[tuple[str, Any], ...] = (
        ("displacement", params.dataset),
        ("displacement of the phonon supercell", params.phonon_dataset),
    )
    for name, dataset in datasets:
        cells = _cells(dataset or {}, path, pairs=dataset is params.dataset)
        if all(force is None for force, _ in cells):
            continue
        for index, (force, moved) in enumerate(cells):
            if force is None:
                problem = "has no forces, others have"
            elif not np.isfinite(force).all():
                problem = "has forces that are no numbers"
            elif moved and not np.any(force):
                problem = "has forces that are all exactly zero, as of a cell never calculated"
            else:
                continue
            raise InputError(f"{path}: {name} {index + 1} {problem}: calculate it, or leave it out")


def _cells(dataset: dict[str, Any], path: Path, pairs: bool) -> list[tuple[Any, bool]]:
    """Of every displaced cell its forces (N, 3), None where it has none, and if an atom is moved.

    An atom that is displaced there and back is on its site: whoever subtracts the forces of the
    perfect supercell leaves exact zeros in this cell.
    """
    if "first_atoms" not in dataset:
        forces = dataset.get("forces")
        return [(None, True)] if forces is None else [(force, True) for force in forces]
    first = dataset["first_atoms"]
    singles = [(single.get("forces"), True) for single in first]
    if not pairs:
        return singles
    if any("second_atoms" not in single for single in first):
        raise InputError(
            f"{path}: one atom is displaced at a time, as phonopy does for fc2; fc3 needs pairs of "
            "atoms (phono3py -d) or cells in which every atom is displaced (--rd)"
        )
    cutoff = dataset.get("cutoff_distance")
    return singles + [
        (second.get("forces"), _moves(single, second))
        for single in first
        for second in single["second_atoms"]
        if _calculated(second, cutoff)
    ]


def _moves(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether a pair of displacements leaves an atom off its site."""
    back = np.add(first["displacement"], second["displacement"])
    return first["number"] != second["number"] or bool(np.abs(back).max() > SAME_PLACE)


def pair_displacements(params: Phono3py) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of a dataset of one or two displaced atoms, and which were calculated.

    phono3py's own `displacements` has only the second atom of a pair.

    Returns:
        (n, N, 3) Å in phono3py's order, single displacements first; (n,) false for pairs beyond
        the cutoff of the file, whose forces and energy phono3py writes as zeros.
    """
    dataset: Any = params.dataset
    shape = (len(params.supercell), 3)
    shifts, included = [], []
    for first in dataset["first_atoms"]:
        shift = np.zeros(shape)
        shift[first["number"]] = first["displacement"]
        shifts.append(shift)
        included.append(True)
    for first, single in zip(dataset["first_atoms"], list(shifts), strict=True):
        for second in first["second_atoms"]:
            shift = single.copy()
            shift[second["number"]] += second["displacement"]
            shifts.append(shift)
            included.append(_calculated(second, dataset.get("cutoff_distance")))
    return np.array(shifts), np.array(included, bool)


def _calculated(second: dict[str, Any], cutoff: float | None) -> bool:
    """Whether a pair was calculated; a file with forces has no `included`, only distances (Å)."""
    if not second.get("included", True):
        return False
    beyond = cutoff is not None and second.get("pair_distance", 0.0) > cutoff - SAME_PLACE
    return not beyond or bool(np.any(second.get("forces", 0.0)))
