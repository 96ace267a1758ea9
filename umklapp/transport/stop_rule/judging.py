"""The criteria of the stop rule: before a label is spent, and after.

A material is done without rounds where

- the foundation model has no imaginary mode at the campaign's lattice;
- σᴬ(300 K) of the model is at most `foundation.stop.sigma` there (else no label is spent);
- the model could be corrected;
- σᴬ of the labels of the audit is at most `foundation.stop.sigma`, too: the reference agrees that
  the crystal is nearly harmonic;
- the audit of the corrected model passes, with the bounds of every audit;
- what the labels held back say is missing changes κ(300 K) by at most `foundation.stop.error`.

The last criterion leaves out the parts of the q-mesh and of the cell: labels do not lower them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from umklapp import config
from umklapp.crystals.frame_info import identity
from umklapp.lattice.sigma_a import RunningSigma
from umklapp.transport.audit.predictions import Prediction
from umklapp.transport.audit.record import AuditRecord, Criterion
from umklapp.transport.baseline_record import Baseline
from umklapp.wording import counted


def before_labels(baseline: Baseline, settings: config.StopRule) -> list[Criterion]:
    """Whether the rule is worth a label, by the model alone."""
    given, name = baseline.given, baseline.model.name
    lowest = given.lowest_frequency_THz
    stable = given.stable and given.kappa.not_computed is None
    unstable = f"{name} gives no κ: {given.kappa.not_computed}"
    words = f"{name} is stable, lowest frequency {lowest:.2f} THz" if stable else unstable
    criteria = [Criterion(name="stable", met=stable, value=lowest, limit=None, words=words)]
    if stable:
        criteria.append(_sigma("sigma", given.sigma_A, settings.sigma, f"σᴬ(300 K) by {name}"))
    return criteria


def worth_labels(baseline: Baseline, settings: config.StopRule) -> bool:
    """Whether every criterion of `before_labels` is met."""
    return all(criterion.met for criterion in before_labels(baseline, settings))


def correction(labels: int, asked: int, why_not: str | None) -> Criterion:
    """Whether the model was corrected.

    Args:
        labels: those that correct it, of `asked`. why_not: why it was not; None where it was.
    """
    words = f"corrected by {labels} of {counted(asked, 'label')}" if why_not is None else why_not
    return Criterion(name="correction", met=why_not is None, value=labels, limit=1, words=words)


def after_labels(
    audit: AuditRecord,
    sigma: float | None,
    relative_error: float | str,
    bounds: tuple[config.StopRule, float],
) -> list[Criterion]:
    """Whether fresh labels clear the corrected model.

    Args:
        sigma: σᴬ of the labels of the audit, None without any. relative_error: of κ(300 K), or why
            it is not known. bounds: the rule's, and `rounds.force_error` (eV/Å).
    """
    settings, force_error = bounds
    return [
        _sigma("sigma of labels", sigma, settings.sigma, "σᴬ on the labels of the audit"),
        Criterion(
            name="audit", met=audit.passed, value=audit.mae, limit=force_error, words=audit.reason
        ),
        _kappa(relative_error, settings.error),
    ]


def _sigma(name: str, value: float | None, limit: float, what: str) -> Criterion:
    """σᴬ against its limit; an unknown one is not within it."""
    if value is None:
        words = f"{what} is not known"
    elif value <= limit:
        words = f"{what} is {value:.2f}, at most {limit:g}"
    else:
        words = f"{what} is {value:.2f}, above {limit:g}"
    met = value is not None and value <= limit
    return Criterion(name=name, met=met, value=value, limit=limit, words=words)


def _kappa(relative_error: float | str, limit: float) -> Criterion:
    if isinstance(relative_error, str):
        words = f"the error of κ is not known: {relative_error}"
        return Criterion(name="kappa", met=False, value=None, limit=limit, words=words)
    met = relative_error <= limit
    words = (
        f"what the labels held back say is missing changes κ(300 K) by {relative_error:.1%} "
        f"(wanted {limit:.0%})"
    )
    return Criterion(name="kappa", met=met, value=relative_error, limit=limit, words=words)


def sigma_of_labels(predictions: Sequence[Prediction], labels: Sequence[Atoms]) -> float | None:
    """σᴬ of the reference's forces on the audit's frames, with −Φu of the corrected model.

    None where no frame has both.
    """
    harmonic = {prediction.frame_id: prediction.harmonic for prediction in predictions}
    running = RunningSigma()
    for label in labels:
        forces = harmonic.get(identity(label))
        if forces is not None:
            running.add(label.get_forces()[None], forces[None])
    return running.result()[0] if running.total else None


def sentence(criteria: Sequence[Criterion], labels: int) -> str:
    """The decision with every criterion that decides it.

    Args:
        labels: that the rule has spent.
    """
    open_points = [criterion.words for criterion in criteria if not criterion.met]
    if open_points:
        spent = f"; the {labels} labels of the rule train it" if labels else ""
        return f"goes through the rounds{spent}: {'; '.join(open_points)}"
    return (
        f"done without rounds after {labels} labels: "
        f"{'; '.join(criterion.words for criterion in criteria)}"
    )
