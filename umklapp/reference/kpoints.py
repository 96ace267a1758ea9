"""Meshes of k-points of equal density in cells of every size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.cell import Cell


def kpoint_mesh(
    cell: Cell, density: float, least: Sequence[int] = (1, 1, 1)
) -> tuple[int, int, int]:
    """Smallest mesh with at least `density` points per Å⁻¹ along each reciprocal vector.

    Args:
        cell: lattice vectors in Å; reciprocal vectors contain 2π.
        density: points per Å⁻¹.
        least: no direction gets fewer points than this.
    """
    lengths = 2 * np.pi * np.linalg.norm(cell.reciprocal().array, axis=1)
    n1, n2, n3 = (
        max(int(few), int(np.ceil(density * length - 1e-6)))
        for few, length in zip(least, lengths, strict=True)
    )
    return n1, n2, n3
