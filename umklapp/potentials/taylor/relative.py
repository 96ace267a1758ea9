"""A prior of what a potential lacks, as wide as its own force constants.

The widths of `potential.taylor` fall off with the sixth power of the distance. The errors of a
foundation model do not: the third order of nequix-oam-1-pft for NaCl is wrong by about a fifth of
itself in most shells beyond nearest neighbours (`benchmarks/third_order.py`). Here an element may
be wrong in proportion to the rms of the potential's own elements of its order and diameter;
`taylor.residual` learns the factor of every order. The errors that the labels leave are then a
matter of course to the prior, so that draws from the posterior contain them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from umklapp.potentials.contract import Potential
from umklapp.potentials.taylor.basis import Expansion
from umklapp.potentials.taylor.likeliest import likeliest
from umklapp.potentials.taylor.model import displacements
from umklapp.potentials.taylor.prior import Prior

SHELL = 0.05
"""Å; clusters whose diameters round to the same multiple of it are one shell."""

LEAST = 1e-4
"""Of the widest shell: what a potential of short range may lack where it has no force constants."""

OVERSAMPLING = 2.0
"""Forces on the frames that a potential's own force constants are fitted to, over free numbers."""

SEED = 0
"""Of the displacements of these frames."""


def relative_to(prior: Prior, potential: Potential, labels: Sequence[Atoms]) -> Prior:
    """The prior with widths of the second and third order in proportion to a potential's own.

    An order in which the potential has no force constants keeps its widths.

    Args:
        labels: displaced supercells; the potential's own force constants are those at displacements
            of their size.

    Raises:
        InputError: a label is no displacement of the supercell.
    """
    size = float(np.sqrt(np.mean(displacements(prior.perfect, labels) ** 2)))
    second, third = own_constants(prior, potential, size)
    harmonic, cubic, _ = prior.expansions
    return prior.with_widths(widths(harmonic, second), widths(cubic, third))


def own_constants(prior: Prior, potential: Potential, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Free numbers x of the second and the third order of a potential, (n_free,) each.

    Args:
        size: rms displacement (Å) of the frames whose forces are fitted.
    """
    perfect = prior.perfect
    count = math.ceil(OVERSAMPLING * prior.n_free / (3 * len(perfect)))
    u = np.random.default_rng(SEED).normal(scale=size, size=(count, len(perfect), 3))
    u -= u.mean(axis=1, keepdims=True)
    frames = [perfect.copy() for _ in u]
    for frame, shift in zip(frames, u, strict=True):
        frame.positions += shift
    forces = np.array(potential.evaluate(frames).forces)
    fit = likeliest(prior, u, forces[None], prior.settings.noise)[0]
    second, third, _ = prior.parts(fit.z)
    return second, third


def widths(expansion: Expansion, x: np.ndarray) -> np.ndarray:
    """Rms of the elements of every column's shell, or of a farther one where that is larger.

    Args:
        x: (n_free,) free numbers of the force constants.

    Returns:
        (n_columns,) eV/Å^q; zeros where x is zero.
    """
    elements = (expansion.free @ x) * expansion.largest_elements()
    shells, shell = np.unique(np.rint(expansion.diameters() / SHELL), return_inverse=True)
    squares = np.bincount(shell, weights=elements**2, minlength=len(shells))
    rms = np.sqrt(squares / np.bincount(shell, minlength=len(shells)))
    outward = np.maximum.accumulate(rms[::-1])[::-1]
    return np.asarray(np.maximum(outward, LEAST * outward[:1].sum())[shell])
