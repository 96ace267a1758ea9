"""κ of a foundation model with what a few labels say it lacks: the model is the mean of the prior.

No label has trained the model, so its residual has the posterior of fresh labels
(`taylor.residual`, widths by evidence). The posterior mean is the correction, the spread of κ over
its draws the error bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.correction import same_cell
from umklapp.potentials.taylor.model import without_hopped
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.residual import Residual
from umklapp.transport import potential_error
from umklapp.transport.baseline import SEED, Request
from umklapp.transport.baseline_record import CorrectedBaseline, LearnedLabels
from umklapp.transport.potential_error import ResidualKappa

NO_LABELS = "no label in the phonon supercell with every atom at its site"


@dataclass(frozen=True)
class _Learned:
    """The residual of some labels, and what the result says of them."""

    residual: Residual
    record: LearnedLabels


def _learn(
    potential: FoundationPotential, labels: Sequence[Atoms], perfect: Atoms, taylor: config.Taylor
) -> _Learned | None:
    same = [label for label in labels if same_cell(label, perfect)]
    used, left_out = without_hopped(perfect, same) if same else ([], 0)
    if not used:
        return None
    forces = potential.evaluate(used).forces
    residual = Residual(Prior(perfect, Knowledge(), taylor), used, forces)
    before = np.array([label.get_forces() for label in used]) - np.array(forces)
    after = before - np.array(residual.mean().evaluate(used).forces)
    record = LearnedLabels(
        labels=len(used),
        labels_left_out=left_out,
        residual_before_eV_per_A=float(np.sqrt(np.mean(before**2))),
        residual_after_eV_per_A=float(np.sqrt(np.mean(after**2))),
        scales=residual.posterior.scales.tolist(),
        noise_eV_per_A=residual.posterior.noise,
    )
    return _Learned(residual, record)


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
    kappa, reason = None, NO_LABELS
    if learned is not None:
        calculation = force_constants.prepare(primitive, perfect, settings, born)
        displaced = force_constants.displaced_cells(calculation, settings)
        try:
            kappa = potential_error.solve(
                calculation, potential.evaluate(displaced).forces, learned.residual, settings,
                request.conductivity, request.conductivity.mesh, np.random.default_rng(SEED),
            )  # fmt: skip
        except InputError:
            reason = "the model itself has no κ: baseline.json says why"
        if kappa is not None and not (kappa.learned > 0).all():
            kappa, reason = None, "the corrected force constants have no κ: imaginary modes"
    return CorrectedBaseline(
        material=material,
        model=potential.identity,
        mesh=request.conductivity.mesh,
        temperatures_K=request.conductivity.temperatures,
        model_W_per_mK=None if kappa is None else kappa.production.tolist(),
        kappa_W_per_mK=None if kappa is None else kappa.learned.tolist(),
        error_W_per_mK=None if kappa is None else _spread(kappa).tolist(),
        not_computed=reason if kappa is None else None,
        learned=None if learned is None else learned.record,
        non_analytical=born.non_analytical() if born else None,
    )


def _spread(kappa: ResidualKappa) -> np.ndarray:
    """rms of κ over the draws about κ of their mean, (n_T,) W/(m K)."""
    return np.asarray(np.sqrt(np.mean((kappa.draws - kappa.learned) ** 2, axis=0)))
