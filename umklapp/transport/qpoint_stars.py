"""Stars: q-points that are equivalent by the symmetry of the crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from umklapp.transport.series import Procedure

SAME = 1e-5
"""Two reduced coordinates closer than this are one."""


@dataclass(frozen=True)
class Stars:
    """Which q-points are equivalent by symmetry.

    irreducible: (n_ir,) index of the first point of each star; of_point: (n_q,) star of each point;
    rotation: (n_q,) index of the operation W with q W = q_irreducible.
    """

    irreducible: np.ndarray
    of_point: np.ndarray
    rotation: np.ndarray


def find_stars(
    qpoints: np.ndarray, rotations: np.ndarray, procedure: Procedure = "umklapp"
) -> Stars:
    """Group q-points by symmetry.

    `vibes` does not move rotated points by reciprocal lattice vectors and compares only points of
    the same length in reduced coordinates, as FHI-vibes does; it finds more, smaller stars.

    Args:
        qpoints: (n_q, 3). rotations: (n_op, 3, 3), integer, of the direct lattice.
    """
    images = np.einsum("qi,oij->oqj", qpoints, rotations)
    if procedure == "umklapp":
        images = (images + SAME) % 1 - SAME
        own = _codes((qpoints + SAME) % 1 - SAME)
    else:
        own = _codes(qpoints)
    codes = _codes(images)
    if procedure == "vibes":
        lengths = np.linalg.norm(images, axis=2) - np.linalg.norm(qpoints, axis=1)
        comparable = np.where(np.abs(lengths) < 1e-9, codes, np.iinfo(np.int64).max)
    else:
        comparable = codes
    _, first, star = np.unique(comparable.min(axis=0), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    irreducible, of_point = first[order], rank[star]
    rotation = (codes == own[irreducible][of_point]).argmax(axis=0)
    return Stars(irreducible, of_point, rotation)


def _codes(points: np.ndarray) -> np.ndarray:
    """One integer per point (..., 3): equal where the points are, to about `SAME`."""
    # an irrational scale keeps fractions away from the borders between two integers
    parts = np.rint(points * np.sqrt(2) / SAME).astype(np.int64) + 2_000_000
    return np.asarray((parts[..., 0] * 4_000_000 + parts[..., 1]) * 4_000_000 + parts[..., 2])


def average_over_stars(values: np.ndarray, stars: Stars) -> np.ndarray:
    """Mean over equivalent q-points, (n_q, ...) to (n_q, ...); NaN if one of them is NaN."""
    means = np.array(
        [values[stars.of_point == k].mean(axis=0) for k in range(len(stars.irreducible))]
    )
    return np.asarray(means[stars.of_point])
