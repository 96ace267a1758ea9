"""What is believed of a crystal before a frame is seen: baseline force constants and their widths.

Φ2 = folded constants of a larger supercell + correction; Φ3 = third order of screened point charges
+ short-ranged part that decays with the cluster; Φ4 on nearest neighbours only. Corrections are
symmetry-allowed and Gaussian, so one linear map A = X L takes their free numbers to forces.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from phono3py import Phono3py
from scipy import linalg

from umklapp import config
from umklapp.crystals import sites
from umklapp.crystals.force_constant_arrays import as_matrix
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.potentials.taylor import electrostatics
from umklapp.potentials.taylor.basis import Expansion, copies_of, fold, range_within
from umklapp.potentials.taylor.model import TaylorModel
from umklapp.potentials.taylor.regression import decaying_widths, root_from_widths

LARGEST_EXPANSION = 3000
"""Free numbers of second and third order; more do not fit into memory as a covariance, and a few
labels say nothing of the far ones: the third order is cut off where there would be more."""

LARGEST_QUARTIC = 80
"""Atoms up to which there is a fourth order: symfc lists all N⁴ quadruples, 1.3 GB of them here."""

FIT_STEP = 0.01
"""Å; displacements at which the third order of the charges is read off their forces."""


@dataclass(frozen=True)
class Knowledge:
    """What is known besides the frames.

    harmonic: (3N, 3N) eV/Å² of the sampling supercell, or None; charges: (N,) e with q = Z*/√ε∞,
    or None.
    """

    harmonic: np.ndarray | None = None
    charges: np.ndarray | None = None

    @classmethod
    def of(cls, phonon: Phono3py, perfect: Atoms) -> Knowledge:
        """Second-order constants and Born charges of a phono3py calculation, where it has them.

        Raises:
            InputError: its cells are no multiples of those of `perfect`.
        """
        harmonic = charges = None
        if phonon.fc2 is not None:
            large, primitive = from_phonopy(phonon.phonon_supercell), phonon.phonon_primitive
            compact = len(phonon.fc2) != len(large)
            first = list(primitive.p2s_map) if compact else range(len(large))
            harmonic = fold(np.asarray(phonon.fc2), first, large, perfect)
        if phonon.nac_params is not None:
            born = np.asarray(phonon.nac_params["born"])
            screened = electrostatics.screened_charges(
                born, np.asarray(phonon.nac_params["dielectric"])
            )
            cell = from_phonopy(phonon.primitive)
            sites = copies_of(perfect, cell)
            if (cell.numbers[sites] != perfect.numbers).any():
                raise InputError("Born charges: the primitive cell is not that of the supercell")
            charges = screened[sites]
        return cls(harmonic, charges)


def _fourth_order(perfect: Atoms, bond: float) -> Expansion:
    """Nearest neighbours; nothing in a large supercell, where it is part of the noise."""
    if len(perfect) <= LARGEST_QUARTIC:
        return Expansion.of(perfect, 4, 1.05 * bond)
    return Expansion.none(perfect, 4)


class Prior:
    """Baseline and Gaussian prior of the force constants of one supercell.

    Args:
        perfect: the supercell, N atoms.
        knowledge: baseline constants and charges.
        settings: widths; docs/science.md says where each comes from.
    """

    def __init__(self, perfect: Atoms, knowledge: Knowledge, settings: config.Taylor) -> None:
        self.perfect, self.settings = perfect, settings
        size, bond = 3 * len(perfect), sites.bond_length(perfect)
        second = Expansion.of(perfect, 2)
        third = Expansion.of(perfect, 3, settings.cubic_cutoff)
        fourth = _fourth_order(perfect, bond)
        self.expansions = (second, third, fourth)
        self.harmonic = np.zeros((size, size)) if knowledge.harmonic is None else knowledge.harmonic
        if knowledge.harmonic is None:
            root = _flat_root(second, settings.harmonic_range)
        else:
            width = settings.harmonic_width * float(linalg.norm(knowledge.harmonic))
            root = width / np.sqrt(second.free.shape[1]) * np.eye(second.free.shape[1])
        widths = decaying_widths(
            third, settings.cubic_width, settings.cubic_decay, settings.cubic_nearest, bond
        )
        fourth_root = _flat_root(fourth, settings.quartic_width)
        self.roots = (root, root_from_widths(third, widths), fourth_root)
        charges = knowledge.charges if settings.electrostatics else None
        self.charge_numbers = np.zeros(third.free.shape[1])
        if charges is not None and len(self.charge_numbers):
            self.charge_numbers = third_order_of_charges(third, charges)

    @classmethod
    def affordable(
        cls, perfect: Atoms, settings: config.Taylor, pair_cutoff: float | None = None
    ) -> Prior:
        """Without baseline, short enough to have about `LARGEST_EXPANSION` numbers at most.

        Args:
            pair_cutoff: of the third order (Å) where `settings.cubic_cutoff` is none.

        Raises:
            CalculationError: even nearest neighbours have more.
        """
        cutoff, _ = range_within(perfect, LARGEST_EXPANSION, settings.cubic_cutoff or pair_cutoff)
        return cls(perfect, Knowledge(), settings.model_copy(update={"cubic_cutoff": cutoff}))

    def with_widths(self, second: np.ndarray, third: np.ndarray) -> Prior:
        """The same prior with other widths of the second and third order.

        Args:
            second, third: (n_columns,) eV/Å^q of the order's expansion; an order of zeros keeps
                its widths.
        """
        other = copy.copy(self)
        other.__dict__.pop("baseline", None)
        roots = list(self.roots)
        for order, own in enumerate((second, third)):
            if own.any():
                roots[order] = root_from_widths(self.expansions[order], own)
        other.roots = (roots[0], roots[1], roots[2])
        return other

    @property
    def n_free(self) -> int:
        """How many free numbers there are."""
        return sum(len(root) for root in self.roots)

    @cached_property
    def baseline(self) -> TaylorModel:
        """The mean of the prior."""
        return self.model(np.zeros(self.n_free), 0.0)

    def scaled_design(self, u: np.ndarray) -> np.ndarray:
        """A = X L at displacements u (n_frames, N, 3) Å: (n_frames, 3N, n_free) eV/Å."""
        pairs = zip(self.expansions, self.roots, strict=True)
        return np.concatenate([expansion.design(u) @ root for expansion, root in pairs], axis=2)

    def parts(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x = L z of the second, third and fourth order, from z (n_free,)."""
        ends = np.cumsum([len(root) for root in self.roots])[:-1]
        first, second, third = np.split(z, ends)
        return self.roots[0] @ first, self.roots[1] @ second, self.roots[2] @ third

    def model(self, z: np.ndarray, energy: float) -> TaylorModel:
        """The Taylor model at free numbers x = L z on top of the baseline.

        Args:
            z: (n_free,) of all orders.
            energy: E0 of the perfect supercell, eV.
        """
        second, third, fourth = self.expansions
        x2, x3, x4 = self.parts(z)
        rows = np.array([row for row, _ in second.copies])
        permutations = np.array([permutation for _, permutation in second.copies])
        n, n_first = len(self.perfect), len(second.first_atoms)
        shape = (n_first, n, n, 3, 3)
        compact = second.tensor(x2).toarray().reshape(n_first, n, 3, 3)
        harmonic = self.harmonic + _unfold(compact, rows, permutations)
        cubic = third.tensor(x3 + self.charge_numbers).toarray().reshape(*shape, 3)
        quartic = fourth.tensor(x4)
        where = np.unravel_index(quartic.row.astype(np.int64), (n_first, n, n, n, 3, 3, 3, 3))
        return TaylorModel(
            perfect=self.perfect,
            energy=energy,
            harmonic=harmonic,
            cubic=cubic,
            quartic=quartic.data,
            quartic_index=np.array(where),
            rows=rows,
            permutations=permutations,
        )


