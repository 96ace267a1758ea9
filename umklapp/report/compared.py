"""What the comparison of a material shows: read from its records, with or without rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from umklapp.lattice.born_record import NonAnalytical
from umklapp.learning.events.verdict import Verdict
from umklapp.records import Record
from umklapp.report import advice, comparison, without_rounds, zero_label
from umklapp.report.history import History
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity
from umklapp.transport.stop_rule.record import StopRecord

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Compared:
    """table: `comparison.COLUMNS`, κ in W/(m K); sigmas: σᴬ by source; advice, problems: in words;
    audit: what stands beside κ of it; non_analytical: Born charges behind κ."""

    table: pd.DataFrame
    sigmas: dict[str, float | None]
    advice: str
    problems: list[str]
    audit: comparison.AuditSays
    non_analytical: NonAnalytical | None


def given(kind: type[Kind], path: str) -> Kind | None:
    """A record; None where the campaign has no such file (an empty path)."""
    return kind.read(Path(path)) if path else None


def by_rounds(files: Mapping[str, str]) -> Compared:
    """Of a committee's κ.

    Args:
        files: paths by the names of the inputs of the rule `comparison`; empty: no such file.
    """
    conductivity = Conductivity.read(Path(files["conductivity"]))
    ran = given(GreenKuboRecord, files["green_kubo"])
    effective = given(EffectiveConductivity, files["effective"])
    baseline = given(Baseline, files["baseline"])
    corrected = given(CorrectedBaseline, files["corrected_baseline"])
    published = comparison.literature_rows(conductivity.literature)
    others = zero_label.beside(baseline, corrected, published)
    errors = given(KappaErrors, files["error_budget"])
    verdict = Verdict.read(Path(files["verdict"]))
    audit_record = given(AuditRecord, files["audit"])
    audit = comparison.audited(audit_record)
    last = History.read(Path(files["history"])).rounds[-1]
    sentence = advice.advice(
        verdict.overall_sigma("after"),
        conductivity.not_computed is None,
        advice.missing_green_kubo(ran, audit_record),
        advice.doubts(
            last.assessment.converged, audit.outcome, verdict.verdict, verdict.needs,
            last.committee.not_tested, conductivity.misleading,
        ),
        verdict.no_sigma("after"),
    )  # fmt: skip
    problems = comparison.missing(conductivity, ran, effective, errors)
    return Compared(
        comparison.rows(conductivity, ran, effective, others, errors),
        comparison.sigmas(verdict),
        sentence,
        problems + zero_label.problems(baseline, corrected),
        audit,
        conductivity.non_analytical,
    )


def by_stop_rule(files: Mapping[str, str]) -> Compared:
    """Of a foundation model that few labels have corrected and tested.

    Args:
        files: as in `by_rounds`.
    """
    stop, baseline = StopRecord.read(Path(files["stop"])), given(Baseline, files["baseline"])
    return Compared(
        without_rounds.rows(stop, baseline),
        without_rounds.sigmas(stop),
        without_rounds.advice(stop),
        without_rounds.problems(stop, baseline),
        comparison.audited(stop.audit),
        stop.conductivity.non_analytical if stop.conductivity else None,
    )
