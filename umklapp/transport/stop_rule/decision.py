"""The stop rule on one material: from its labels to stop.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.errors import InputError
from umklapp.learning.judgement import by_programs, programs_of
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport.audit.judging import Bounds, judge
from umklapp.transport.audit.predictions import Prediction
from umklapp.transport.baseline import Request
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.stop_rule import judging, kappa
from umklapp.transport.stop_rule.kappa import Crystal
from umklapp.transport.stop_rule.record import StopRecord
from umklapp.wording import counted

BEFORE_ROUNDS = -1
"""`AuditRecord.round` of an audit that is of no round."""


@dataclass(frozen=True)
class Rule:
    """What decides: the rule's section, bounds of the audit, its temperature (K), and what κ is
    computed with."""

    stop: config.StopRule
    bounds: Bounds
    temperature: float
    request: Request
    taylor: config.Taylor
    reference: config.Reference


@dataclass(frozen=True)
class Spent:
    """Labels of the rule. failed: frames without one; predictions, not_drawn: of the audit."""

    correction: Sequence[Atoms]
    check: Sequence[Atoms]
    audit: Sequence[Atoms]
    failed: int
    predictions: Sequence[Prediction]
    not_drawn: dict[str, str]

    @property
    def labels(self) -> int:
        """How many."""
        return len(self.every)

    @property
    def every(self) -> list[Atoms]:
        """All labels, in the order in which they were asked for."""
        return [*self.correction, *self.check, *self.audit]


def decide(
    crystal: Crystal, baseline: Baseline, spent: Spent, rule: Rule, generator: np.random.Generator
) -> StopRecord:
    """Whether the material is done, with every criterion that was asked.

    Where the model alone speaks against it, the model is not started again.

    Raises:
        CalculationError: of the model, or a fit that is too large.
    """
    criteria = judging.before_labels(baseline, rule.stop)
    facts = {
        "material": crystal.material, "model": baseline.model, "labels": spent.labels,
        "failed": spent.failed, "sigma_A": baseline.given.sigma_A,
        "labelled_by": by_programs(programs_of(spent.every)),
    }  # fmt: skip
    further: dict[str, object] = {}
    if judging.worth_labels(baseline, rule.stop):
        potential = FoundationPotential(rule.request.foundation.model)
        learned = len(spent.correction)
        try:
            model, correction = kappa.corrected(
                potential, spent.correction, crystal.perfect, rule.request, rule.taylor
            )
        except InputError as error:
            criteria.append(judging.correction(learned, rule.stop.labels, str(error)))
        else:
            criteria.append(judging.correction(learned, rule.stop.labels, None))
            audit = judge(
                BEFORE_ROUNDS, spent.predictions, spent.audit, spent.not_drawn, None, rule.bounds,
                {"thermal": rule.temperature},
            )  # fmt: skip
            sigma = judging.sigma_of_labels(spent.predictions, spent.audit)
            name = f"{baseline.model.name} corrected by {counted(learned, 'label')}"
            outcome = kappa.compute(
                crystal, model, name, spent.check, rule.request, rule.taylor, rule.reference,
                generator, audit.words,
            )  # fmt: skip
            limits = rule.stop, rule.bounds.force_error
            criteria += judging.after_labels(audit, sigma, outcome.relative_error, limits)
            further = {
                "correction": correction, "audit": audit, "sigma_A_labels": sigma,
                "conductivity": outcome.conductivity, "errors": outcome.errors,
                "highest_frequency_THz": outcome.highest,
            }  # fmt: skip
    return StopRecord.model_validate(
        {
            **facts,
            **further,
            "done": all(criterion.met for criterion in criteria),
            "words": judging.sentence(criteria, spent.labels),
            "criteria": criteria,
        }
    )
