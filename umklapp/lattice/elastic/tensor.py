"""Second- and fourth-order tensors as vectors and matrices of six.

Inside, the orthonormal (Mandel) notation: shear components of strain and of stress alike carry a
factor √2, so that a rotation is an orthogonal matrix and eigenvalues mean something (Mehrabadi and
Cowin, Q. J. Mech. Appl. Math. 43, 15 (1990)). Outside, Voigt's with engineering shears.
"""

from __future__ import annotations

import numpy as np

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Voigt order of the components, as ASE has it."""

SCALE = np.array([1.0, 1.0, 1.0, np.sqrt(2), np.sqrt(2), np.sqrt(2)])


def vector(matrix: np.ndarray) -> np.ndarray:
    """Mandel vector (6,) of a symmetric (3, 3) matrix."""
    return np.array([matrix[pair] for pair in PAIRS]) * SCALE


def matrix(vector: np.ndarray) -> np.ndarray:
    """Symmetric (3, 3) matrix of a Mandel vector (6,)."""
    symmetric = np.zeros((3, 3))
    for (i, j), value in zip(PAIRS, vector / SCALE, strict=True):
        symmetric[i, j] = symmetric[j, i] = value
    return symmetric


def to_voigt(stiffness: np.ndarray) -> np.ndarray:
    """Voigt C_IJ (6, 6) of a stiffness in Mandel notation."""
    return np.asarray(stiffness / np.outer(SCALE, SCALE))


def from_voigt(stiffness: np.ndarray) -> np.ndarray:
    """Mandel matrix (6, 6) of a stiffness in Voigt notation."""
    return np.asarray(np.asarray(stiffness) * np.outer(SCALE, SCALE))


def six(rotation: np.ndarray) -> np.ndarray:
    """Orthogonal (6, 6) matrix of a (3, 3) rotation, proper or not, on Mandel vectors."""
    return np.stack([vector(rotation @ matrix(unit) @ rotation.T) for unit in np.eye(6)], axis=1)


def rotate(stiffness: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """A Mandel stiffness (6, 6) in axes turned by `rotation` (3, 3): C'_ijkl = R_ia R_jb … C_ab…"""
    turn = six(rotation)
    return np.asarray(turn @ stiffness @ turn.T)


def under_stress(stiffness: np.ndarray, stress: np.ndarray) -> np.ndarray:
    """Stress–strain coefficients B (Mandel, symmetric part) from C and the stress it is under.

    B_ijkl = C_ijkl + ½(σ_ik δ_jl + σ_il δ_jk + σ_jk δ_il + σ_jl δ_ik) − ½(σ_ij δ_kl + δ_ij σ_kl),
    Wallace, Phys. Rev. 162, 776 (1967); its positive definiteness is what a crystal under stress
    needs to be stable: Wang, Li, Yip, Phillpot, Wolf, Phys. Rev. B 52, 12627 (1995).

    Args:
        stiffness: C = ∂²E/∂η∂η / V as a Mandel matrix.
        stress: Cauchy stress σ (3, 3) in the units of `stiffness`.
    """
    delta = np.eye(3)
    ones = vector(delta)
    mixed = np.empty((6, 6))
    for column, unit in enumerate(np.eye(6)):
        strain = matrix(unit)
        mixed[:, column] = vector(stress @ strain + strain @ stress)
    pressure = np.outer(vector(stress), ones)
    return np.asarray(stiffness + mixed - (pressure + pressure.T) / 2)
