"""Bayesian linear regression of force constants: prior, posterior, evidence, whitening.

Forces are y = X x + noise with x ~ N(0, L Lᵀ) and noise ~ N(0, σ²), so y ~ N(0, K),
K = A Aᵀ + σ² I with A = X L.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg, optimize

from umklapp.potentials.taylor.basis import Expansion

LARGEST_NOISE = 0.1
"""eV/Å; labels that are worse determine no third derivatives."""


def root_from_widths(expansion: Expansion, widths: np.ndarray) -> np.ndarray:
    """Square root L of the prior covariance of the free numbers, (n_free, n_free).

    Every column c of the symmetric expansion has an independent element of standard deviation
    `widths[c]`, conditioned on the sum rules: (L Lᵀ)⁻¹ = Bᵀ diag(e²/w²) B, with e the largest
    element of the column.

    Args:
        widths: (n_columns,) eV/Å^q.
    """
    if not len(widths):
        return np.empty((0, 0))
    precision = (expansion.largest_elements() / widths) ** 2
    factor = linalg.cholesky(expansion.free.T @ (precision[:, None] * expansion.free), lower=True)
    return linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).T


def decaying_widths(
    expansion: Expansion, width: float, decay: float, boost: float, bond: float
) -> np.ndarray:
    """Standard deviations w (bond/d)^decay of elements with cluster diameter d, (n_columns,).

    Args:
        width: w in eV/Å^q.
        decay: exponent.
        boost: factor for clusters within the nearest-neighbour shell.
        bond: distance of nearest neighbours (Å).
    """
    diameter = np.maximum(expansion.diameters(), bond)
    return width * (bond / diameter) ** decay * np.where(diameter < bond + 0.1, boost, 1.0)


@dataclass(frozen=True)
class Projection:
    """Data in the modes of a `Spectrum`.

    coefficients: uᵀy of every mode, (n_modes,) eV/Å; total: yᵀy, (eV/Å)²; count: n_data.
    """

    coefficients: np.ndarray
    total: float
    count: int


@dataclass(frozen=True)
class Spectrum:
    """Singular values and right vectors of A = X L.

    singular: (n_modes,) eV/Å; right: (n_modes, n_free).
    """

    singular: np.ndarray
    right: np.ndarray

    @classmethod
    def of_square(cls, square: np.ndarray) -> Spectrum:
        """From AᵀA (n_free, n_free), a sum over frames: for more data than free numbers.

        Modes below 1e-7 of the largest are lost in the rounding of the square, and left out.
        """
        values, vectors = linalg.eigh(square)
        kept = values > 1e-14 * max(values[-1], 0.0)
        return cls(np.sqrt(values[kept]), vectors[:, kept].T)

    def project(self, product: np.ndarray, total: float, count: int) -> Projection:
        """Data y as Aᵀy (n_free,), yᵀy and how many they are."""
        return Projection(self.right @ product / self.singular, total, count)

    def posterior(self, y: Projection, noise: float) -> np.ndarray:
        """Mean z of the posterior in units of the prior, x = L z, (n_free,): z = Aᵀ K⁻¹ y."""
        gain = self.singular / (self.singular**2 + noise**2)
        return self.right.T @ (gain * y.coefficients)

    def evidence(self, y: Projection, noise: float) -> float:
        """Log marginal likelihood per datum, without its constant: −½(yᵀK⁻¹y + ln|K|)/n_data."""
        inside = y.coefficients**2
        outside = max(y.total - float(inside.sum()), 0.0) / noise**2
        square = self.singular**2 + noise**2
        log_determinant = np.log(square).sum()
        log_determinant += (y.count - len(square)) * np.log(noise**2)
        return float(-0.5 * (outside + (inside / square).sum() + log_determinant) / y.count)

    def likeliest_noise(self, y: Projection, least: float) -> float:
        """σ under which y is most likely, at least `least`, eV/Å."""

        def loss(logarithm: float) -> float:
            return -self.evidence(y, float(np.exp(logarithm)))

        grid = np.linspace(np.log(least), np.log(max(LARGEST_NOISE, least)), 25)
        place = int(np.argmin([loss(value) for value in grid]))
        around = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
        best = optimize.minimize_scalar(loss, bounds=around, method="bounded")
        return float(np.exp(min(best.x, grid[place], key=loss)))


@dataclass(frozen=True)
class Regression:
    """The linear model on some frames.

    scaled: A = X L, (n_data, n_free) eV/Å; noise: σ, eV/Å.
    """

    scaled: np.ndarray
    noise: float

    @cached_property
    def _decomposed(self) -> tuple[np.ndarray, Spectrum]:
        left, singular, right = linalg.svd(self.scaled, full_matrices=False)
        return left, Spectrum(singular, right)

    @property
    def spectrum(self) -> Spectrum:
        """Its modes."""
        return self._decomposed[1]

    def project(self, y: np.ndarray) -> Projection:
        """y (n_data,) eV/Å in these modes."""
        return Projection(self._decomposed[0].T @ y, float(y @ y), len(y))

    def posterior(self, y: np.ndarray) -> np.ndarray:
        """`Spectrum.posterior` of y (n_data,) eV/Å."""
        return self.spectrum.posterior(self.project(y), self.noise)

    def evidence(self, y: np.ndarray) -> float:
        """`Spectrum.evidence` of y (n_data,) eV/Å."""
        return self.spectrum.evidence(self.project(y), self.noise)

    def likeliest(self, y: np.ndarray) -> Regression:
        """The same model with the noise under which y is most likely, at least the present one.

        Args:
            y: (n_data,) eV/Å.
        """
        noise = self.spectrum.likeliest_noise(self.project(y), self.noise)
        other = replace(self, noise=noise)
        other.__dict__["_decomposed"] = self._decomposed
        return other

    def whitener(self) -> np.ndarray:
        """W with WᵀW = K⁻¹, (n_data, n_data) Å/eV, so that |W r|² = rᵀK⁻¹r.

        The squared norm of a whitened residual is minus twice its log likelihood, with all
        force constants integrated out.
        """
        kernel = self.scaled @ self.scaled.T
        kernel[np.diag_indices_from(kernel)] += self.noise**2
        factor = linalg.cholesky(kernel, lower=True)
        return linalg.solve_triangular(factor, np.eye(len(factor)), lower=True)
