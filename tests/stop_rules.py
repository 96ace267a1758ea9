"""Records around the stop rule, made by hand."""

from __future__ import annotations

from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.kappa_records import KappaNumbers

MODEL = ModelIdentity(
    name="model", package="ase", sha256="0" * 64, functional="PBE", licence="MIT", source="here"
)


def baseline_of(sigma: float | None = 0.1, stable: bool = True, kappa: float = 10.0) -> Baseline:
    """A baseline at the given lattice alone."""
    reason = None if stable else "not dynamically stable: -1.000 THz"
    given = BaselineAtLattice(
        lattice="of the campaign",
        lattice_A=[3.8] * 3,
        volume_A3_per_atom=20.0,
        stable=stable,
        lowest_frequency_THz=0.0 if stable else -1.0,
        highest_frequency_THz=16.0,
        kappa=KappaNumbers(
            temperatures_K=[300.0],
            kappa_W_per_mK=[kappa] if stable else None,
            kappa_tensor_W_per_mK=None,
            not_computed=reason,
            lowest_frequency_THz=0.0 if stable else -1.0,
        ),
        sigma_A=sigma if stable else None,
        sigma_A_error=None,
        supercell_atoms=64,
        frames=20,
        pair_cutoff_A=None,
        seconds=1.0,
    )
    return Baseline(
        material="Si-227",
        model=MODEL,
        mesh=[3, 3, 3],
        given=given,
        own=None,
        own_missing=None,
        volume_change=None,
        non_analytical=None,
        largest_mean_force_eV_per_A=0.0,
    )


def audit_record(outcome: str = "passed") -> AuditRecord:
    """An audit with this outcome."""
    return AuditRecord.model_validate(
        {
            "round": -1,
            "outcome": outcome,
            "passed": outcome == "passed",
            "another_round": outcome == "failed",
            "words": "audited: 3.0 meV/Å (at most 4.0) on 4 labels, no expected error",
            "reason": f"{outcome}: the sentence that decides",
            "asked": 4,
            "labels": 4,
            "failed": 0,
            "calibration_factor": None,
            "mae": 0.003,
        }
    )
