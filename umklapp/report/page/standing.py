"""The first screen: a row per material, with the word that says whether its κ may be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from umklapp.report import advice
from umklapp.report.page.sources import MaterialSources
from umklapp.transport.kappa_records import ROOM
from umklapp.transport.stop_rule.record import NOT_SEARCHED

Level = Literal["failed", "doubtful", "open", "trusted"]

LEVELS: dict[Level, str] = {
    "failed": "failed",
    "doubtful": "not to be trusted yet",
    "open": "not finished",
    "trusted": "may be trusted",
}
"""What each level is called, worst first: the order of the table."""


APART = 1.5
"""Ratio to the nearest published κ from which the page says so: experiments scatter by less."""


@dataclass(frozen=True)
class Kappa:
    """κ near 300 K by one method, W/(m K). error: its total, None where none is known.

    partial: what the error is where it is not the total of a budget. doubt: why this number is no
    result, empty where it is one.
    """

    value: float
    error: float | None
    partial: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Row:
    """One material on the first screen; None where nothing is known.

    reasons: why the level is not `trusted`, a clause each. sigma: σᴬ of the last committee's
    dynamics, without rounds of the labels. labels: reference calculations; rounds: of training.
    hours: of cores, of GPUs.
    """

    key: str
    level: Level
    reasons: list[str]
    stage: str
    boltzmann: Kappa | None
    green_kubo: Kappa | None
    baseline: Kappa | None
    experiment: list[float]
    ab_initio: list[float]
    sigma: float | None
    verdict: str | None
    audit: str | None
    rounds: int | None
    labels: int | None
    failed_labels: int
    force_mae_eV_per_A: float | None
    core_hours: float
    gpu_hours: float

    @property
    def rank(self) -> int:
        """Place of the level, failures first."""
        return list(LEVELS).index(self.level)


def row(sources: MaterialSources) -> Row:
    """The row of one material."""
    standing, summary = sources.standing, sources.summary
    level, reasons = judged(sources)
    shown = sources.finished
    literature = sources.conductivity.literature if sources.conductivity else None
    audit = sources.audit
    sigma = sources.verdict.overall_sigma("after") if sources.verdict and shown else None
    verdict: str | None = sources.verdict.verdict if sources.verdict and shown else None
    if sources.stop is not None:
        sigma, verdict = sources.stop.sigma_A_labels, NOT_SEARCHED
    labels = summary.labels if summary and shown else standing.get("labels")
    spent = sources.costs
    committee = sources.committees[-1] if sources.committees else None
    return Row(
        key=sources.key,
        level=level,
        reasons=reasons,
        stage=_stage(sources),
        boltzmann=boltzmann(sources) if shown else None,
        green_kubo=green_kubo(sources) if shown else None,
        baseline=baseline(sources),
        experiment=list(literature.experiment_300K) if literature else [],
        ab_initio=list(literature.ab_initio_green_kubo_300K) if literature else [],
        sigma=sigma,
        verdict=verdict,
        audit=(audit.outcome if audit else "not audited") if shown else None,
        rounds=len(sources.rounds) or None,
        labels=labels or None,
        failed_labels=standing.get("failed_labels", summary.failed_labels if summary else 0),
        force_mae_eV_per_A=committee.test.force_mae_eV_per_A if committee else None,
        core_hours=float(spent["core_hours"].sum()) if len(spent) else 0.0,
        gpu_hours=float(spent["gpu_hours"].sum()) if len(spent) else 0.0,
    )


def judged(sources: MaterialSources) -> tuple[Level, list[str]]:
    """Whether κ may be trusted, and every reason against it, as clauses."""
    standing = sources.standing
    broken = [
        *sources.unreadable,
        *(
            f"the job {job['rule']} failed: {job['last_line']}"
            for job in standing.get("failed", [])
        ),
    ]
    if not sources.finished:
        if sources.audit is not None and standing.get("audit_note"):
            broken.append(str(standing["audit_note"]))
        return ("failed", broken) if broken else ("open", [f"in progress: {_stage(sources)}"])
    conductivity = sources.conductivity
    if conductivity is None:
        broken.append("conductivity.json does not exist")
    elif conductivity.not_computed:
        broken.append(f"no κ by the Boltzmann equation: {conductivity.not_computed}")
    doubts = trust_doubts(sources)
    failed = broken or [
        clause
        for clause in doubts
        if clause == advice.AUDIT_DOUBTS["failed"] or "without convergence" in clause
    ]
    reasons = [*broken, *doubts]
    if failed:
        return "failed", reasons
    return ("doubtful", reasons) if reasons else ("trusted", [])


def trust_doubts(sources: MaterialSources) -> list[str]:
    """What `advice.doubts` has against the κ of a finished material.

    The stop rule ends a material only where nothing speaks against its κ.
    """
    if sources.stop is not None:
        return []
    converged = sources.rounds[-1].assessment.converged if sources.rounds else False
    audit, verdict = sources.audit, sources.verdict
    return advice.doubts(
        converged,
        audit.outcome if audit else "not audited",
        verdict.verdict if verdict else "undecided",
        verdict.needs if verdict else (),
        sources.committees[-1].not_tested if sources.committees else "",
        sources.conductivity.misleading if sources.conductivity else "",
    )


def boltzmann(sources: MaterialSources) -> Kappa | None:
    """κ(300 K) by the Boltzmann equation with the total of its error budget."""
    value = sources.conductivity.at_room_temperature if sources.conductivity else None
    if value is None:
        return None
    budget = sources.errors.boltzmann if sources.errors else None
    if budget is None:
        return Kappa(value[0], value[1], partial="members only")
    return Kappa(value[0], budget.total(ROOM))


def green_kubo(sources: MaterialSources) -> Kappa | None:
    """κ by Green–Kubo near 300 K, with the size correction where that is to be believed."""
    record = sources.green_kubo
    if record is None or record.kappa_W_per_mK is None or record.temperature_K is None:
        return None
    budget = sources.errors.green_kubo if sources.errors else None
    error = record.error_W_per_mK if budget is None else budget.total(record.temperature_K)
    partial = "" if budget else "statistics only"
    doubt = advice.no_result(record)
    corrected = record.corrected_W_per_mK
    value = record.kappa_W_per_mK if doubt or corrected is None else corrected
    return Kappa(value, error, partial, doubt)


def baseline(sources: MaterialSources) -> Kappa | None:
    """κ(300 K) of a foundation model without labels, at the campaign's lattice."""
    kappa = sources.baseline.given.kappa.at_room_temperature if sources.baseline else None
    return None if kappa is None else Kappa(kappa, None, partial="not known")


def apart_from_literature(row: Row) -> str | None:
    """By what factor κ by the Boltzmann equation is off every published value, from `APART` on.

    Returns:
        Such as `3.2 times below every published value`; None where it is nearer, or none is known.
    """
    published = [*row.experiment, *row.ab_initio]
    if row.boltzmann is None or not published or row.boltzmann.value <= 0:
        return None
    low, high, value = min(published), max(published), row.boltzmann.value
    if value < low / APART:
        return f"{low / value:.1f} times below every published value"
    if value > high * APART:
        return f"{value / high:.1f} times above every published value"
    return None


def _stage(sources: MaterialSources) -> str:
    standing = sources.standing
    if not standing:
        return "finished (archive)"
    stage = str(standing.get("stage"))
    current = standing.get("round")
    return f"round {current}: {stage}" if current is not None and stage in _IN_ROUND else stage


_IN_ROUND = ("training", "exploration", "acquisition", "labels", "between rounds", "audit")
