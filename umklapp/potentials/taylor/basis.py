"""Symmetry-allowed force constants of a supercell (symfc) and the forces that they make.

An expansion of order q holds all tensors Φ_{i…} that obey the space group, the exchange of indices
and the acoustic sum rule: Φ = C B x with free numbers x. Tensors are compact: the first atom runs
over one atom per primitive site, the others over the supercell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from ase import Atoms
from scipy import sparse
from symfc import Symfc

from umklapp.crystals.force_constant_arrays import as_matrix
from umklapp.crystals.phonopy_cells import to_phonopy
from umklapp.crystals.sites import bond_length
from umklapp.errors import CalculationError, InputError

TOLERANCE = 1e-3
"""Å: sites closer than this are one. The same number is the strain between cells that are one."""

SHORTER = 0.9
"""Factor by which the range of the third order is cut until there are few enough free numbers."""


def match(cell: np.ndarray, positions: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """For each position (n, 3) the number of the site (m, 3) that it is, modulo the cell.

    Raises:
        InputError: a position is no site.
    """
    fractional = (positions[:, None] - sites[None]) @ np.linalg.inv(cell)
    distance = np.linalg.norm((fractional - np.rint(fractional)) @ cell, axis=-1)
    if distance.min(axis=1).max() > TOLERANCE:
        raise InputError("the two cells do not hold the same crystal: a site has no partner")
    return distance.argmin(axis=1)


def copies_of(large: Atoms, small: Atoms) -> np.ndarray:
    """For each atom of `large` the number of the atom of `small` that it is a copy of.

    The cells may be strained against each other by up to `TOLERANCE`, as cells relaxed twice are.

    Raises:
        InputError: `large` is no multiple of `small`, or of another crystal.
    """
    ratio = large.cell.array @ np.linalg.inv(small.cell.array)
    if np.abs(ratio - np.rint(ratio)).max() > TOLERANCE * max(1.0, np.abs(ratio).max()):
        raise InputError(
            "the cells of the force constants and the sampling supercell are no multiples of each "
            "other"
        )
    places = large.get_scaled_positions(wrap=False) @ np.rint(ratio) @ small.cell.array
    return match(small.cell.array, places, small.positions)


def fold(
    constants: np.ndarray, first_atoms: Sequence[int], large: Atoms, small: Atoms
) -> np.ndarray:
    """Second-order force constants of a large supercell summed into a smaller one.

    Φ_ij(small) = Σ_T Φ_{i,j+T}(large): exact, because a displacement with the period of the small
    cell has the period of the large one.

    Args:
        constants: (n_first, N, 3, 3) eV/Å²; rows belong to the atoms `first_atoms` of `large`.
        first_atoms: one atom per primitive site, or all atoms.
        large: perfect supercell, a multiple of `small`.
        small: perfect supercell.

    Returns:
        (3n, 3n) eV/Å².

    Raises:
        InputError: `large` is no multiple of `small`.
    """
    n = len(small)
    folded = np.zeros((n, n, 3, 3))
    where = copies_of(large, small)
    copies = translations(large, first_atoms, [int(np.argmax(where == i)) for i in range(n)])
    for i, (row, moved) in enumerate(copies):
        np.add.at(folded[i], where[moved], constants[row])
    return as_matrix(folded)


def translations(
    atoms: Atoms, first_atoms: Sequence[int], targets: Sequence[int] | None = None
) -> list[tuple[int, np.ndarray]]:
    """Lattice translations that take a first atom to each target (default: every atom).

    Returns:
        Per target the number of its row in `first_atoms` and the permutation (N,): atom j goes to
        atom `permutation[j]`.

    Raises:
        InputError: no translation of the crystal takes any first atom there.
    """
    cell, sites, copies = atoms.cell.array, atoms.positions, []
    for target in range(len(atoms)) if targets is None else targets:
        for row, first in enumerate(first_atoms):
            if atoms.numbers[first] != atoms.numbers[target]:
                continue
            moved = sites + sites[target] - sites[first]
            try:
                permutation = match(cell, moved, sites)
            except InputError:
                continue
            if (atoms.numbers[permutation] == atoms.numbers).all():
                copies.append((row, permutation))
                break
        else:
            raise InputError(f"atom {target} of the supercell is no translation of a first atom")
    return copies


def unknowns(atoms: Atoms, cutoff: float | None = None) -> int:
    """About how many free numbers second and third order have in a perfect supercell.

    Args:
        cutoff: of the pairs of the third order (Å).
    """
    solver = Symfc(to_phonopy(atoms), cutoff=None if cutoff is None else {3: cutoff})
    return sum(solver.estimate_basis_size(orders=[2, 3]).values())


def range_within(atoms: Atoms, most: int, cutoff: float | None = None) -> tuple[float | None, int]:
    """Range of the third order with which there are about `most` free numbers or fewer.

    Args:
        atoms: perfect supercell. most: of second and third order.
        cutoff: the longest range (Å); None: all pairs.

    Returns:
        The range (Å), `cutoff` where that is short enough, and the number of free numbers.

    Raises:
        CalculationError: even nearest neighbours have more.
    """
    longest = cutoff or float(atoms.get_all_distances(mic=True).max())
    while (count := unknowns(atoms, cutoff)) > most:
        cutoff = longest = SHORTER * longest
        if cutoff < bond_length(atoms):
            raise CalculationError(
                f"second and third order of {atoms.get_chemical_formula()} have more than {most} "
                "free numbers"
            )
    return cutoff, count


@dataclass(frozen=True)
class Expansion:
    """Symmetry-allowed force constants of one order q ≥ 2.

    columns: (n_first · N^(q−1) · 3^q, n_columns) sparse C; free: (n_columns, n_free) B; copies: as
    from `translations`; atoms: perfect supercell.
    """

    order: int
    columns: sparse.csc_matrix
    free: np.ndarray
    first_atoms: np.ndarray
    copies: list[tuple[int, np.ndarray]]
    atoms: Atoms

    @classmethod
    def of(cls, atoms: Atoms, order: int, cutoff: float | None = None) -> Expansion:
        """Basis of one order; clusters with a pair farther apart than `cutoff` (Å) are left out."""
        solver = Symfc(to_phonopy(atoms), cutoff=None if cutoff is None else {order: cutoff})
        solver.compute_basis_set(orders=[2])
        first = np.array(solver.p2s_map)
        copies = translations(atoms, first.tolist())
        try:
            if order > 2:
                solver.compute_basis_set(orders=[order])
        except AssertionError:  # how symfc says that symmetry allows none
            return cls._empty(atoms, order, first, copies)
        basis = solver.basis_set[order]
        columns = basis.compact_compression_matrix.tocsc()
        return cls(order, columns, np.asarray(basis.basis_set), first, copies, atoms)

    @classmethod
    def none(cls, atoms: Atoms, order: int) -> Expansion:
        """No force constants of that order."""
        solver = Symfc(to_phonopy(atoms))
        solver.compute_basis_set(orders=[2])
        first = np.array(solver.p2s_map)
        return cls._empty(atoms, order, first, translations(atoms, first.tolist()))

    @classmethod
    def _empty(
        cls, atoms: Atoms, order: int, first: np.ndarray, copies: list[tuple[int, np.ndarray]]
    ) -> Expansion:
        size = len(first) * len(atoms) ** (order - 1) * 3**order
        return cls(order, sparse.csc_matrix((size, 0)), np.empty((0, 0)), first, copies, atoms)

    @cached_property
    def _entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Atoms (q, n), axes (q, n) and columns (n,) of all non-zero elements of C."""
        items, n, q = self.columns.tocoo(), len(self.atoms), self.order
        shape = (len(self.first_atoms), *[n] * (q - 1), *[3] * q)
        index = np.array(np.unravel_index(items.row.astype(np.int64), shape))
        return index[:q], index[q:], items.col

    def design(self, displacements: np.ndarray) -> np.ndarray:
        """Forces per free number: F_ia = −1/(q−1)! Σ Φ_{ia,jb,…} u_jb … .

        Args:
            displacements: (n_frames, N, 3) Å.

        Returns:
            (n_frames, 3N, n_free), eV/Å per unit of x.
        """
        atoms, axes, column = self._entries
        count, n = displacements.shape[:2]
        width = self.columns.shape[1]
        out = np.empty((count, n, 3, self.free.shape[1]))
        scale = -1 / factorial(self.order - 1)
        per_row = []
        for row in range(len(self.first_atoms)):
            of_row = atoms[0] == row
            flat = 3 * atoms[1:, of_row] + axes[1:, of_row]
            target = axes[0, of_row] * width + column[of_row]
            values = self.columns.data[of_row]
            shape = (len(values), 3 * width)
            per_row.append((flat, sparse.csr_matrix((values, (range(len(values)), target)), shape)))
        for atom, (row, permutation) in enumerate(self.copies):
            flat, spread = per_row[row]
            moved = displacements[:, permutation].reshape(count, -1)
            products = np.prod([moved[:, indices] for indices in flat], axis=0)
            forces = (spread.T @ products.T).T.reshape(count, 3, width)
            out[:, atom] = scale * forces @ self.free
        return out.reshape(count, 3 * n, -1)

    def tensor(self, x: np.ndarray) -> sparse.coo_matrix:
        """Compact force constants Φ = C B x as a sparse column, eV/Å^q."""
        if not len(x):  # the product would have work space for every element
            return sparse.coo_matrix((self.columns.shape[0], 1))
        return sparse.coo_matrix(self.columns @ sparse.csc_matrix((self.free @ x)[:, None]))

    def diameters(self) -> np.ndarray:
        """Largest pair distance (Å) in the clusters of each column, (n_columns,)."""
        atoms, _, column = self._entries
        distance = self.atoms.get_all_distances(mic=True)
        members = [self.first_atoms[atoms[0]], *atoms[1:]]
        largest = np.zeros(self.columns.shape[1])
        for place, first in enumerate(members):
            for second in members[:place]:
                np.maximum.at(largest, column, distance[first, second])
        return largest

    def largest_elements(self) -> np.ndarray:
        """Largest |element| of each column of C, (n_columns,): the unit of its number."""
        if self.columns.shape[1] == 0:
            return np.empty(0)
        return np.asarray(abs(self.columns).max(axis=0).toarray()).ravel()
