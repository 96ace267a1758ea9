"""What the new labels say of the committee that had not seen them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp.config import Rounds
from umklapp.crystals import frame_info
from umklapp.learning.assessment import Criterion
from umklapp.learning.sampling.calibration import error_over_expected
from umklapp.learning.sampling.exploration import Explored
from umklapp.wording import counted, in_milli


@dataclass(frozen=True)
class NewLabels:
    """Force errors of the old committee on the labels of its own round.

    errors: (n_components,) |F − F_ref| of all components, eV/Å; atom_errors, atom_spread:
    (n_atoms_total,) |F_I − F_ref,I| and u_I, eV/Å; labelled: frames with a label; checks: of these
    drawn at random; failed: frames sent to the engine that have none.
    """

    errors: np.ndarray
    atom_errors: np.ndarray
    atom_spread: np.ndarray
    labelled: int
    checks: int
    failed: int

    def error_over_expected(self, factor: float | None) -> float | None:
        """rms(error / expected error) over all atoms; None without labels or uncertainty.

        Args:
            factor: that turns u_I into an expected error, None where the committee has none.
        """
        if factor is None or not self.labelled:
            return None
        return error_over_expected(self.atom_errors, self.atom_spread, factor)


def new_labels(
    explored: Explored, labels: Sequence[Atoms], checks: Collection[int], failed: int
) -> NewLabels:
    """Compare labels with what the exploring committee had said of the same frames.

    Args:
        explored: the exploration of the round.
        labels: labelled candidates; `FrameInfo.explored` is their row of the exploration.
        checks: rows of the exploration that were drawn at random.
        failed: candidates without a label.
    """
    rows = [frame_info.explored_row(label) for label in labels]
    differences = [
        explored.forces[row] - label.get_forces() for row, label in zip(rows, labels, strict=True)
    ]
    vectors = np.concatenate([np.empty((0, 3)), *differences])
    return NewLabels(
        np.abs(vectors).ravel(),
        np.linalg.norm(vectors, axis=1),
        np.concatenate([np.empty(0), *(explored.spread[row] for row in rows)]),
        len(labels),
        sum(row in checks for row in rows),
        failed,
    )


def criteria(
    labels: NewLabels, factor: float | None, bound: float, settings: Rounds
) -> dict[str, Criterion]:
    """Mean and largest error, number, and calibration on the new labels.

    Args:
        factor: calibration factor of the committee, None where it has none.
        bound: expected error of the worst atom (eV/Å) from which a frame is labelled.
    """
    return {
        "force": mean_error(labels, settings.force_error),
        "worst_atom": largest_error(labels, settings.worst(bound)),
        "checks": enough(labels, settings.check_labels),
        "calibration": calibration(labels, factor, settings.calibration_band),
    }


def mean_error(labels: NewLabels, wanted: float) -> Criterion:
    """Force MAE (eV/Å) on labels that the committee had not seen."""
    if not labels.labelled:
        return Criterion(met=False, limit=wanted, words=f"force MAE: {_none(labels)}")
    value = float(labels.errors.mean())
    sentence = (
        f"force MAE {in_milli(value)} meV/Å on {counted(labels.labelled, 'label')} it had not seen "
        f"(wanted {in_milli(wanted)})"
    )
    if labels.failed:
        sentence += f"; {counted(labels.failed, 'label')} failed and not counted"
    return Criterion(met=value <= wanted, value=value, limit=wanted, words=sentence)


def largest_error(labels: NewLabels, wanted: float) -> Criterion:
    """Largest force error of an atom (eV/Å) on the new labels: one wrong atom is enough."""
    if not labels.labelled:
        return Criterion(met=False, limit=wanted, words=f"worst atom: {_none(labels)}")
    value = float(labels.atom_errors.max())
    sentence = f"the worst atom is wrong by {in_milli(value)} meV/Å (wanted {in_milli(wanted)})"
    return Criterion(met=value <= wanted, value=value, limit=wanted, words=sentence)


def probability(checks: int) -> float:
    """Probability that a further frame is at most as wrong as the worst of n random ones.

    n/(n + 1) exactly: of n + 1 exchangeable errors each is the largest with the same probability
    (split conformal prediction). n = 9 for 90 %.
    """
    return checks / (checks + 1)


def enough(labels: NewLabels, wanted: int) -> Criterion:
    """Whether enough frames drawn at random are labelled to speak of those that are not."""
    sentence = (
        f"{labels.checks} frames drawn at random are labelled (wanted {wanted}); a further frame "
        "is no worse than the worst of them with a probability of "
        f"{probability(labels.checks):.0%}"
    )
    if labels.checks == 0:
        sentence = f"no frame drawn at random is labelled (wanted {wanted})"
    met = labels.checks >= wanted
    return Criterion(met=met, value=labels.checks, limit=wanted, words=sentence)


def calibration(labels: NewLabels, factor: float | None, band: float) -> Criterion:
    """rms(error / expected error) over atoms of the new labels, expected error = factor · u_I.

    Only errors that are larger than expected count against the committee: where they are smaller,
    too much was labelled, and nothing wrong is said.
    """
    if factor is None:
        sentence = "calibration: the committee has no uncertainty"
        return Criterion(met=False, limit=band, words=sentence)
    value = labels.error_over_expected(factor)
    if value is None:
        return Criterion(met=False, limit=band, words=f"calibration: {_none(labels)}")
    sentence = f"error is {value:.2f} times the expected one (wanted {band:.2f} or less)"
    return Criterion(met=value <= band, value=value, limit=band, words=sentence)


def _none(labels: NewLabels) -> str:
    if labels.failed:
        return f"all {labels.failed} new labels failed: no error is known"
    return "no new labels to judge by"
