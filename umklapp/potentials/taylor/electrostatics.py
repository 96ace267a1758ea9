"""Energy and forces of point charges by Ewald summation, for many displaced copies of one cell.

The charges q = Z*/√ε∞ are those of ions in a dielectric: their dipole–dipole force constants are
the long-range ones of the crystal. Sums run over all images; the cell must be neutral. The list
of pairs is shared by all copies: 5 to 30 times faster than matscipy's calculator, whose own choice
of wave vectors does not run with numpy 2; the tests compare with it.
"""

from __future__ import annotations

import numpy as np
from phonopy.physical_units import get_physical_units
from scipy.special import erfc

from umklapp.errors import InputError

COULOMB = float(get_physical_units().Hartree * get_physical_units().Bohr)
"""e²/4πε₀ in eV Å."""

ACCURACY = 1e-11
"""Gaussians are cut off where they have fallen to this value."""


def screened_charges(born: np.ndarray, dielectric: np.ndarray) -> np.ndarray:
    """Isotropic charges q_i = tr Z*_i / (3 √(tr ε∞ / 3)), shifted to an exactly neutral sum.

    Args:
        born: (n_atoms, 3, 3) Born charges in e.
        dielectric: (3, 3) ε∞.

    Returns:
        (n_atoms,) charges in e.

    Raises:
        InputError: the dielectric constant is not positive.
    """
    epsilon = float(np.trace(dielectric)) / 3
    if not epsilon > 0:
        raise InputError(f"dielectric constant {epsilon:g}: it must be positive")
    charges = np.trace(np.asarray(born), axis1=1, axis2=2) / (3 * np.sqrt(epsilon))
    return charges - charges.mean()


def ewald(
    cell: np.ndarray,
    positions: np.ndarray,
    charges: np.ndarray,
    splitting: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Energies and forces of point charges in displaced copies of one cell.

    E = ½ Σ_{ijT} q_i q_j erfc(αr)/r + (2π/V) Σ_{k≠0} exp(−k²/4α²)/k² |S(k)|² − α/√π Σ_i q_i²,
    S(k) = Σ_i q_i exp(ik·r_i), times e²/4πε₀; F = −∂E/∂r.

    Args:
        cell: (3, 3) Å, rows are lattice vectors.
        positions: (n_frames, n_atoms, 3) Å, copies of the first that differ by small displacements.
        charges: (n_atoms,) e.
        splitting: α in 1/Å; the result does not depend on it. Default: equal work in both sums.

    Returns:
        Energies (n_frames,) eV and forces (n_frames, n_atoms, 3) eV/Å.

    Raises:
        InputError: the charges do not add up to zero.
    """
    if abs(charges.sum()) > 1e-8:
        raise InputError(
            f"the cell has charge {charges.sum():g} e; an Ewald sum needs a neutral one"
        )
    volume = abs(np.linalg.det(cell))
    alpha = splitting or np.sqrt(np.pi) * (len(charges) / volume**2) ** (1 / 6)
    reach = np.sqrt(-np.log(ACCURACY))
    margin = 2 * float(np.linalg.norm(positions - positions[0], axis=-1).max())
    pairs = _pairs(cell, positions[0], reach / alpha + margin)
    waves, weights = _waves(cell, volume, alpha, 2 * alpha * reach)
    own = alpha / np.sqrt(np.pi) * float((charges**2).sum())
    energies, forces = np.empty(len(positions)), np.empty(positions.shape)
    for frame_index, frame in enumerate(positions):
        near = _real_space(frame, charges, alpha, *pairs)
        far = _reciprocal_space(frame, charges, waves, weights)
        energies[frame_index] = COULOMB * (near[0] + far[0] - own)
        forces[frame_index] = COULOMB * (near[1] + far[1])
    return energies, forces


def _grid(reach: int) -> np.ndarray:
    axis = np.arange(-reach, reach + 1)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def _images(vectors: np.ndarray, radius: float) -> np.ndarray:
    """Integer combinations that reach every lattice point within the radius of any cell point."""
    heights = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0)
    return _grid(int(np.ceil(radius / heights.min())) + 1) @ vectors


def _pairs(
    cell: np.ndarray, positions: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First atoms, second atoms and image shifts (Å) of all ordered pairs within the cutoff."""
    difference = positions[:, None] - positions[None]
    first, second, shifts = [], [], []
    for shift in _images(cell, cutoff):
        distance = np.linalg.norm(difference + shift, axis=-1)
        i, j = np.nonzero((distance < cutoff) & (distance > 1e-3))
        first.append(i)
        second.append(j)
        shifts.append(np.tile(shift, (len(i), 1)))
    return np.concatenate(first), np.concatenate(second), np.concatenate(shifts)


def _waves(
    cell: np.ndarray, volume: float, alpha: float, cutoff: float
) -> tuple[np.ndarray, np.ndarray]:
    """Reciprocal vectors k within the cutoff (1/Å) and 4π/V exp(−k²/4α²)/k²."""
    vectors = _images(2 * np.pi * np.linalg.inv(cell).T, cutoff)
    square = (vectors**2).sum(axis=1)
    inside = (square > 1e-12) & (square < cutoff**2)
    vectors, square = vectors[inside], square[inside]
    return vectors, 4 * np.pi / volume * np.exp(-square / (4 * alpha**2)) / square


def _real_space(
    positions: np.ndarray,
    charges: np.ndarray,
    alpha: float,
    first: np.ndarray,
    second: np.ndarray,
    shifts: np.ndarray,
) -> tuple[float, np.ndarray]:
    vector = positions[first] - positions[second] + shifts
    r = np.linalg.norm(vector, axis=1)
    product, screened = charges[first] * charges[second], erfc(alpha * r) / r
    gauss = 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * r) ** 2))
    pull = (product * (screened + gauss) / r**2)[:, None] * vector
    forces = np.stack(
        [np.bincount(first, pull[:, axis], minlength=len(positions)) for axis in range(3)], axis=1
    )
    return 0.5 * float(product @ screened), forces


def _reciprocal_space(
    positions: np.ndarray, charges: np.ndarray, waves: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    phase = np.exp(1j * (positions @ waves.T))
    structure = charges @ phase
    forces = charges[:, None] * ((np.imag(phase * structure.conj()) * weights) @ waves)
    return 0.5 * float(weights @ np.abs(structure) ** 2), forces
