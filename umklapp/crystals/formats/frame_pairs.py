"""Pairs of labelled frames of the same atoms: change of the energy, work of forces and stresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.crystals import frames, sites

LARGEST_STRAIN = 0.1
"""Strain component between two frames above which they are not compared."""

SAME_CELL = 1e-6
"""Largest component of the strain between two cells that are one."""

WINDOWS, SPREAD = 150, 60
"""Of a long file: stretches of three neighbouring frames, and frames of which every pair counts."""

STIFFNESS = 1.0
"""eV/Å³ (160 GPa); of the work that an unknown stress may have done: V · STIFFNESS · ε."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of frames that can be compared; n of them.

    first, second: (n,) numbers of the frames. change: (n,) eV, the difference of their energies.
    work: (n,) eV, of the mean forces; bound: (n,) eV, the same with every atom's absolute value;
    strain_work: (n,) eV, of the mean stresses; 0 in one cell, NaN where no stress is known.
    distance: (n,) Å, root mean square over the atoms; farthest: (n,) Å, of one atom. elastic: (n,)
    eV, ½ V · STIFFNESS · Σε², what a strain alone may cost; 0 in one cell.
    """

    first: np.ndarray
    second: np.ndarray
    change: np.ndarray
    work: np.ndarray
    bound: np.ndarray
    strain_work: np.ndarray
    distance: np.ndarray
    farthest: np.ndarray
    elastic: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: np.ndarray) -> Pairs:
        """Some of them, by number or by a mask."""
        return Pairs(*(np.asarray(value)[chosen] for value in vars(self).values()))


def pairs_of(labels: Sequence[Atoms]) -> Pairs:
    """Pairs of labelled frames with the same atoms in the same order.

    Neighbours in the file and the next but one, and all pairs of a sample.
    """
    n = len(labels)
    starts = np.unique(np.linspace(0, n - 1, min(n, WINDOWS)).astype(int))
    sample = np.unique(np.linspace(0, n - 1, min(n, SPREAD)).astype(int))
    wanted = {(i, i + step) for i in starts for step in (1, 2) if i + step < n}
    wanted |= {(int(i), int(j)) for k, i in enumerate(sample) for j in sample[k + 1 :]}
    rows = []
    for i, j in sorted(wanted):
        row = _compared(labels[i], labels[j])
        if row is not None:
            rows.append((i, j, *row))
    columns = np.array(rows, float).reshape(-1, 9).T
    return Pairs(columns[0].astype(int), columns[1].astype(int), *columns[2:])


def _compared(one: Atoms, two: Atoms) -> tuple[float, ...] | None:
    """The columns of `Pairs` from `change` on; None for other crystals.

    With rows of vectors h₂ = h₁ S Q (S the stretch, Q a rotation that is taken out); along
    h₁ + t (h₂ − h₁) the strain is S − 1 at the first and 1 − S⁻¹ at the second end.
    """
    if len(one) != len(two) or (one.numbers != two.numbers).any():
        return None
    cells = one.cell.array, two.cell.array
    stretch, rotation = sites.polar(np.linalg.solve(*cells))
    if np.abs(stretch - np.eye(3)).max() > LARGEST_STRAIN:
        return None
    strain_work, unknown = 0.0, 0.0
    largest = float(np.abs(stretch - np.eye(3)).max())
    if largest > SAME_CELL and not (frames.has_stress(one) and frames.has_stress(two)):
        strain_work, unknown = np.nan, abs(one.cell.volume) * STIFFNESS * largest
    elif largest > SAME_CELL:
        first, second = (_virial(one), rotation @ _virial(two) @ rotation.T)
        strains = stretch - np.eye(3), np.eye(3) - np.linalg.inv(stretch)
        strain_work = float(0.5 * ((first * strains[0]).sum() + (second * strains[1]).sum()))
    apart = two.positions @ np.linalg.inv(cells[1]) - one.positions @ np.linalg.inv(cells[0])
    moves = sites.without_drift(apart[None])[0]
    works = [
        -(np.asarray(atoms.calc.results["forces"], float) * (moves @ atoms.cell.array)).sum(axis=1)
        for atoms in (one, two)
    ]
    change = two.calc.results["energy"] - one.calc.results["energy"]
    squares = ((moves @ cells[0]) ** 2).sum(axis=1)
    return (
        float(change),
        float(0.5 * (works[0] + works[1]).sum()),
        float(0.5 * np.abs(works).sum() + abs(np.nan_to_num(strain_work)) + unknown),
        strain_work,
        float(np.sqrt(squares.mean())),
        float(np.sqrt(squares.max())),
        0.5 * abs(one.cell.volume) * STIFFNESS * float(((stretch - np.eye(3)) ** 2).sum()),
    )


def _virial(atoms: Atoms) -> np.ndarray:
    """V σ (3, 3) eV of a labelled frame."""
    return np.asarray(voigt_6_to_full_3x3_stress(frames.stress_of(atoms)) * abs(atoms.cell.volume))
