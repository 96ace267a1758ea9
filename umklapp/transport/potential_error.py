"""What the residual forces of fresh labels do to κ.

A force error does not say how wrong κ is: κ needs second and third derivatives in one supercell.
The residual of labels in that supercell gives a posterior of the force constants that the
potential lacks (`taylor.residual`); κ of draws from it, around κ as it is computed, is the error.
It holds the bias (how far κ moves when the labels are learned) and the uncertainty that is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from phono3py import Phono3py

from umklapp import config
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.potentials.taylor.model import TaylorModel
from umklapp.potentials.taylor.residual import Residual
from umklapp.transport import bte
from umklapp.transport.error_budget import ErrorPart
from umklapp.wording import counted

DRAWS = 8
"""Their rms is known to a quarter: 1/√(2 × 8)."""


@dataclass(frozen=True)
class ResidualKappa:
    """κ with what the potential lacks, (n_T,) W/(m K) on one mesh.

    production: as it is. learned: with the mean of the posterior. draws: (n_draws, n_T), 0 where a
    draw makes the crystal unstable.
    """

    production: np.ndarray
    learned: np.ndarray
    draws: np.ndarray

    @property
    def relative_error(self) -> np.ndarray:
        """rms over the draws of κ/κ(production) − 1, (n_T,)."""
        return np.asarray(np.sqrt(np.mean((self.draws / self.production - 1) ** 2, axis=0)))

    @property
    def relative_shift(self) -> np.ndarray:
        """κ(learned)/κ(production) − 1, (n_T,)."""
        return np.asarray(self.learned / self.production - 1)

    @property
    def unstable(self) -> int:
        """Draws without κ."""
        return int((self.draws == 0).all(axis=1).sum())

    def part(self, kappa: Sequence[float], labels: int) -> ErrorPart:
        """The part of the budget of κ (n_T,) W/(m K), from that many fresh labels."""
        text = (
            f"κ with the force constants that are missing by {counted(labels, 'label')} from which "
            f"nothing has learned: rms over {len(self.draws)} draws of their posterior, bias and "
            "uncertainty together"
        )
        if self.unstable:
            text += f"; {self.unstable} draws are unstable and count as an error of 100 %"
        error = self.relative_error * np.array(kappa)
        return ErrorPart(
            name="residual", source="potential", text=text, error_W_per_mK=np.abs(error).tolist()
        )


def solve(
    phonon: Phono3py,
    forces: Sequence[np.ndarray],
    residual: Residual,
    phonons: config.Phonons,
    conductivity: config.Conductivity,
    mesh: list[int],
    generator: np.random.Generator,
    draws: int = DRAWS,
) -> ResidualKappa:
    """κ of the potential as it is, with the posterior mean of its residual, and with draws.

    Args:
        phonon: of `force_constants.prepare`; its force constants are overwritten.
        forces: (1 + n_cells, N, 3) eV/Å of the potential on `force_constants.displaced_cells`.
        residual: in the supercell of `phonon`.

    Raises:
        InputError: the potential itself has no κ.
    """

    def kappa(lacking: TaylorModel | None) -> np.ndarray | None:
        return kappa_with(phonon, forces, lacking, phonons, conductivity, mesh)

    production = kappa(None)
    if production is None:
        raise InputError("the potential has no κ, so its κ has no error")
    nothing = np.zeros_like(production)
    return ResidualKappa(
        production,
        _or(kappa(residual.mean()), nothing),
        np.array([_or(kappa(residual.draw(generator)), nothing) for _ in range(draws)]),
    )


def kappa_with(
    phonon: Phono3py,
    forces: Sequence[np.ndarray],
    lacking: TaylorModel | None,
    phonons: config.Phonons,
    conductivity: config.Conductivity,
    mesh: list[int],
) -> np.ndarray | None:
    """κ (n_T,) W/(m K) of forces on the displaced cells and what they lack; None: imaginary modes.

    Args:
        phonon, forces: as of `solve`. lacking: what is added, or nothing.
    """
    cells = force_constants.displaced_cells(phonon, phonons)
    added = list(lacking.evaluate(cells).forces) if lacking else [np.zeros(3)] * len(cells)
    total = [one + two for one, two in zip(forces, added, strict=True)]
    force_constants.fill(phonon, total, phonons)
    return bte.solve(phonon, conductivity, mesh, phonons.imaginary).scalar()


def _or(values: np.ndarray | None, instead: np.ndarray) -> np.ndarray:
    return instead if values is None else values
