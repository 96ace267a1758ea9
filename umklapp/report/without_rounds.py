"""What people read of a material that is done without rounds: κ by every method, advice, row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from umklapp.paths import Material, existing
from umklapp.report import comparison, zero_label
from umklapp.report.summary import MaterialSummary
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.kappa_records import ROOM
from umklapp.transport.stop_rule.record import NOT_SEARCHED, StopRecord
from umklapp.wording import counted


def rows(stop: StopRecord, baseline: Baseline | None) -> pd.DataFrame:
    """κ(300 K) of the corrected model, of the model alone, and published: `comparison.COLUMNS`."""
    if stop.conductivity is None:
        return zero_label.rows(baseline, None)
    published = comparison.literature_rows(stop.conductivity.literature)
    others = zero_label.beside(baseline, None, published)
    return comparison.rows(stop.conductivity, None, None, others, stop.errors)


def sigmas(stop: StopRecord) -> dict[str, float | None]:
    """σᴬ of the model and of the labels, None where it is not known."""
    return {
        f"{stop.model.name} without labels, {ROOM:.0f} K": stop.sigma_A,
        "labels of the audit": stop.sigma_A_labels,
    }


def advice(stop: StopRecord) -> str:
    """Whether κ may be trusted. Only a material that is done has this page: every criterion is met.

    Events were not searched for, which stands beside the word *trust*.
    """
    if not stop.done:
        return f"Trust none of these κ yet: the material {stop.words}."
    return (
        f"nearly harmonic by {counted(stop.labels, 'label')}, trust the Boltzmann equation within "
        f"its ±; there is no committee and no dynamics: rare events were {stop.events}."
    )


def problems(stop: StopRecord, baseline: Baseline | None) -> list[str]:
    """What could not be computed, and what the errors leave out, in words."""
    sentences = []
    if stop.conductivity is not None:
        errors, moves = stop.errors, None
        if errors is not None:
            moves = errors.moves_W_per_mK
            errors = errors.model_copy(update={"moves_W_per_mK": None})
        sentences += comparison.missing(stop.conductivity, None, None, errors)
        if moves is not None:
            sentences.append(
                f"κ({ROOM:.0f} K) would move by {moves:+.2g} W/(m K) if the model also learned the "
                "labels held back"
            )
    return sentences + zero_label.problems(baseline, None)


def standing(stop: StopRecord, files: Material, jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """State of the material for `umklapp status`: keys as in `status.of_material`.

    Args:
        jobs: of `unfinished_jobs.unfinished`, of this material.
    """
    kappa = stop.conductivity.at_room_temperature if stop.conductivity else None
    budget = stop.errors.boltzmann if stop.errors else None
    audit = stop.audit
    return {
        "material": stop.material,
        "stage": "finished" if Path(files.summary).exists() else "report",
        "round": None,
        "labels": len(existing(f"{files.ledger}/*/*.extxyz")),
        "failed_labels": stop.failed,
        "test_force_mae_eV_per_A": None,
        "kappa_300K_W_per_mK": kappa[0] if kappa else None,
        "kappa_300K_std_W_per_mK": None,
        "kappa_300K_error_W_per_mK": budget.total(ROOM) if budget else None,
        "converged": True,
        "verdict": NOT_SEARCHED,
        "verdict_note": None,
        "audit": audit.outcome if audit else None,
        "audit_words": audit.words if audit else None,
        "audit_reason": audit.reason if audit else None,
        "audit_note": None,
        "labelled_by": stop.labelled_by,
        "mixed_versions": False,
        "labels_not_tested": "",
        "reason": stop.words,
        "fallbacks": [],
        "running": [job for job in jobs if not job["failed"]],
        "failed": [job for job in jobs if job["failed"]],
    }


def summary(stop: StopRecord, baseline: Baseline | None) -> MaterialSummary:
    """The row of the material.

    Raises:
        ValueError: it is not done.
    """
    kappa, audit = stop.conductivity, stop.audit
    if not stop.done or kappa is None or audit is None:
        raise ValueError(f"{stop.material} {stop.words}")
    budget = stop.errors.boltzmann if stop.errors else None
    value = kappa.at_room_temperature
    return MaterialSummary(
        material=stop.material,
        rounds=0,
        converged=True,
        labels=stop.labels,
        failed_labels=stop.failed,
        test_force_mae_eV_per_A=None,
        test_energy_mae_eV_per_atom=None,
        kappa_300K_W_per_mK=value[0] if value else None,
        kappa_300K_std_W_per_mK=None,
        kappa_300K_error_W_per_mK=budget.total(ROOM) if budget else None,
        kappa_300K_error_is=budget.sentence() if budget else None,
        kappa_300K_moves_W_per_mK=stop.errors.moves_W_per_mK if stop.errors else None,
        non_analytical_correction=kappa.non_analytical.words if kappa.non_analytical else None,
        sigma_A=stop.sigma_A_labels,
        highest_frequency_THz=stop.highest_frequency_THz,
        **zero_label.columns(baseline, None),
        labelled_by=stop.labelled_by,
        literature=kappa.literature.text,
        verdict=NOT_SEARCHED,
        audit=audit.outcome,
        audit_force_mae_eV_per_A=audit.mae,
        audit_force_mae_upper_eV_per_A=audit.mae_upper,
        audit_error_over_expected=audit.ratio,
        reason=stop.words,
        verdict_reason=stop.events,
        audit_reason=audit.reason,
    )
