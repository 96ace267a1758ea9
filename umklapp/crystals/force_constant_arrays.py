"""Second-order force constants of N atoms in the two shapes that programs use."""

from __future__ import annotations

import numpy as np


def as_matrix(blocks: np.ndarray) -> np.ndarray:
    """Φ_iajb from Φ_ijab: (N, N, 3, 3), a block of each pair of atoms, to (3N, 3N)."""
    n_atoms = len(blocks)
    return np.asarray(blocks).transpose(0, 2, 1, 3).reshape(3 * n_atoms, 3 * n_atoms)


def as_blocks(matrix: np.ndarray) -> np.ndarray:
    """Φ_ijab from Φ_iajb: (3N, 3N) to (N, N, 3, 3), a block of each pair of atoms."""
    n_atoms = len(matrix) // 3
    return np.asarray(matrix).reshape(n_atoms, 3, n_atoms, 3).transpose(0, 2, 1, 3)