def third_order_of_charges(third: Expansion, charges: np.ndarray) -> np.ndarray:
    """Free numbers of the third order of point charges, from the even part of Ewald forces.

    ½[F(u) + F(−u)] = −½ Φ3 u u + O(u⁴) at random displacements, solved by least squares.

    Args:
        third: expansion of order 3.
        charges: (N,) e.

    Returns:
        (n_free,).
    """
    n, n_free = len(third.atoms), third.free.shape[1]
    count = n_free // n + 4  # three times as many forces as numbers
    u = np.random.default_rng(0).normal(size=(count, n, 3))
    u *= FIT_STEP / np.linalg.norm(u, axis=2, keepdims=True)
    sites, cell = third.atoms.positions, third.atoms.cell.array
    _, forces = electrostatics.ewald(cell, np.concatenate([sites + u, sites - u]), charges)
    even = 0.5 * (forces[:count] + forces[count:])
    scale = FIT_STEP**2
    design = third.design(u).reshape(-1, n_free) / scale
    return linalg.lstsq(design, even.ravel() / scale)[0]


def _flat_root(expansion: Expansion, width: float) -> np.ndarray:
    return root_from_widths(expansion, np.full(expansion.columns.shape[1], width))


def _unfold(compact: np.ndarray, rows: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    n = len(rows)
    full = np.zeros((n, n, 3, 3))
    for atom, (row, permutation) in enumerate(zip(rows, permutations, strict=True)):
        full[atom, permutation] = compact[row]
    return as_matrix(full)
