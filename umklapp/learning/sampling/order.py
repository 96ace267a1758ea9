"""How crystalline a configuration is, and a force that pushes it to be more or less so.

O = Σ_g |ρ_g|² / Σ_g |ρ_g⁰|² with ρ_g = Σ_i exp(i g·r_i), over Bragg vectors g of the crystal at
hand: the order parameter of Jung, APL Mach. Learn. 2, 046102 (2024), who has the vectors of fcc,
for any crystal. It is 1 in the perfect crystal (ρ⁰) and N N_g / Σ_g |ρ_g⁰|² on average in a gas:
1/N where every ρ_g⁰ has the modulus N.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from ase import Atoms

from umklapp.errors import InputError
from umklapp.potentials.contract import Potential, Prediction

STRONG = 0.2
"""Bragg peaks of less than this share of N² are left out: they barely tell solid from liquid."""


class CrystallineOrder:
    """O of configurations in the cell of a crystal, strained or not.

    Vectors g are integer multiples of the cell's reciprocal vectors, so a homogeneous strain
    changes nothing, and the bias has no stress at fixed scaled positions.

    Args:
        perfect: perfect supercell. shells: least number of shells |g|, shortest first; more are
            taken until the vectors span space.

    Raises:
        InputError: no strong Bragg vector is found.
    """

    def __init__(self, perfect: Atoms, shells: int = 1) -> None:
        self.numbers, peaks = bragg_vectors(perfect, shells)
        self.normalisation = float(peaks.sum())
        self.gas = len(perfect) * len(peaks) / self.normalisation
        """Mean of O for atoms at random places."""

    def value(self, atoms: Atoms) -> float:
        """O of a configuration."""
        return float((np.abs(self._phases(atoms).sum(axis=0)) ** 2).sum() / self.normalisation)

    def gradient(self, atoms: Atoms) -> np.ndarray:
        """∂O/∂r, (N, 3) 1/Å: −2 Σ_g g Im[exp(i g·r_i) ρ_g*] / Σ_g |ρ_g⁰|²."""
        phases = self._phases(atoms)
        weights = -2 * (phases * phases.sum(axis=0).conj()).imag / self.normalisation
        vectors = 2 * np.pi * self.numbers @ atoms.cell.reciprocal().array
        return np.asarray(weights @ vectors)

    def _phases(self, atoms: Atoms) -> np.ndarray:
        scaled = atoms.positions @ atoms.cell.reciprocal().array.T
        return np.exp(2j * np.pi * scaled @ self.numbers.T)


def bragg_vectors(perfect: Atoms, shells: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer vectors (N_g, 3) of strong Bragg peaks, and their |ρ⁰|².

    One of each pair ±g, shell after shell of equal length until there are `shells` that span space.

    Raises:
        InputError: the crystal has fewer strong shells.
    """
    reciprocal = 2 * np.pi * perfect.cell.reciprocal().array
    scaled = perfect.get_scaled_positions()
    spacing = (perfect.cell.volume / len(perfect)) ** (1 / 3)
    longest = 2 * np.pi / spacing * max(2.5, 1.5 * shells)
    most = np.ceil(longest * np.linalg.norm(perfect.cell.array, axis=1) / (2 * np.pi)).astype(int)
    grid = np.array(list(product(*(range(-n, n + 1) for n in most))))
    lengths = np.linalg.norm(grid @ reciprocal, axis=1)
    first = np.array([next((m for m in row if m), 0) > 0 for row in grid])  # one of each ±g
    grid, lengths = grid[first & (lengths <= longest)], lengths[first & (lengths <= longest)]
    peaks = np.abs(np.exp(2j * np.pi * scaled @ grid.T).sum(axis=0)) ** 2
    strong = peaks >= STRONG * len(perfect) ** 2
    grid, lengths, peaks = grid[strong], lengths[strong], peaks[strong]
    taken = np.zeros(len(grid), bool)
    count = 0
    while count < shells or np.linalg.matrix_rank(grid[taken]) < 3:
        if taken.all():
            raise InputError(f"bias.shells {shells}: {perfect.symbols} has {count} strong shells")
        shortest = lengths[~taken].min()
        taken |= lengths <= shortest + 1e-4
        count += 1
    return grid[taken], peaks[taken]


class OrderBiased:
    """A potential with V = ½ N κ (O − target)² on top: energies and forces, stress unchanged.

    Args:
        stiffness: κ, eV per atom.
    """

    def __init__(
        self, potential: Potential, order: CrystallineOrder, stiffness: float, target: float
    ) -> None:
        self.potential, self.order = potential, order
        self.stiffness, self.target = stiffness, target
        self.cutoff = float(getattr(potential, "cutoff", 0.0))

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Biased energies and forces of all frames."""
        prediction = self.potential.evaluate(frames)
        energy, forces = prediction.energy.copy(), []
        for frame_index, (atoms, force) in enumerate(zip(frames, prediction.forces, strict=True)):
            away = self.order.value(atoms) - self.target
            strength = len(atoms) * self.stiffness * away
            energy[frame_index] += 0.5 * strength * away
            forces.append(force - strength * self.order.gradient(atoms))
        return Prediction(energy, forces, prediction.stress)
