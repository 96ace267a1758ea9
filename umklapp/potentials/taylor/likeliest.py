"""The force constants and the noise that residual forces of labels make most likely.

The noise of a frame is the same for all, or grows with its displacements. With fewer forces than
free numbers the design of all frames is decomposed; with more, its square, which is summed over the
frames: the memory does not grow with the number of labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.regression import Projection, Regression, Spectrum
from umklapp.potentials.taylor.residual import noise_scales

LEAST_SCALE = 0.03
"""Of the noise of a quiet frame, over the hottest one's: numerical noise has no amplitude."""

POWERS = (0, 1, 2)
"""The noise of a frame goes with its squared displacement to one of these: it is numerical, or what
the expansion leaves out, of the order after the third or after the fourth."""


@dataclass(frozen=True)
class Fit:
    """z: free numbers in units of the prior; noise: of the hottest frame, eV/Å; evidence: per
    force."""

    z: np.ndarray
    noise: float
    evidence: float


def likeliest(prior: Prior, u: np.ndarray, residuals: np.ndarray, noise: float) -> list[Fit]:
    """For every potential the fit of its residuals under the power that makes them most likely.

    Args:
        prior: of the supercell. u: (n_frames, N, 3) Å, displacements.
        residuals: (n_potentials, n_frames, N, 3) eV/Å. noise: least σ, eV/Å.
    """
    scales = noise_scales(u, LEAST_SCALE)
    n_free = prior.n_free
    decompose = _summed if residuals[0].size > n_free else _stacked
    fits: list[list[Fit]] = [[] for _ in residuals]
    for power, spectrum, projections in decompose(prior, u, residuals, scales):
        offset = float(np.mean(np.log(scales**power)))
        for own, y in zip(fits, projections, strict=True):
            sigma = spectrum.likeliest_noise(y, noise)
            evidence = spectrum.evidence(y, sigma) - offset
            own.append(Fit(spectrum.posterior(y, sigma), sigma, evidence))
    return [max(own, key=lambda fit: fit.evidence) for own in fits]


Decomposed = Iterator[tuple[int, Spectrum, list[Projection]]]
"""Power of the noise, modes of the design and every potential's residual in them."""


def _stacked(prior: Prior, u: np.ndarray, residuals: np.ndarray, scales: np.ndarray) -> Decomposed:
    per_force = np.repeat(scales, u[0].size)
    design = prior.scaled_design(u).reshape(len(per_force), -1)
    for power in POWERS:
        weights = per_force**power
        regression = Regression(design / weights[:, None], 1.0)
        yield (
            power,
            regression.spectrum,
            [regression.project(y.ravel() / weights) for y in residuals],
        )


def _summed(prior: Prior, u: np.ndarray, residuals: np.ndarray, scales: np.ndarray) -> Decomposed:
    n_free = prior.n_free
    squares = np.zeros((len(POWERS), n_free, n_free))
    products = np.zeros((len(POWERS), len(residuals), n_free))
    totals = np.zeros((len(POWERS), len(residuals)))
    for frame, shift in enumerate(u):
        design = prior.scaled_design(shift[None])[0]
        y = residuals[:, frame].reshape(len(residuals), -1)
        square, product, total = design.T @ design, y @ design, np.sum(y**2, axis=1)
        for index, power in enumerate(POWERS):
            weight = scales[frame] ** (-2 * power)
            squares[index] += weight * square
            products[index] += weight * product
            totals[index] += weight * total
    for power, square, product, total in zip(POWERS, squares, products, totals, strict=True):
        spectrum, count = Spectrum.of_square(square), residuals[0].size
        pairs = zip(product, total.tolist(), strict=True)
        yield power, spectrum, [spectrum.project(own, norm, count) for own, norm in pairs]


def rest(prior: Prior, u: np.ndarray, residual: np.ndarray, z: np.ndarray) -> float:
    """Rms force that free numbers z leave of a potential's residual, eV/Å.

    Args:
        u: (n_frames, N, 3) Å. residual: (n_frames, N, 3) eV/Å. z: (n_free,).
    """
    designs = (prior.scaled_design(shift[None])[0] for shift in u)
    squares = [
        np.sum((own.ravel() - design @ z) ** 2)
        for own, design in zip(residual, designs, strict=True)
    ]
    return float(np.sqrt(np.sum(squares) / residual.size))
