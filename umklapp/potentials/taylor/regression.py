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
class Regression:
    """The linear model on some frames.

    scaled: A = X L, (n_data, n_free) eV/Å; noise: σ, eV/Å.
    """

    scaled: np.ndarray
    noise: float

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return linalg.svd(self.scaled, full_matrices=False)

    def posterior(self, y: np.ndarray) -> np.ndarray:
        """Mean z of the posterior in units of the prior, x = L z.

        z = Aᵀ K⁻¹ y. Args: y: (n_data,) eV/Å. Returns: (n_free,).
        """
        left, singular, right = self._modes
        return right.T @ (singular / (singular**2 + self.noise**2) * (left.T @ y))

    def evidence(self, y: np.ndarray) -> float:
        """Log marginal likelihood per datum, without its constant: −½(yᵀK⁻¹y + ln|K|)/n_data."""
        left, singular, _ = self._modes
        inside = left.T @ y
        outside = max(float(y @ y - inside @ inside), 0.0) / self.noise**2
        square = singular**2 + self.noise**2
        log_determinant = np.log(square).sum()
        log_determinant += (len(y) - len(singular)) * np.log(self.noise**2)
        return float(-0.5 * (outside + (inside**2 / square).sum() + log_determinant) / len(y))

    def likeliest(self, y: np.ndarray) -> Regression:
        """The same model with the noise under which y is most likely, at least the present one.

        Args:
            y: (n_data,) eV/Å.
        """

        def loss(logarithm: float) -> float:
            return -self._with(float(np.exp(logarithm))).evidence(y)

        least, largest = np.log(self.noise), np.log(max(LARGEST_NOISE, self.noise))
        grid = np.linspace(least, largest, 25)
        place = int(np.argmin([loss(value) for value in grid]))
        around = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
        best = optimize.minimize_scalar(loss, bounds=around, method="bounded")
        return self._with(float(np.exp(min(best.x, grid[place], key=loss))))

    def _with(self, noise: float) -> Regression:
        """Another noise, the same singular vectors."""
        other = replace(self, noise=noise)
        other.__dict__["_modes"] = self._modes
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
