"""κ of a foundation model with what a few labels say it lacks: the model is the mean of the prior.

κ is that of the posterior mean. No label has trained the model, so the widths of what it may lack
can be learned from its residual: they are in proportion to the model's own force constants, with
the factors that the labels make likeliest (`taylor.relative`, `taylor.residual`). A second κ has
the fixed widths of `potential.taylor` (`taylor.correction`), as committees have them. The error bar
has two parts: the spread of κ over draws from the posterior, and the difference of the two κ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from phono3py import Phono3py

from umklapp import config
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.correction import correct, same_cell
from umklapp.potentials.taylor.model import TaylorModel, without_hopped
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.relative import relative_to
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.transport import potential_error
from umklapp.transport.baseline import SEED, Request
from umklapp.transport.baseline_record import CorrectedBaseline, LearnedLabels
from umklapp.transport.potential_error import ResidualKappa

NO_LABELS = "no label in the phonon supercell with every atom at its site"


@dataclass(frozen=True)
class _Learned:
    """The residual of some labels, what the model lacks with fixed widths, and what is recorded."""

    residual: Residual
    fixed: TaylorModel
    record: LearnedLabels


def _learn(
    potential: FoundationPotential, labels: Sequence[Atoms], perfect: Atoms, taylor: config.Taylor
) -> _Learned | None:
    same = [label for label in labels if same_cell(label, perfect)]
    used, left_out = without_hopped(perfect, same) if same else ([], 0)
    if not used:
        return None
    forces = potential.evaluate(used).forces
    prior = Prior(perfect, Knowledge(), widened(taylor, perfect, used))
    residual = Residual(relative_to(prior, potential, used), used, forces)
    fixed, numbers = correct(potential, used, perfect, taylor, prior)
    record = LearnedLabels(
        labels=len(used),
        labels_left_out=left_out,
        residual_before_eV_per_A=numbers["residual_before_eV_per_A"],
        residual_after_eV_per_A=numbers["residual_after_eV_per_A"],
        scales=residual.posterior.scales.tolist(),
        noise_eV_per_A=numbers["noise_eV_per_A"],
    )
    return _Learned(residual, fixed.taylor, record)


def compute(
    material: str,
    potential: FoundationPotential,
    labels: Sequence[Atoms],
    cells: tuple[Atoms, Atoms],
    born: BornRecord | None,
    request: Request,
    taylor: config.Taylor,
) -> CorrectedBaseline:
    """κ(T) of the model corrected by the labels in the phonon supercell.

    Args:
        labels: those in other cells are passed over. cells: primitive cell and phonon supercell.
        taylor: shape of the prior; its scale is learned.
    """
    primitive, perfect = cells
    settings = request.fit(perfect)
    cutoff = taylor.cubic_cutoff or settings.pair_cutoff
    limited = taylor.model_copy(update={"cubic_cutoff": cutoff})
    learned = _learn(potential, labels, perfect, limited)
    values, reason = {}, NO_LABELS
    if learned is not None:
        calculation = force_constants.prepare(primitive, perfect, settings, born)
        forces = potential.evaluate(force_constants.displaced_cells(calculation, settings)).forces
        how = settings, request.conductivity, request.conductivity.mesh
        try:
            values = _values(calculation, forces, learned, how)
            reason = "the corrected force constants have no κ: imaginary modes"
        except InputError:
            reason = "the model itself has no κ: baseline.json says why"
    return CorrectedBaseline(
        material=material,
        model=potential.identity,
        mesh=request.conductivity.mesh,
        temperatures_K=request.conductivity.temperatures,
        model_W_per_mK=values.get("model"),
        kappa_W_per_mK=values.get("evidence"),
        fixed_widths_W_per_mK=values.get("fixed"),
        error_W_per_mK=values.get("error"),
        not_computed=None if values else reason,
        learned=None if learned is None else learned.record,
        non_analytical=born.non_analytical() if born else None,
    )


def _values(
    calculation: Phono3py,
    forces: Sequence[np.ndarray],
    learned: _Learned,
    how: tuple[config.Phonons, config.Conductivity, list[int]],
) -> dict[str, list[float]]:
    """κ(T) of the model, with both corrections, and the error; nothing where a mode is imaginary.

    Raises:
        InputError: the model itself has no κ.
    """
    generator = np.random.default_rng(SEED)
    kappa = potential_error.solve(calculation, forces, learned.residual, *how, generator)
    fixed = potential_error.kappa_with(calculation, forces, learned.fixed, *how)
    if fixed is None or not (kappa.learned > 0).all():
        return {}
    values = {
        "model": kappa.production,
        "fixed": fixed,
        "evidence": kappa.learned,
        "error": _error(kappa, fixed),
    }
    return {name: value.tolist() for name, value in values.items()}


def _error(kappa: ResidualKappa, fixed: np.ndarray) -> np.ndarray:
    """Draws about the κ of their mean, and that from the κ with fixed widths, (n_T,) W/(m K)."""
    spread = np.mean((kappa.draws - kappa.learned) ** 2, axis=0)
    return np.asarray(np.sqrt(spread + (kappa.learned - fixed) ** 2))
