"""The point group of a crystal where it lies: what it leaves of a tensor, and which strains do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms

from umklapp.crystals.symmetry import SYMPREC
from umklapp.errors import InputError
from umklapp.lattice.elastic import tensor

LAUE = {
    **dict.fromkeys(("1", "-1"), "-1"),
    **dict.fromkeys(("2", "m", "2/m"), "2/m"),
    **dict.fromkeys(("222", "mm2", "mmm"), "mmm"),
    **dict.fromkeys(("4", "-4", "4/m"), "4/m"),
    **dict.fromkeys(("422", "4mm", "-42m", "-4m2", "4/mmm"), "4/mmm"),
    **dict.fromkeys(("3", "-3"), "-3"),
    **dict.fromkeys(("32", "3m", "-3m"), "-3m"),
    **dict.fromkeys(("6", "-6", "6/m"), "6/m"),
    **dict.fromkeys(("622", "6mm", "-6m2", "-62m", "6/mmm"), "6/mmm"),
    **dict.fromkeys(("23", "m-3"), "m-3"),
    **dict.fromkeys(("432", "-43m", "m-3m"), "m-3m"),
}
"""Laue class of every point group."""

INDEPENDENT = dict(
    zip(
        ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"),
        (21, 13, 9, 7, 6, 7, 6, 5, 5, 3, 3),
        strict=True,
    )
)
"""Independent elastic constants of every Laue class (Nye, Physical Properties of Crystals)."""

ENOUGH = 0.05
"""Strains and their images determine a tensor when every direction has this weight among them."""


@dataclass(frozen=True)
class PointGroup:
    """Rotations of a crystal in the Cartesian axes of its cell.

    rotations: (n, 3, 3) orthogonal; standard: (3, 3) proper rotation from the axes of the cell to
    spglib's standard setting (a ∥ x, b in the xy plane).
    """

    space_group: int
    laue: str
    rotations: np.ndarray
    standard: np.ndarray

    @property
    def independent(self) -> int:
        """Number of elastic constants that this very set of rotations leaves free.

        The multiplicity of the identity in the symmetric square of the representation on strains.
        """
        traces = [(turn.trace() ** 2 + (turn @ turn).trace()) / 2 for turn in self._six()]
        return round(float(np.mean(traces)))

    def _six(self) -> np.ndarray:
        return np.array([tensor.six(rotation) for rotation in self.rotations])

    def symmetrise(self, stiffness: np.ndarray) -> np.ndarray:
        """Mean of a Mandel stiffness (6, 6) over the group, symmetric."""
        turns = self._six()
        mean = np.einsum("nij,jk,nlk->il", turns, stiffness, turns, optimize=True) / len(turns)
        return np.asarray((mean + mean.T) / 2)

    def directions(self) -> np.ndarray:
        """Fewest unit strains (n, 6), Mandel, whose images under the group span all strains.

        The six of the standard axes in turn, the ones that bring nothing new left out.
        """
        turns = self._six()
        chosen: list[np.ndarray] = []
        weight = np.zeros((6, 6))
        for unit in tensor.six(self.standard.T).T:
            if np.linalg.eigvalsh(weight)[0] > ENOUGH:
                break
            images = turns @ unit
            more = weight + images.T @ images / len(turns)
            if _rank(more) > _rank(weight):
                chosen.append(unit)
                weight = more
        return np.array(chosen)

    def fit(self, strains: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Mandel stiffness (6, 6) that maps strains (n, 6), and all their images, to responses.

        Least squares over the images under the group; not yet made symmetric, so that C − Cᵀ
        tells how far the stresses are from being derivatives of an energy.
        """
        turns = self._six()
        left = np.einsum("nij,mj->inm", turns, strains).reshape(6, -1)
        right = np.einsum("nij,mj->inm", turns, responses).reshape(6, -1)
        return np.asarray(right @ np.linalg.pinv(left))


def _rank(weight: np.ndarray) -> int:
    return int((np.linalg.eigvalsh(weight) > ENOUGH).sum())


def point_group(atoms: Atoms, symprec: float = SYMPREC) -> PointGroup:
    """Point group of a crystal in the Cartesian axes of its cell, whatever the cell's shape.

    Args:
        symprec: Å, of spglib.

    Raises:
        InputError: no symmetry is found, or the rotations do not leave as many constants as the
            Laue class should (a cell that is nearly but not quite symmetric).
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        # of the primitive cell, where it lies: a supercell may have less symmetry than its crystal
        primitive = spglib.standardize_cell(
            cell, to_primitive=True, no_idealize=True, symprec=symprec
        )
        dataset = spglib.get_symmetry_dataset(primitive, symprec=symprec)
    except spglib.SpglibError as error:
        raise InputError(f"spglib finds no symmetry: {error}") from None
    if primitive is None or dataset is None:
        raise InputError("spglib finds no symmetry in this cell")
    columns = primitive[0].T
    fractional = np.unique(dataset.rotations, axis=0)
    turned = [_orthogonal(columns @ turn @ np.linalg.inv(columns)) for turn in fractional]
    laue = LAUE[dataset.pointgroup.strip()]
    group = PointGroup(
        int(dataset.number), laue, np.array(turned), _orthogonal(dataset.std_rotation_matrix)
    )
    if group.independent != INDEPENDENT[laue]:
        raise InputError(
            f"point group {dataset.pointgroup} has {INDEPENDENT[laue]} independent elastic "
            f"constants, but the rotations of this cell leave {group.independent}: the cell is not "
            "quite symmetric. Relax it with its space group kept, or lower symprec"
        )
    return group


def _orthogonal(nearly: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(nearly)
    return np.asarray(left @ right)
