"""fc2 and fc3 by least squares, for many sets of forces on the same displaced supercells.

The fit is symfc's, in symfc's basis. Its normal equations depend on the displacements alone: they
are made once, and each set of forces costs one product instead of a whole fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from scipy import linalg

from umklapp.errors import CalculationError
from umklapp.potentials.taylor.basis import Expansion

LARGEST = 4e9
"""Bytes of the matrix of the equations."""


class RepeatedFit:
    """Least squares on displacements that stay.

    Args:
        perfect: supercell of N atoms, in phonopy's order.
        shifts: (n, N, 3) Å.
        cutoff: triplets of atoms with a longer distance have no fc3 (Å); None: all have.

    Raises:
        CalculationError: the matrix is too large, or the displacements do not fix all numbers.
    """

    def __init__(self, perfect: Atoms, shifts: np.ndarray, cutoff: float | None = None) -> None:
        self.expansions = Expansion.of(perfect, 2), Expansion.of(perfect, 3, cutoff)
        widths = [expansion.free.shape[1] for expansion in self.expansions]
        self.second = widths[0]
        size = 8 * shifts.size * sum(widths)
        if size > LARGEST:
            raise CalculationError(
                f"a fit of {sum(widths)} numbers of fc2 and fc3 to {len(shifts)} supercells of "
                f"{len(perfect)} atoms needs {size / 1e9:.0f} GB; at most {LARGEST / 1e9:.0f} GB "
                "are taken: fewer supercells, smaller ones, or fc3 with a cutoff"
            )
        self.design = np.concatenate(
            [expansion.design(shifts) for expansion in self.expansions], axis=2
        ).reshape(shifts.size, -1)
        try:
            self.factor = linalg.cho_factor(self.design.T @ self.design)
        except linalg.LinAlgError:
            raise CalculationError(
                f"{len(shifts)} displaced supercells do not fix the {sum(widths)} numbers of fc2 "
                "and fc3: give more of them"
            ) from None

    def __call__(
        self, forces: Sequence[np.ndarray], first_atoms: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compact force constants.

        Args:
            forces: n arrays (N, 3), eV/Å. first_atoms: m atoms of the supercell, one per row.

        Returns:
            fc2 (m, N, 3, 3) eV/Å² and fc3 (m, N, N, 3, 3, 3) eV/Å³.
        """
        numbers = linalg.cho_solve(self.factor, self.design.T @ np.ravel(forces))
        parts = numbers[: self.second], numbers[self.second :]
        second, third = (
            _compact(expansion, part, first_atoms)
            for expansion, part in zip(self.expansions, parts, strict=True)
        )
        return second, third


def _compact(expansion: Expansion, x: np.ndarray, first_atoms: Sequence[int]) -> np.ndarray:
    """Force constants of free numbers x with a row for each of `first_atoms`."""
    count, others = len(expansion.atoms), expansion.order - 1
    shape = (len(expansion.first_atoms), *[count] * others, *[3] * expansion.order)
    own = expansion.tensor(x).toarray().reshape(shape)
    rows = np.empty((len(first_atoms), *shape[1:]))
    for place, atom in enumerate(first_atoms):
        row, permutation = expansion.copies[atom]
        rows[place][np.ix_(*[permutation] * others)] = own[row]
    return rows
