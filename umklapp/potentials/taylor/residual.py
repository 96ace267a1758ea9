"""What a potential leaves of labels, as force constants with their uncertainty.

The residual forces of labels in one supercell are a Taylor expansion with the Gaussian prior of
`taylor.prior`, y = Σ_q τ_q A_q z_q + ε, z ~ N(0, 1). What the expansion leaves out grows at least
with the square of the displacements, so ε ~ N(0, σ_f²) with σ_f = σ (a_f/a)², a_f the rms
displacement of frame f and a the largest of them, but at least the numerical noise: a
cell with one displaced atom knows the harmonic part better than a hot one. The scales τ_q of the
three orders and σ are those under which the residuals are most likely (Bishop, Pattern Recognition
and Machine Learning, 3.5).

The labels must be fresh. A potential fits what it has learned from, noise included: its residuals
are small there, and what is left of them goes with what the fit got wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy import linalg, optimize

from umklapp.potentials.taylor.model import TaylorModel, displacements
from umklapp.potentials.taylor.prior import Prior

RANGE = (1e-12, 1e4)
"""Of τ², the square of an order's scale in units of its prior width."""

LARGEST_NOISE = 1.0
"""eV/Å."""


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of linear regression: AᵀA (n, n), Aᵀy (n,), yᵀy, and how many y."""

    square: np.ndarray
    product: np.ndarray
    total: float
    count: int

    @classmethod
    def of(cls, design: np.ndarray, y: np.ndarray) -> Moments:
        """From A (n_data, n) and y (n_data,)."""
        return cls(design.T @ design, design.T @ y, float(y @ y), len(y))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.square + other.square,
            self.product + other.product,
            self.total + other.total,
            self.count + other.count,
        )


@dataclass(frozen=True)
class Posterior:
    """Gaussian of the free numbers in units of the prior.

    mean: (n,); root: (n, n) R with covariance R Rᵀ; scales: (n_orders,) τ; noise: σ, eV/Å.
    """

    mean: np.ndarray
    root: np.ndarray
    scales: np.ndarray
    noise: float

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """(n,) free numbers."""
        return np.asarray(self.mean + self.root @ generator.normal(size=self.root.shape[1]))


def _fit(
    moments: Moments, orders: np.ndarray, parameters: np.ndarray
) -> tuple[float, np.ndarray, Posterior]:
    """Log evidence, its gradient by ln τ_q² and ln σ², and the posterior.

    Args:
        orders: (n,) number of the order of each free number.
        parameters: ln τ_q² of every order, then ln σ².
    """
    widths, noise = np.exp(parameters[:-1] / 2)[orders], float(np.exp(parameters[-1]))
    n = len(orders)
    precision = moments.square * widths[:, None] * widths / noise + np.eye(n)
    factor = linalg.cholesky(precision, lower=True)
    root = linalg.solve_triangular(factor, np.eye(n), lower=True).T
    covariance = root @ root.T
    mean = covariance @ (widths * moments.product) / noise
    physical = widths * mean
    left = moments.total - 2 * physical @ moments.product + physical @ moments.square @ physical
    left = max(float(left), 0.0)
    determinant = 2 * np.log(np.diag(factor)).sum() + moments.count * np.log(2 * np.pi * noise)
    evidence = -0.5 * (left / noise + mean @ mean + determinant)
    well_determined = 1 - np.diag(covariance)
    slope = [
        0.5 * (mean[orders == q] @ mean[orders == q] - well_determined[orders == q].sum())
        for q in range(len(parameters) - 1)
    ]
    slope.append(0.5 * (left / noise + well_determined.sum() - moments.count))
    scales = np.exp(parameters[:-1] / 2)
    fitted = Posterior(physical, widths[:, None] * root, scales, float(np.sqrt(noise)))
    return float(evidence), np.array(slope), fitted


def posterior(moments: Moments, orders: np.ndarray, noise: float) -> Posterior:
    """The posterior under the scales and the noise that make the data most likely.

    Args:
        orders: (n,) number of the order of each free number, from 0.
        noise: least σ, eV/Å.
    """

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope, _ = _fit(moments, orders, parameters)
        return -value / moments.count, -slope / moments.count

    size = np.sqrt(moments.total / moments.count)
    strength = np.array(
        [max(np.trace(moments.square[np.ix_(orders == q, orders == q)]), 1e-300) / moments.count
         for q in range(orders.max() + 1)]
    )  # fmt: skip
    least = np.log(noise**2)
    bounds = [tuple(np.log(RANGE))] * len(strength) + [(least, np.log(LARGEST_NOISE**2))]
    start = np.log(np.append(size**2 / (2 * strength), max(size**2 / 10, noise**2)) + 1e-300)
    start = np.clip(start, *np.array(bounds).T)
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return _fit(moments, orders, best.x)[2]


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def noise_scales(u: np.ndarray, floor: float) -> np.ndarray:
    """σ_f/σ of every frame, (a_f/a)² with a_f its rms displacement and a the largest, (n_frames,).

    Args:
        u: (n_frames, N, 3) Å. floor: no frame has less.
    """
    sizes = np.sqrt(np.mean(u**2, axis=(1, 2)))
    largest = sizes.max()
    squares = (sizes / largest) ** 2 if largest else np.ones(len(u))
    return np.maximum(squares, floor)


class Residual:
    """The posterior of what a potential leaves of labels in the supercell of a prior.

    Args:
        prior: of the force constants; its widths are the shape, their scale is learned.
        labels: in that supercell, which the potential has not learned from.
        forces: (n, N, 3) eV/Å, the potential's.

    Raises:
        InputError: a frame is no displacement of the supercell.
    """

    def __init__(self, prior: Prior, labels: Sequence[Atoms], forces: Sequence[np.ndarray]) -> None:
        self.prior = prior
        sizes = [len(root) for root in prior.roots]
        self.orders = np.repeat(np.arange(len(sizes)), sizes)
        rest = np.array([a.get_forces() - f for a, f in zip(labels, forces, strict=True)])
        u, noise = displacements(prior.perfect, labels), prior.settings.noise
        sigma = max(_rms(rest), noise)
        for _ in range(2):  # the floor of the noise is relative to σ, which the first pass finds
            moments = self._moments(u, rest, noise / sigma)
            self.posterior = posterior(moments, self.orders, noise)
            sigma = self.posterior.noise

    def _moments(self, u: np.ndarray, residual: np.ndarray, floor: float) -> Moments:
        total: Moments | None = None
        for shift, y, scale in zip(u, residual, noise_scales(u, floor), strict=True):
            design = self.prior.scaled_design(shift[None])[0]
            own = Moments.of(design / scale, y.ravel() / scale)
            total = own if total is None else total + own
        assert total is not None, "there are labels"
        return total

    def mean(self) -> TaylorModel:
        """What the potential lacks, as far as the labels say."""
        return self.model(self.posterior.mean)

    def draw(self, generator: np.random.Generator) -> TaylorModel:
        """What it may lack as well as the labels can tell."""
        return self.model(self.posterior.draw(generator))

    def model(self, z: np.ndarray) -> TaylorModel:
        """Force constants of free numbers z, without the prior's own baseline."""
        bare, full = self.prior.baseline, self.prior.model(z, 0.0)
        return TaylorModel(
            full.perfect, 0.0, full.harmonic - bare.harmonic, full.cubic - bare.cubic,
            full.quartic, full.quartic_index, full.rows, full.permutations,
        )  # fmt: skip
