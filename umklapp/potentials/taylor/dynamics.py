"""The Taylor correction of a committee for dynamics: fitted once per round, moved in any cell.

It is that of `taylor.correction` with a third order so short that it can be taken out of the
supercell of its labels (`unfolding.closing_cutoff`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Potential
from umklapp.potentials.taylor.correction import Corrected, correct_members
from umklapp.potentials.taylor.moving import LEFT, STAYS, MovingExpansion
from umklapp.potentials.taylor.unfolding import UnfoldedModel, closing_cutoff, unfold


@dataclass(frozen=True)
class DynamicsCorrection:
    """Of every member: its expansion, and the numbers of `correction.correct`; cutoff: longest
    pair of the third order, Å; fades: between which distances from a site, in bonds."""

    models: list[UnfoldedModel]
    numbers: list[dict[str, float]]
    cutoff: float
    fades: tuple[float, float] = (STAYS, LEFT)


def fit(
    potentials: Sequence[Potential],
    labels: Sequence[Atoms],
    perfect: Atoms,
    settings: config.Taylor,
) -> DynamicsCorrection:
    """The correction of every potential, for dynamics.

    Args:
        labels: training labels; those in the cell of `perfect` are used. perfect: the phonon
            supercell. settings: widths and least noise of the prior.

    Raises:
        InputError: no label is in that cell with every atom at its site, or the cell is too small.
        CalculationError: even nearest neighbours have too many free numbers.
    """
    cutoff = closing_cutoff(perfect, settings.cubic_cutoff)
    limited = settings.model_copy(update={"cubic_cutoff": cutoff})
    corrected = correct_members(potentials, labels, perfect, limited)
    models = [unfold(one.taylor) for one, _ in corrected]
    longest = max(one.longest for model in models for one in model.clusters if one.order == 3)
    return DynamicsCorrection(models, [numbers for _, numbers in corrected], longest)


def moved(committee: Committee, models: Sequence[UnfoldedModel], sites: Atoms) -> Committee:
    """The members as they move the atoms of a supercell: with their expansions, if there are any.

    Args:
        models: one for every member, or none. sites: the perfect supercell of the dynamics.
    """
    if not models:
        return committee
    pairs = zip(committee.members, models, strict=True)
    return Committee([Corrected(member, MovingExpansion(own, sites)) for member, own in pairs])


def harmonic(models: Sequence[UnfoldedModel], sites: Atoms) -> np.ndarray:
    """Mean force constants (3N, 3N) eV/Å² of the members' expansions in a supercell; zero of none.

    Args:
        sites: the perfect supercell, N atoms.
    """
    total = np.zeros((3 * len(sites), 3 * len(sites)))
    for model in models:
        total += MovingExpansion(model, sites).harmonic / len(models)
    return total
