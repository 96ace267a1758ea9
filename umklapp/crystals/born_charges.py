"""Born effective charges and the electronic dielectric constant of a crystal, atom by atom.

Z*_ab is the force (in e) on an atom along b in a field along a, or the polarisation along a of its
displacement along b (phonopy's order). The tensors have the symmetry of the crystal, and those of a
cell add up to zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.spacegroup.symmetrize import prep_symmetry
from phonopy.physical_units import get_physical_units

from umklapp.crystals import registration
from umklapp.crystals.symmetry import SYMPREC
from umklapp.errors import InputError

TOLERANCE = 0.05
"""e; what numbers of a file may break of the sum over the cell, or of the symmetry, ..."""

RELATIVE = 0.02
"""... and so much of the largest charge beside it."""

ZERO = 1e-9
"""Of a tensor of order one that symmetry forbids."""


@dataclass(frozen=True)
class BornCharges:
    """Born charges: (n, 3, 3) e, in the order of the atoms; dielectric: (3, 3), ε∞."""

    charges: np.ndarray
    dielectric: np.ndarray

    def nac_params(self) -> dict[str, object]:
        """As phonopy takes them, for force constants in eV/Å²."""
        units = get_physical_units()
        factor = units.Hartree * units.Bohr  # e²/(4π ε₀) in eV Å
        return {"born": self.charges, "dielectric": self.dielectric, "factor": factor}

    def laid_on(self, given: Atoms, primitive: Atoms, source: str) -> BornCharges:
        """The same of the same crystal in other axes and another order of atoms.

        Args:
            given: the cell whose atoms these are. primitive: the cell whose atoms are wanted.
            source: named in errors.

        Raises:
            InputError: the two are not one crystal.
        """
        setting = registration.setting_of(given, primitive, source)
        if setting is None:
            raise InputError(
                f"{source}: Born charges of {len(given)} atoms {given.symbols}, which are not the "
                f"primitive cell {primitive.symbols} of the material; write the file with its "
                "primitive cell"
            )
        _, turn = setting.turn(given, primitive)
        charges = np.einsum("ab,nbc,dc->nad", turn, self.charges[setting.order], turn)
        return BornCharges(charges, turn @ self.dielectric @ turn.T)


@dataclass(frozen=True)
class SiteSymmetry:
    """What the space group says of tensors at the atoms of a primitive cell of n atoms.

    turns: (g, 3, 3) orthogonal; images: (g, n) atom that each atom goes to.
    """

    turns: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, primitive: Atoms) -> SiteSymmetry:
        """The space group of a cell."""
        rotations, _, images = prep_symmetry(primitive, symprec=SYMPREC)
        cell = primitive.cell.array.T
        return cls(np.array([cell @ turn @ np.linalg.inv(cell) for turn in rotations]),
                   np.array(images))  # fmt: skip

    @cached_property
    def orbits(self) -> np.ndarray:
        """(n,) first of the atoms that the space group takes each atom to."""
        return np.asarray(self.images.min(axis=0))

    def average(self, tensors: np.ndarray) -> np.ndarray:
        """Tensors (n, 3, 3) with the symmetry of the crystal: ⟨W Z W^T⟩, nearest to those given."""
        averaged = np.zeros_like(tensors)
        for turn, image in zip(self.turns, self.images, strict=True):
            averaged[image] += turn @ tensors @ turn.T
        return averaged / len(self.turns)

    def of_crystal(self, tensor: np.ndarray) -> np.ndarray:
        """A tensor (3, 3) of the crystal with its symmetry."""
        return np.asarray((self.turns @ tensor @ self.turns.transpose(0, 2, 1)).mean(axis=0))

    def at_site(self, tensor: np.ndarray, atom: int) -> np.ndarray:
        """A tensor (3, 3) averaged over the operations that leave an atom where it is."""
        stays = self.turns[self.images[:, atom] == atom]
        return np.asarray((stays @ tensor @ stays.transpose(0, 2, 1)).mean(axis=0))

    def expanded(self, tensor: np.ndarray, atom: int) -> dict[int, np.ndarray]:
        """The tensors of all atoms equivalent to one whose tensor (3, 3) is given."""
        return {
            int(image[atom]): turn @ tensor @ turn.T
            for turn, image in zip(self.turns, self.images, strict=True)
        }


def is_polar(primitive: Atoms) -> bool:
    """Whether the symmetry of the crystal lets any atom have a Born charge (silicon: no)."""
    generator = np.random.default_rng(0)
    charges = SiteSymmetry.of(primitive).average(generator.normal(size=(len(primitive), 3, 3)))
    return bool(np.abs(charges - charges.mean(axis=0)).max() > ZERO)


def sum_allowed(charges: np.ndarray) -> float:
    """Largest element (e) that the sum of charges (n, 3, 3) over a cell may have."""
    return TOLERANCE + RELATIVE * float(np.abs(charges).max())


MOST = 30, 1000
"""Largest component of a Born charge (e; ferroelectrics have 10) and of ε∞ (Bi₂Te₃ has 100)."""


def checked(
    charges: np.ndarray, dielectric: np.ndarray, primitive: Atoms, where: str
) -> BornCharges:
    """Tensors with the crystal's symmetry, that add up to zero.

    Args:
        charges: (n, 3, 3) e in the order of `primitive`. dielectric: (3, 3). where: for errors.

    Raises:
        InputError: they are not finite, larger than `MOST`, break the sum or the symmetry by more
            than `sum_allowed`, or ε∞ is below 1 in some direction.
    """
    if not (np.isfinite(charges).all() and np.isfinite(dielectric).all()):
        raise InputError(f"{where}: a Born charge or ε∞ that is no finite number")
    for name, tensors, most in (("Born charge (e)", charges, MOST[0]), ("ε∞", dielectric, MOST[1])):
        if np.abs(tensors).max() > most:
            raise InputError(
                f"{where}: a {name} of {np.abs(tensors).max():.3g}; no crystal has more than "
                f"{most}: is a number damaged?"
            )
    allowed = sum_allowed(charges)
    if np.abs(charges.sum(axis=0)).max() > allowed:
        total = np.round(charges.sum(axis=0), 3).tolist()
        raise InputError(f"{where}: the charges do not add up to zero over the cell: {total} e")
    group = SiteSymmetry.of(primitive)
    symmetric, constant = group.average(charges), group.of_crystal(dielectric)
    off = np.abs(symmetric - charges).max(axis=(1, 2))
    if np.abs(constant - dielectric).max() > 0.1 * np.abs(dielectric).max():
        raise InputError(
            f"{where}: ε∞ does not have the symmetry of the crystal: "
            f"{np.round(dielectric, 3).tolist()}; is it in the axes of structure/primitive.extxyz?"
        )
    if off.max() > allowed:
        atom = int(off.argmax())
        raise InputError(
            f"{where}: the tensors do not have the symmetry of the crystal (that of atom {atom}, "
            f"{primitive.symbols[atom]}, is {off[atom]:.2f} e from one that has): are they in the "
            "order and the axes of structure/primitive.extxyz?"
        )
    if np.linalg.eigvalsh((constant + constant.T) / 2).min() < 1:
        raise InputError(f"{where}: ε∞ is below 1: {np.round(dielectric, 3).tolist()}")
    return BornCharges(symmetric - symmetric.mean(axis=0), constant)


def of_species(tensors: Mapping[str, np.ndarray], primitive: Atoms, where: str) -> np.ndarray:
    """Tensors (n, 3, 3) e of all atoms from one per species, as its symmetry turns it.

    A tensor that is not isotropic is that of the atom of its species whose site has this symmetry:
    diag(a, a, b) of the oxygen of a perovskite is that of the face whose normal is z.

    Raises:
        InputError: a species has none; or no site, or several that differ, fit its tensor.
    """
    missing = sorted(set(primitive.get_chemical_symbols()) - set(tensors))
    if missing:
        raise InputError(f"{where}: no charge for {missing}")
    group, charges = SiteSymmetry.of(primitive), np.empty((len(primitive), 3, 3))
    for orbit in np.unique(group.orbits):
        symbol = str(primitive.symbols[orbit])
        tensor = tensors[symbol]
        allowed = sum_allowed(tensor)
        fits = [
            group.expanded(tensor, int(atom))
            for atom in np.flatnonzero(group.orbits == orbit)
            if np.abs(group.at_site(tensor, int(atom)) - tensor).max() < allowed
        ]
        filled = [np.array([one[atom] for atom in sorted(one)]) for one in fits]
        if not fits or any(np.abs(filled[0] - other).max() > allowed for other in filled[1:]):
            which = "several sites" if fits else "no site"
            raise InputError(
                f"{where}: the tensor of {symbol} fits {which} of that species; write `sites`, one "
                "tensor per atom in the order of structure/primitive.extxyz"
            )
        charges[sorted(fits[0])] = filled[0]
    return charges


def of_sites(tensors: Sequence[np.ndarray], primitive: Atoms, where: str) -> np.ndarray:
    """Tensors (n, 3, 3) e of all atoms, from those of all or of the independent ones, in order.

    Raises:
        InputError: neither as many as atoms nor as many as independent atoms.
    """
    if len(tensors) == len(primitive):
        return np.array(tensors, float)
    group = SiteSymmetry.of(primitive)
    independent = np.unique(group.orbits)
    if len(tensors) != len(independent):
        named = ", ".join(f"{primitive.symbols[atom]} (atom {atom})" for atom in independent)
        raise InputError(
            f"{where}: {len(tensors)} charges; {len(primitive)} atoms need one each, or the "
            f"{len(independent)} independent ones: {named}"
        )
    charges = np.empty((len(primitive), 3, 3))
    for tensor, atom in zip(tensors, independent, strict=True):
        for other, turned in group.expanded(np.asarray(tensor, float), int(atom)).items():
            charges[other] = turned
    return charges
