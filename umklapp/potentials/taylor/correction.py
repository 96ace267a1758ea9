"""A potential corrected by the Taylor expansion of what it leaves of labels in one supercell.

κ needs third derivatives that a force error does not show. Labels in the supercell of the force
constants determine them: with a trained potential as the mean of the Gaussian model of
`taylor.prior`, the residual forces of these labels give the posterior of what the potential lacks.
κ needs derivatives at the sites (`static`). Thermal labels know effective ones: what the expansion
leaves out of them is no noise, but goes with the displacements, and outweighs the few quiet labels.
So these correct κ alone where there are enough (benchmarks/hot_labels.py). And where the labels are
likelier without the potential, κ has their expansion alone: what a rough network leaves of them is
no expansion about the sites, and the fit takes it for noise.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.crystals import sites
from umklapp.errors import InputError
from umklapp.potentials.contract import Potential, Prediction
from umklapp.potentials.taylor.likeliest import likeliest, rest
from umklapp.potentials.taylor.model import TaylorModel, displacements, without_hopped
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.stiffness import widened
from umklapp.wording import counted

log = logging.getLogger(__name__)

QUIET = 0.06
"""Å; rms displacement of a label that knows the derivatives at the sites: twice the displacement of
finite differences."""

STILL = 0.005
"""Å; a label with less is of the perfect cell, and knows none."""

QUIET_LABELS = 4
"""With so many they correct κ alone: they leave about one per cent (docs/foundation.md)."""

Expansion = TypeVar("Expansion", bound=Potential)


class Corrected(Generic[Expansion]):
    """Sum of a potential and a Taylor expansion, for frames of the expansion's supercell."""

    def __init__(self, potential: Potential, taylor: Expansion) -> None:
        self.potential, self.taylor = potential, taylor

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses (those of the potential) of all frames.

        Raises:
            InputError: a frame is no displacement of the supercell.
        """
        first, second = self.potential.evaluate(frames), self.taylor.evaluate(frames)
        forces = [one + two for one, two in zip(first.forces, second.forces, strict=True)]
        return Prediction(first.energy + second.energy, forces, first.stress)


class NoPotential:
    """Without forces: the mean of an expansion that labels alone determine.

    Args:
        energy: of every frame, eV.
    """

    def __init__(self, energy: float = 0.0) -> None:
        self.energy = energy

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """The energy, zero forces, no stress."""
        energies = np.full(len(frames), self.energy)
        forces = [np.zeros((len(frame), 3)) for frame in frames]
        return Prediction(energies, forces, np.full((len(frames), 6), np.nan))


def correct(
    potential: Potential,
    labels: Sequence[Atoms],
    perfect: Atoms,
    settings: config.Taylor,
    prior: Prior | None = None,
    *,
    static: bool = False,
) -> tuple[Corrected[TaylorModel], dict[str, float]]:
    """`correct_members` for one potential."""
    return correct_members([potential], labels, perfect, settings, prior, static=static)[0]


def correct_members(
    potentials: Sequence[Potential],
    labels: Sequence[Atoms],
    perfect: Atoms,
    settings: config.Taylor,
    prior: Prior | None = None,
    *,
    static: bool = False,
) -> list[tuple[Corrected[TaylorModel], dict[str, float]]]:
    """Each potential with the posterior of its own residual, and what the correction did.

    The prior mean of the residual is zero: nothing is assumed known but symmetry, sum rules and
    the widths. The noise is the one under which the residual is most likely, at least
    `settings.noise`: an engine's grid or its self-consistency may leave more. It is the same for
    all frames, or grows with their displacements (`likeliest.POWERS`), as is likeliest; what is
    recorded is that of the hottest frame. Labels in other cells are passed over, and those in which
    an atom has left its site: an event is nothing that an expansion about the sites could describe.

    Args:
        potentials: trained models.
        labels: labelled frames; those in the cell of `perfect` are used.
        perfect: the phonon supercell.
        settings: widths (`stiffness.widened`) and least noise of the prior.
        prior: of `perfect` and such widths, where it was made before.
        static: for force constants at the sites: from quiet labels alone where there are enough,
            and without a potential where the labels are likelier without it. Never for dynamics,
            in which atoms are displaced by more, or leave their sites.

    Returns:
        For every potential the corrected one; number of labels, of those left out as hopped or as
        not quiet, rms residual force before and after (eV/Å), the noise (eV/Å), log evidence per
        force with the potential as the mean, and without any potential; whether it is left out.

    Raises:
        InputError: no label is in that cell with every atom at its site.
    """
    same = [frame for frame in labels if same_cell(frame, perfect)]
    used, left_out = without_hopped(perfect, same)
    if not used:
        raise InputError(
            "phonons.correction 'taylor' needs labels in the phonon supercell, every atom at its "
            f"site (there are {left_out} with an atom that has left it): add a rattled seed whose "
            "supercell is materials.phonon_supercell"
        )
    if left_out:
        log.info(f"{left_out} of {counted(len(same), 'label')} left out: an atom has left its site")
    near = quiet(perfect, used) if static else used
    too_hot, used = len(used) - len(near), near
    prior = prior or Prior.affordable(perfect, widened(settings, perfect, used))
    u = displacements(perfect, used)
    forces = np.array([frame.get_forces() for frame in used])
    residuals = np.array([forces - np.array(one.evaluate(used).forces) for one in potentials])
    *fits, alone = likeliest(prior, u, np.array([*residuals, forces]), settings.noise)
    corrected = []
    for potential, residual, fit in zip(potentials, residuals, fits, strict=True):
        leave_out = static and alone.evidence > fit.evidence
        used_fit, explained = (alone, forces) if leave_out else (fit, residual)
        numbers = {
            "labels": float(len(used)),
            "labels_left_out": float(left_out),
            "labels_too_hot": float(too_hot),
            "residual_before_eV_per_A": float(np.sqrt(np.mean(residual**2))),
            "residual_after_eV_per_A": rest(prior, u, explained, used_fit.z),
            "noise_eV_per_A": used_fit.noise,
            "log_evidence_per_force": fit.evidence,
            "log_evidence_without_potential_per_force": alone.evidence,
            "potential_left_out": leave_out,
        }
        mean = potential
        if leave_out:
            mean = NoPotential(float(potential.evaluate([perfect]).energy[0]))
        corrected.append((Corrected(mean, prior.model(used_fit.z, 0.0)), numbers))
    return corrected


def quiet(perfect: Atoms, labels: Sequence[Atoms]) -> list[Atoms]:
    """Labels with rms displacements below `QUIET`; all, where these are fewer than `QUIET_LABELS`.

    Args:
        labels: in the cell of `perfect`, every atom at its site.
    """
    sizes = np.sqrt(np.mean(displacements(perfect, labels) ** 2, axis=(1, 2)))
    near = [label for label, size in zip(labels, sizes, strict=True) if size < QUIET]
    telling = np.count_nonzero((sizes > STILL) & (sizes < QUIET))
    return near if telling >= QUIET_LABELS else list(labels)


def same_cell(frame: Atoms, perfect: Atoms) -> bool:
    """Whether a frame has the atoms and the cell of the perfect supercell."""
    return sites.in_cell(frame, perfect, sites.SAME_CELL)
