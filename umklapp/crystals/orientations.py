"""Ways to lay one crystal on another: rotations of the lattice, translations, atoms on sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from scipy.optimize import linear_sum_assignment

from umklapp.crystals.sites import bond_length, nearest_image, polar, strain

LARGEST_STRAIN = 0.05
"""Largest strain component between two settings of one cell."""

ANCHORS = 5
"""Atoms that are laid on sites to find the translation: most of them have not hopped."""

SAME = 1e-4
"""Å; settings whose distances to the sites differ by less are equivalent by symmetry."""


@dataclass(frozen=True)
class Sites:
    """The sites of a supercell of N atoms.

    perfect: the supercell; lattice: (3, 3) Å, reduced vectors of its primitive lattice;
    motif: sites (m, 3) Å of one primitive cell by atomic number; bond: Å, nearest neighbours.
    """

    perfect: Atoms
    lattice: np.ndarray
    motif: dict[int, np.ndarray]
    bond: float

    @classmethod
    def of(cls, perfect: Atoms, symprec: float = 1e-3) -> Sites:
        """Sites of a perfect supercell; its primitive lattice is found within `symprec` (Å)."""
        crystal = perfect.cell.array, perfect.get_scaled_positions(), perfect.numbers
        primitive = spglib.standardize_cell(
            crystal, to_primitive=True, no_idealize=True, symprec=symprec
        )
        lattice = np.array((primitive or crystal)[0])
        reduced = spglib.delaunay_reduce(lattice)
        lattice = lattice if reduced is None else np.array(reduced)
        motif = {
            int(atomic_number): _distinct(
                perfect.positions[perfect.numbers == atomic_number], lattice
            )
            for atomic_number in np.unique(perfect.numbers)
        }
        return cls(perfect, lattice, motif, bond_length(perfect))

    def nearest(self, positions: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Vectors (s, N, 3) Å to positions (s, N, 3) from the nearest site of the same species."""
        shifts = np.empty_like(positions)
        inverse = np.linalg.inv(self.lattice)
        for atomic_number, places in self.motif.items():
            chosen = numbers == atomic_number
            apart = (positions[:, chosen, None] - places) @ inverse
            apart = (apart - np.rint(apart)) @ self.lattice
            closest = np.linalg.norm(apart, axis=-1).argmin(axis=-1)
            shifts[:, chosen] = np.take_along_axis(apart, closest[..., None, None], axis=2)[:, :, 0]
        return shifts


