"""Energies of modes that no choice of eigenvectors within a degenerate space changes.

Modes of one frequency and q-point span a space of dimension d in which every unitary rotation of
the eigenvectors is as good as another, and the energy of a single mode depends on it. With the
complex coordinates a of the space and ρ = a a†, the mean of ⟨δE_s(0) δE_s(t)⟩ over all rotations is

    ⟨δĒ(0) δĒ(t)⟩ + Σ_k ⟨r_k(0) r_k(t)⟩,    Ē = tr E / d,    r_k = 2ω² tr(ρ G_k) / √(d (d + 1)),

where G_k are the d² − 1 traceless Hermitian matrices with tr(G_k G_l) = δ_kl (second moment of the
unitary group). r_k vanish on average: they tell how energy sits within the space, and count like
fluctuations. Nothing is lost: the sum is as well averaged as d single modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umklapp.transport.supercell_modes import Modes, mode_coordinates

DEGENERATE = 1e-5
"""Difference of ω² of neighbouring modes, over the largest ω², below which they are one space."""


@dataclass(frozen=True)
class ModeEnergies:
    """Energies of the modes of a run, averaged over each degenerate space.

    energies: (n, n_q, n_b) eV, Ē. within: (n, m) eV, the r_k of all spaces. owners: (m, n_q, n_b),
    1 for the modes of the space that r_k belongs to.
    """

    energies: np.ndarray
    within: np.ndarray
    owners: np.ndarray

    @classmethod
    def of_single_modes(cls, energies: np.ndarray) -> ModeEnergies:
        """Of modes (n, n_q, n_b) eV that are not degenerate, or count as if they were not."""
        shape = energies.shape
        return cls(energies, np.zeros((shape[0], 0)), np.zeros((0, *shape[1:])))

    def first(self, length: int) -> ModeEnergies:
        """The first frames of the run."""
        return ModeEnergies(self.energies[:length], self.within[:length], self.owners)

    def to_modes(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (..., m) of the r_k over those of each mode's space, (..., n_q, n_b)."""
        return np.asarray(np.tensordot(values, self.owners, axes=1))


def spaces(frequencies: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """q-point and branches of every degenerate space of two modes or more.

    Args:
        frequencies: (n_q, n_b) THz, ascending.
    """
    squared = np.sign(frequencies) * frequencies**2
    apart = np.diff(squared, axis=1) > DEGENERATE * np.abs(squared).max()
    degenerate = []
    for q, borders in enumerate(apart):
        branches = np.split(np.arange(frequencies.shape[1]), np.flatnonzero(borders) + 1)
        degenerate += [(q, space) for space in branches if len(space) > 1]
    return degenerate


def average_over_spaces(values: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Values (..., n_q, n_b) of modes, those of a degenerate space replaced by their mean."""
    averaged = np.array(values)
    for q, space in spaces(frequencies):
        averaged[..., q, space] = averaged[..., q, space].mean(axis=-1, keepdims=True)
    return averaged


def mode_energies(displacements: np.ndarray, velocities: np.ndarray, modes: Modes) -> ModeEnergies:
    """Energies of the modes of a run; zero for translations.

    Args:
        displacements: (n, N, 3) Å from the sites of the supercell. velocities: (n, N, 3) Å/fs.
        modes: of the supercell.

    Raises:
        InputError: another number of atoms or frames.
    """
    coordinates = mode_coordinates(displacements, velocities, modes)
    omega = modes.solution.angular()
    squared = np.sign(omega) * omega**2
    energies = 2 * np.abs(coordinates) ** 2 * squared
    within, owners = [], []
    for q, space in spaces(modes.solution.frequencies):
        if not omega[q, space].all():
            continue  # translations hold no energy
        part = _within(coordinates[:, q, space]) * 2 * squared[q, space].mean()
        owner = np.zeros(omega.shape)
        owner[q, space] = 1
        within.append(part)
        owners += [owner] * part.shape[1]
    mean = average_over_spaces(energies, modes.solution.frequencies)
    if not within:
        return ModeEnergies.of_single_modes(mean)
    return ModeEnergies(mean, np.concatenate(within, axis=1), np.array(owners))


def _within(a: np.ndarray) -> np.ndarray:
    """tr(ρ G_k) / √(d (d + 1)) of coordinates (n, d): (n, d² − 1).

    Args:
        a: complex coordinates of a space.
    """
    d = a.shape[1]
    first, second = np.triu_indices(d, 1)
    products = np.sqrt(2) * a[:, first].conj() * a[:, second]
    steps = np.arange(1, d)
    weights = np.abs(a) ** 2
    diagonal = (np.cumsum(weights, axis=1)[:, :-1] - steps * weights[:, 1:]) / np.sqrt(
        steps * (steps + 1)
    )
    return np.concatenate([products.real, products.imag, diagonal], axis=1) / np.sqrt(d * (d + 1))
