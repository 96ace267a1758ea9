"""One material, every κ: what the methods say, with their error bars, and which one to trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, field_validator

from umklapp.lattice.born_record import NonAnalytical
from umklapp.learning.events.verdict import Verdict
from umklapp.records import Part, Record
from umklapp.report.advice import LARGE_CORRECTION, size_correction
from umklapp.transport.audit.record import AuditRecord, Outcome
from umklapp.transport.error_budget import ErrorBudget, KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import (
    ROOM,
    CommitteeKappa,
    EffectiveConductivity,
    Literature,
    SrmeRecord,
)

COLUMNS = ["method", "kappa_W_per_mK", "error_W_per_mK", "error_is", "temperature_K"]


BEFORE = {
    "members": "members only, made before error budgets",
    "runs": "statistics only, made before error budgets",
}
"""What an error bar is in an archive without error_budget.json."""


CORRECTED = "; the size correction counts as its own error"


class Row(Part):
    """κ by one method; error_is: what kind of error it is."""

    method: str
    kappa_W_per_mK: float
    error_W_per_mK: float | None
    error_is: str
    temperature_K: float


class AuditSays(Part):
    """What the audit says of these κ: `words` for captions, `reason` and `details` in full."""

    outcome: Outcome = "not audited"
    words: str = "not audited"
    reason: str = "not audited: no label from the ensembles that gave κ"
    details: list[str] = Field(default_factory=list)


class Comparison(Record):
    """comparison.json: σᴬ of the dynamics, every κ, which to trust, and κ_SRME if it was asked."""

    advice: str
    sigma: dict[str, float | None]
    kappa: list[Row]
    srme: SrmeRecord | None
    audit: AuditSays = AuditSays()
    non_analytical: NonAnalytical | None = None

    @field_validator("srme", mode="before")
    @classmethod
    def _srme_of_then(cls, value: Any) -> Any:
        return (
            SrmeRecord.parse(value, Path("comparison.json")) if isinstance(value, dict) else value
        )


def rows(
    conductivity: CommitteeKappa,
    green_kubo: GreenKuboRecord | None,
    effective: EffectiveConductivity | None,
    literature: pd.DataFrame,
    errors: KappaErrors | None,
) -> pd.DataFrame:
    """κ near 300 K by every method: columns `COLUMNS`.

    Args:
        conductivity: conductivity.json. green_kubo, effective: green_kubo.json and effective.json,
            None where they were not made.
        literature: other rows, of `zero_label.rows` and `literature_rows`.
        errors: error_budget.json; None for an archive from before there were any.
    """
    estimates: list[list[Any]] = []
    kappa = conductivity.at_room_temperature
    if kappa is not None:
        error = _total(errors.boltzmann, ROOM) if errors else (kappa[1], BEFORE["members"])
        estimates.append([conductivity.method, kappa[0], *error, ROOM])
    if effective is not None and effective.kappa_W_per_mK is not None:
        estimates.append(
            ["effective force constants", effective.kappa_W_per_mK, None, "one fit",
             effective.temperature_K]
        )  # fmt: skip
    if green_kubo is not None and green_kubo.kappa_W_per_mK is not None:
        temperature = green_kubo.temperature_K
        spread = green_kubo.error_W_per_mK
        error = _total(errors.green_kubo, temperature) if errors else (spread, BEFORE["runs"])
        estimates.append(["Green–Kubo", green_kubo.kappa_W_per_mK, *error, temperature])
        members = green_kubo.committee
        if members.model_W_per_mK is not None:
            mean = sum(members.members.values()) / len(members.members)
            estimates.append(
                ["Green–Kubo, by members", mean, members.model_W_per_mK,
                 "spread of the committee beyond statistics", temperature]
            )  # fmt: skip
        if green_kubo.corrected_W_per_mK is not None:
            estimates.append(
                ["Green–Kubo, infinite size", green_kubo.corrected_W_per_mK, error[0],
                 f"as above: {error[1]}" + (CORRECTED if errors else ""), temperature]
            )  # fmt: skip
        second = green_kubo.cepstral
        if second.kappa_W_per_mK is not None:
            estimates.append(
            ["cepstral analysis", second.kappa_W_per_mK, second.error_W_per_mK,
             "known variance of the spectrum", temperature]
        )  # fmt: skip
    own = pd.DataFrame(estimates, columns=COLUMNS)
    return pd.concat([table for table in (own, literature) if len(table)], ignore_index=True)


def _total(budget: ErrorBudget | None, temperature: float | None) -> tuple[float | None, str]:
    """Total error at a temperature (K), W/(m K), and what it contains."""
    if budget is None or temperature is None:
        return None, "not known: κ has no error budget"
    return budget.total(temperature), budget.sentence(temperature)


def literature_rows(values: Literature) -> pd.DataFrame:
    """Published κ(300 K) from `literature` of conductivity.json."""
    names = {
        "experiment_300K": "experiment",
        "ab_initio_green_kubo_300K": "ab initio Green–Kubo (literature)",
    }
    published = [
        [name, value, None, "as published", 300.0]
        for key, name in names.items()
        for value in getattr(values, key)
    ]
    return pd.DataFrame(published, columns=COLUMNS)


def audited(audit: AuditRecord | None) -> AuditSays:
    """What stands beside κ; None where there is no audit."""
    if audit is None:
        return AuditSays()
    return AuditSays(
        outcome=audit.outcome, words=audit.words, reason=audit.reason, details=audit.details
    )


def missing(
    conductivity: CommitteeKappa,
    green_kubo: GreenKuboRecord | None,
    effective: EffectiveConductivity | None,
    errors: KappaErrors | None,
) -> list[str]:
    """What was asked for and could not be computed, in words; and what the errors leave out."""
    problems = [f"κ: {conductivity.not_computed}"] if conductivity.not_computed else []
    if conductivity.left_out:
        problems.append(conductivity.left_out)
    correction = conductivity.non_analytical
    if correction is not None and correction.lacking:
        problems.append(
            f"Boltzmann equation: {correction.words}; the crystal is polar, so its optical "
            "branches lack the splitting at Γ"
        )
    if errors is None:
        problems.append(f"error bars: {BEFORE['members']}")
    elif errors.moves_W_per_mK is not None:
        problems.append(
            f"κ({ROOM:.0f} K) by the Boltzmann equation would move by {errors.moves_W_per_mK:+.2g} "
            "W/(m K) if the committee also learned the labels of the audit and those held back"
        )
    if errors is not None:
        budgets = (("Boltzmann", errors.boltzmann), ("Green–Kubo", errors.green_kubo))
        problems += [
            f"± of {name} does not contain {why}"
            for name, budget in budgets
            for why in (budget.missing if budget else [])
        ]
    if effective is not None and effective.not_computed:
        problems.append(f"effective force constants: {effective.not_computed}")
    if green_kubo is None:
        return problems
    if green_kubo.kappa_W_per_mK is None:
        return [*problems, f"Green–Kubo: {green_kubo.not_computed}"]
    if green_kubo.moved is not None:
        problems.append(f"Green–Kubo moves {green_kubo.moved}")
    residual = conductivity.residual_before_correction_eV_per_A
    if residual is not None and green_kubo.correction == "none":
        problems.append(
            f"Green–Kubo moves the members as they are: they leave {1e3 * residual:.0f} meV/Å of "
            "the labels in the phonon supercell, which the Taylor correction takes up for the "
            "Boltzmann equation only"
        )
    problems += [
        f"trajectory {replica} is not used: {reason}"
        for replica, reason in green_kubo.excluded.items()
    ]
    small = [green_kubo.too_small] if green_kubo.too_small else []
    problems += [f"Green–Kubo: {warning}" for warning in (*small, *green_kubo.warnings)]
    ratio = size_correction(green_kubo)
    if ratio is not None and abs(ratio) > LARGE_CORRECTION:
        problems.append(
            f"Green–Kubo, infinite size: the correction ({ratio * green_kubo.kappa_W_per_mK:+.2g}) "
            f"is {abs(ratio):.1f} times the value it corrects: no result; take a larger sampling "
            "supercell"
        )
    for part, name in (
        (green_kubo.size, "lifetimes and size correction"),
        (green_kubo.cepstral, "cepstral"),
    ):
        problems += [f"{name}: {part.not_computed}"] if part.not_computed else []
    return problems


def page(
    material: str,
    table: pd.DataFrame,
    sigmas: Mapping[str, float | None],
    comparison: str,
    problems: Sequence[str],
    audit: AuditSays,
    correction: NonAnalytical | None = None,
) -> str:
    """The comparison as a markdown page.

    Args:
        audit: of `audited`. correction: of conductivity.json.
    """
    lines = [f"# {material}: thermal conductivity by every method", "", comparison, ""]
    lines += [f"Audit: {audit.reason}.", ""]
    lines += [*(f"- {sentence}" for sentence in audit.details), ""] if audit.details else []
    lines += [f"Non-analytical correction: {correction.words}.", ""] if correction else []
    lines += ["| method | T (K) | κ (W/(m K)) | ± | what ± is |", "|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        error = "" if pd.isna(row["error_W_per_mK"]) else f"{row['error_W_per_mK']:.2g}"
        lines.append(
            f"| {row['method']} | {row['temperature_K']:.0f} | {row['kappa_W_per_mK']:.3g} | "
            f"{error} | {row['error_is']} |"
        )
    lines += ["", "| σᴬ | |", "|---|---|"]
    lines += [
        f"| {name} | {'not known' if value is None else f'{value:.3f}'} |"
        for name, value in sigmas.items()
    ]
    lines += ["", *(f"- {problem}" for problem in problems)] if problems else []
    return "\n".join(lines) + "\n"


def sigmas(verdict: Verdict) -> dict[str, float | None]:
    """σᴬ in the dynamics of the first and of the last committee, None where it is not known."""
    return {
        f"dynamics of the {which} committee": verdict.overall_sigma(key)
        for key, which in (("before", "first"), ("after", "last"))
    }