def _distinct(positions: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """One position of each set that a lattice (3, 3) Å makes equivalent."""
    left, kept = positions, []
    while len(left):
        kept.append(left[0])
        apart = np.linalg.norm(nearest_image(left - left[0], lattice), axis=1)
        left = left[apart > 0.01]
    return np.array(kept)


@dataclass(frozen=True)
class Setting:
    """How somebody else writes the crystal, and what makes it ours.

    basis: (3, 3) integers, our lattice vectors in theirs; shift: (3,) of atoms, in fractions of our
    cell; order: (N,) their atom of each of our sites.
    """

    basis: np.ndarray
    shift: np.ndarray
    order: np.ndarray

    def fractional(self, frame: Atoms) -> np.ndarray:
        """Positions (N, 3) in fractions of our cell, in the order of our sites."""
        inverse = np.linalg.inv(self.basis @ frame.cell.array)
        return np.asarray((frame.positions @ inverse + self.shift)[self.order])

    def turn(self, frame: Atoms, perfect: Atoms) -> tuple[np.ndarray, np.ndarray]:
        """Cell (3, 3) Å of the frame as we write it, and the orthogonal Q of x' = x Qᵀ.

        With rows, basis · cell = perfect · S · Q: S is the strain, which stays in the cell.
        """
        gradient = np.linalg.solve(perfect.cell.array, self.basis @ frame.cell.array)
        stretch, rotation = polar(gradient)
        return perfect.cell.array @ stretch, rotation

    def strain(self, frame: Atoms, perfect: Atoms) -> np.ndarray:
        """Strain ε (3, 3) of the frame's cell against ours."""
        return strain(self.basis @ frame.cell.array, perfect.cell.array)


def lattice_maps(cell: np.ndarray, perfect: np.ndarray, count: int = 1) -> list[np.ndarray]:
    """Integer matrices M (3, 3), |det M| = count, with M · cell = perfect · (1 + ε) · Q.

    All rotations of the lattice are among them, proper and improper, whatever vectors describe it.
    Strain components up to `LARGEST_STRAIN` pass.

    Args:
        cell, perfect: (3, 3) Å. count: how many times `cell` is in `perfect`.
    """
    lengths = np.linalg.norm(perfect, axis=1)
    tolerance = 1 + 2 * LARGEST_STRAIN
    reach = np.ceil(tolerance * lengths.max() * np.linalg.norm(np.linalg.inv(cell), axis=0))
    ranges = [np.arange(-n, n + 1) for n in reach.astype(int)]
    integers = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = integers @ cell
    norms = np.linalg.norm(vectors, axis=1)
    rows = [np.flatnonzero(np.abs(norms / x - 1) < 1.5 * LARGEST_STRAIN) for x in lengths]
    gram = perfect @ perfect.T

    def matching(i: int, j: int, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        products = (vectors[one] * vectors[two]).sum(axis=-1)
        near = np.abs(products - gram[i, j]) < 3 * LARGEST_STRAIN * lengths[i] * lengths[j]
        return np.asarray(near)

    pairs = np.stack(np.meshgrid(rows[0], rows[1], indexing="ij"), axis=-1).reshape(-1, 2)
    pairs = pairs[matching(0, 1, pairs[:, 0], pairs[:, 1])]
    maps: list[np.ndarray] = []
    for third in rows[2]:
        end = np.full(len(pairs), third)
        near = matching(0, 2, pairs[:, 0], end) & matching(1, 2, pairs[:, 1], end)
        bases = integers[np.column_stack([pairs[near], end[near]])]
        if not len(bases):
            continue
        bases = bases[np.abs(np.abs(np.linalg.det(bases)) - count) < 0.5]
        sizes = [np.abs(strain(basis @ cell, perfect)).max() for basis in bases]
        maps += [basis for basis, size in zip(bases, sizes, strict=True) if size < LARGEST_STRAIN]
    return maps


def settings(frame: Atoms, sites: Sites) -> list[Setting]:
    """The settings that lay a frame nearest to the sites, the least change of it first.

    Every rotation of the lattice is tried with the translations that lay one of some atoms on a
    site; settings that are equivalent by the crystal's symmetry are all in the list. Strain counts
    as the displacements it makes.

    Returns:
        An empty list where the frame is in another cell.
    """
    best: list[tuple[float, float, np.ndarray, np.ndarray]] = []
    cell, perfect = frame.cell.array, sites.perfect.cell.array
    radius = 0.5 * abs(np.linalg.det(perfect)) ** (1 / 3)
    for basis in lattice_maps(cell, perfect):
        positions = frame.positions @ np.linalg.inv(basis @ cell) @ perfect
        shift, distance = _translation(positions, frame.numbers, sites)
        stretch, rotation = polar(np.linalg.solve(perfect, basis @ cell))
        distance += radius * float(np.linalg.norm(stretch - np.eye(3)))
        change = float(np.linalg.norm(rotation - np.eye(3)))
        best.append((distance, change, basis, shift))
    least = min((entry[0] for entry in best), default=0.0)
    equivalent = [entry for entry in best if entry[0] < least + SAME]
    equivalent.sort(key=lambda entry: round(entry[1], 4))
    inverse = np.linalg.inv(perfect)
    return [
        Setting(basis, shift @ inverse, np.arange(len(frame))) for _, _, basis, shift in equivalent
    ]


def _translation(
    positions: np.ndarray, numbers: np.ndarray, sites: Sites
) -> tuple[np.ndarray, float]:
    """Shift (3,) Å that lays positions (N, 3) Å nearest to the sites; mean distance left, Å.

    Of translations by lattice vectors the shortest is taken. Distances count up to half a bond, so
    that a few atoms that left their sites do not decide.
    """
    rare = min(
        sites.motif, key=lambda atomic_number: (len(sites.motif[atomic_number]), atomic_number)
    )
    atoms = np.flatnonzero(numbers == rare)
    atoms = atoms[np.linspace(0, len(atoms) - 1, min(ANCHORS, len(atoms))).astype(int)]
    shifts = (sites.motif[rare][None] - positions[atoms][:, None]).reshape(-1, 3)
    half = 0.5 * sites.bond
    for _ in range(3):  # the mean of the atoms near sites moves by less each time
        apart = sites.nearest(positions + shifts[:, None], numbers)
        length = np.linalg.norm(apart, axis=-1)
        near = (length < half)[..., None]
        shifts = shifts - (apart * near).sum(axis=1) / np.maximum(near.sum(axis=1), 1)
    apart = sites.nearest(positions + shifts[:, None], numbers)
    distances = np.minimum(np.linalg.norm(apart, axis=-1), half).mean(axis=1)
    shifts = nearest_image(shifts, sites.lattice)
    equal = np.flatnonzero(distances < distances.min() + SAME)
    chosen = equal[np.argmin(np.round(np.linalg.norm(shifts[equal], axis=1), 6))]
    return shifts[chosen], float(distances[chosen])


def assigned(setting: Setting, frame: Atoms, sites: Sites) -> Setting:
    """The setting with the atom of every site.

    The sum over atoms of the square root of the distance is least: one long hop costs less than
    several short ones that would come to the same.
    """
    perfect = sites.perfect
    order = np.empty(len(perfect), int)
    places = setting.fractional(frame) @ perfect.cell.array
    for atomic_number in sites.motif:
        ours, theirs = (
            np.flatnonzero(atoms.numbers == atomic_number) for atoms in (perfect, frame)
        )
        apart = places[theirs][None] - perfect.positions[ours][:, None]
        length = np.linalg.norm(nearest_image(apart, perfect.cell.array), axis=-1)
        rows, columns = linear_sum_assignment(np.sqrt(length))
        order[ours[rows]] = theirs[columns]
    return Setting(setting.basis, setting.shift, order)
