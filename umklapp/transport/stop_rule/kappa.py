"""κ of the foundation model that a few labels correct, and its error by labels it has not learned.

The κ is that of the model as it was audited: the labels that are held back say what it lacks, and
do not join it (`moves_W_per_mK` says what they would add).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.config.transport import SOLUTION
from umklapp.errors import UmklappError
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.contract import Potential
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.correction import correct
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.transport import bte, kappa_budget, potential_error
from umklapp.transport.baseline import Request
from umklapp.transport.error_budget import ErrorBudget, KappaErrors
from umklapp.transport.kappa_records import ROOM, Conductivity, Correction, Literature
from umklapp.transport.potential_error import ResidualKappa


@dataclass(frozen=True)
class Crystal:
    """What κ is computed of: primitive cell, phonon supercell, Born charges, published κ."""

    material: str
    primitive: Atoms
    perfect: Atoms
    born: BornRecord | None
    literature: Literature


@dataclass(frozen=True)
class Outcome:
    """κ of the corrected model. errors: None without κ; relative_error: of κ(300 K) by fresh
    labels, or why it is not known; highest: THz."""

    conductivity: Conductivity
    errors: KappaErrors | None
    relative_error: float | str
    highest: float


def shortened(taylor: config.Taylor, request: Request, perfect: Atoms) -> config.Taylor:
    """The prior with the range of the third order that the fit of the baseline has."""
    cutoff = taylor.cubic_cutoff or request.fit(perfect).pair_cutoff
    return taylor.model_copy(update={"cubic_cutoff": cutoff})


def corrected(
    potential: FoundationPotential,
    labels: Sequence[Atoms],
    perfect: Atoms,
    request: Request,
    taylor: config.Taylor,
) -> tuple[Potential, Correction]:
    """The model with the Taylor correction of the labels, widths as `taylor` has them.

    Raises:
        InputError: no label in the supercell with every atom at its site.
    """
    model, numbers = correct(potential, labels, perfect, shortened(taylor, request, perfect))
    return model, Correction(**numbers)


def compute(
    crystal: Crystal,
    model: Potential,
    name: str,
    labels: Sequence[Atoms],
    request: Request,
    taylor: config.Taylor,
    reference: config.Reference,
    generator: np.random.Generator,
    audited: str,
) -> Outcome:
    """κ(T) of the corrected model and its error budget.

    Args:
        model: of `corrected`. name: for the row of κ. labels: held back from the correction.
        audited: words of the audit.
    """
    settings = request.fit(crystal.perfect)
    setting = kappa_budget.Setting(
        force_constants.prepare(crystal.primitive, crystal.perfect, settings, crystal.born),
        crystal.perfect,
        settings,
        shortened(taylor, request, crystal.perfect),
        request.conductivity,
    )
    cells = force_constants.displaced_cells(setting.calculation, settings)
    forces = list(model.evaluate(cells).forces)
    force_constants.fill(setting.calculation, forces, settings)
    solution = bte.solve(
        setting.calculation, request.conductivity, request.conductivity.mesh, settings.imaginary
    )
    frequencies, _, _ = setting.calculation.get_phonon_data()
    highest = float(frequencies.max())
    conductivity = _record(crystal, solution, name, request, reference)
    if conductivity.kappa_W_per_mK is None:
        reason = f"the corrected model has no κ: {solution.reason}"
        return Outcome(conductivity, None, reason, highest)
    fresh = kappa_budget.at_sites(labels, crystal.perfect)
    moved = _moved(setting, forces, fresh, model, generator)
    parts = [
        kappa_budget.residual(moved, conductivity.kappa_W_per_mK, len(fresh)),
        *kappa_budget.mesh_and_range(forces, conductivity.kappa_W_per_mK, setting),
    ]
    errors = KappaErrors(
        material=crystal.material,
        audited=audited,
        moves_W_per_mK=kappa_budget.moves(moved, conductivity),
        boltzmann=ErrorBudget(temperatures_K=conductivity.temperatures_K, parts=parts),
        green_kubo=None,
    )
    return Outcome(conductivity, errors, _at_room(moved, conductivity), highest)


def _moved(
    setting: kappa_budget.Setting,
    forces: Sequence[np.ndarray],
    fresh: Sequence[Atoms],
    model: Potential,
    generator: np.random.Generator,
) -> ResidualKappa | str:
    """What the fresh labels say is missing does to κ, or why that is not known."""
    if not fresh:
        return "no label held back with every atom at its site"
    try:
        widths = widened(setting.taylor, setting.perfect, fresh)
        expansion = Prior.affordable(setting.perfect, widths, setting.phonons.pair_cutoff)
        residual = Residual(expansion, fresh, model.evaluate(fresh).forces)
        return potential_error.solve(
            setting.calculation, forces, residual, setting.phonons, setting.conductivity,
            setting.coarse, generator,
        )  # fmt: skip
    except UmklappError as error:
        return str(error)


def _at_room(moved: ResidualKappa | str, conductivity: Conductivity) -> float | str:
    if isinstance(moved, str):
        return moved
    return float(moved.relative_error[conductivity.temperatures_K.index(ROOM)])


def _record(
    crystal: Crystal,
    solution: bte.Kappa,
    name: str,
    request: Request,
    reference: config.Reference,
) -> Conductivity:
    numbers = solution.numbers()
    return Conductivity(
        temperatures_K=numbers.temperatures_K,
        mesh=request.conductivity.mesh,
        members_W_per_mK=[numbers.kappa_W_per_mK],
        not_computed=numbers.not_computed,
        lowest_frequency_THz=numbers.lowest_frequency_THz,
        method=f"{numbers.method}; {name}",
        non_analytical=crystal.born.non_analytical() if crystal.born else None,
        kappa_W_per_mK=numbers.kappa_W_per_mK,
        std_W_per_mK=None,
        material=crystal.material,
        settings=request.conductivity.model_dump(mode="json", include={"mesh", *SOLUTION}),
        reference=reference.model_dump(mode="json"),
        literature=crystal.literature,
    )
