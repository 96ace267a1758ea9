"""A batch of frames that differ from each other, by their descriptors.

A choice of m of n frames costs m rows of distances: the table of all pairs is never made.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from umklapp import config

IDENTICAL = 0.02
"""Frames closer than this share of the median distance between candidates are the same frame."""

MOST_ROWS = 10_000
"""The median distance is that of all pairs of at most so many frames (0.4 GB), evenly drawn."""

BLOCK = 256
"""Rows of the Gram matrix that are in memory at a time."""


def diverse(descriptors: np.ndarray, wanted: np.ndarray, settings: config.Acquisition) -> list[int]:
    """Rows of a diverse batch; rows stand in the order in which they are wanted.

    Args:
        descriptors: (n, d). wanted: (n,).
    """
    closest = same_within(descriptors)
    quality = np.maximum(wanted, 1e-12)
    if settings.strategy == "random":  # the control draws, it does not spread out
        return distinct(descriptors, settings.batch_size, closest)
    if settings.diversity == "none":
        return distinct(descriptors, settings.batch_size, closest)
    if settings.diversity == "logdet":
        return log_determinant(descriptors, settings.batch_size, quality, closest)
    return farthest_points(descriptors, settings.batch_size, quality, closest)


def distinct(descriptors: np.ndarray, count: int, closest: float) -> list[int]:
    """The first rows that are not nearly the same as an earlier one; (n, d) → at most `count`."""
    free = np.ones(len(descriptors), bool)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        chosen.append(int(np.argmax(free)))
        free &= distances_to(descriptors, chosen[-1]) > closest
        free[: chosen[-1] + 1] = False
    return chosen


def same_within(descriptors: np.ndarray) -> float:
    """Distance below which two frames are the same frame; descriptors (n, d)."""
    if len(descriptors) < 2:
        return 0.0
    return max(IDENTICAL * median_distance(_evenly(descriptors, 200)), 1e-9)


def distances_to(descriptors: np.ndarray, row: int) -> np.ndarray:
    """Euclidean distances (n,) of all rows of (n, d) to one of them."""
    return np.asarray(cdist(descriptors, descriptors[row : row + 1])[:, 0])


def median_distance(descriptors: np.ndarray) -> float:
    """Median distance of all pairs of rows of (n, d), of `MOST_ROWS` of them where n is larger.

    |x − y|² = |x|² + |y|² − 2 x·y with rows about their mean, so that nothing large cancels.
    1 where there is no pair.
    """
    if len(descriptors) < 2:
        return 1.0
    rows = _evenly(descriptors, MOST_ROWS)
    rows = rows - rows.mean(axis=0)
    squares = np.einsum("nd,nd->n", rows, rows)
    pairs, filled = np.empty(len(rows) * (len(rows) - 1) // 2), 0
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        distance = squares[block, None] + squares[None, start:] - 2 * rows[block] @ rows[start:].T
        later = np.arange(distance.shape[1]) > np.arange(len(distance))[:, None]
        added = distance[later]
        pairs[filled : filled + len(added)] = added
        filled += len(added)
    np.sqrt(np.maximum(pairs, 0.0, out=pairs), out=pairs)  # the median of squares is another one
    return float(np.median(pairs, overwrite_input=True))


def _evenly(descriptors: np.ndarray, count: int) -> np.ndarray:
    if len(descriptors) <= count:
        return descriptors
    return np.asarray(descriptors[np.linspace(0, len(descriptors) - 1, count).astype(int)])


def farthest_points(
    descriptors: np.ndarray, count: int, quality: np.ndarray | None = None, closest: float = 1e-6
) -> list[int]:
    """Farthest-point sampling from row 0; (n, d) → at most `count` different row numbers.

    Args:
        quality: (n,) positive; the distance to the chosen rows is weighed with it.
        closest: rows closer than this to a chosen one are never taken.
    """
    weight = np.ones(len(descriptors)) if quality is None else quality
    chosen, distance = [0], distances_to(descriptors, 0)
    while len(chosen) < min(count, len(descriptors)):
        best = int(np.argmax(np.where(distance > closest, distance * weight, -1.0)))
        if distance[best] <= closest:
            break
        chosen.append(best)
        distance = np.minimum(distance, distances_to(descriptors, best))
    return chosen


def log_determinant(
    descriptors: np.ndarray, count: int, quality: np.ndarray, closest: float = 1e-6
) -> list[int]:
    """Greedy maximum of log det(q_i q_j exp(−d_ij²/2ℓ²)), ℓ the median distance (Chen et al. 2018).

    A Cholesky factor with pivots: one row of kernel and factor per chosen frame.

    Args:
        descriptors: (n, d). quality: (n,) positive.

    Returns:
        At most `count` row numbers; rows closer than `closest` to a chosen one are never taken.
    """
    n_rows, length = len(descriptors), max(median_distance(descriptors), 1e-12)
    count = min(count, n_rows)
    factors, residual = np.zeros((count, n_rows)), np.ones(n_rows)
    nearest = np.full(n_rows, np.inf)
    chosen = [int(np.argmax(quality))]
    while len(chosen) < count:
        last, done = chosen[-1], factors[: len(chosen) - 1]
        distance = distances_to(descriptors, last)
        kernel = np.exp(-0.5 * (distance / length) ** 2)
        row = (kernel - done.T @ done[:, last]) / np.sqrt(max(residual[last], 1e-12))
        factors[len(chosen) - 1] = row
        residual = np.maximum(residual - row**2, 0.0)
        nearest = np.minimum(nearest, distance)
        gain = np.where(nearest > closest, quality**2 * residual, -1.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
    return chosen
