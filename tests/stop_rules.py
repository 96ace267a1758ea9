"""Records around the stop rule, made by hand."""

from __future__ import annotations

from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.transport.audit.record import AuditRecord, Criterion
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.error_budget import ErrorBudget, ErrorPart, KappaErrors
from umklapp.transport.kappa_records import Conductivity, KappaNumbers, Literature
from umklapp.transport.stop_rule.record import StopRecord

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


def conductivity_of(kappa: float | None = 12.0) -> Conductivity:
    """κ of the corrected model at 300 K."""
    return Conductivity(
        temperatures_K=[300.0],
        mesh=[3, 3, 3],
        members_W_per_mK=[None if kappa is None else [kappa]],
        not_computed="imaginary modes" if kappa is None else None,
        lowest_frequency_THz=0.0,
        method="Boltzmann equation; model corrected by 2 labels",
        kappa_W_per_mK=None if kappa is None else [kappa],
        std_W_per_mK=None,
        material="Si-227",
        settings={},
        reference={"engine": "ase"},
        literature=Literature(experiment_300K=[13.0], ab_initio_green_kubo_300K=[], text="exp. 13"),
    )


def errors_of(residual: float = 0.6, mesh: float = 0.8) -> KappaErrors:
    """Parts of ± of that κ, W/(m K)."""
    parts = [
        ErrorPart(name="residual", source="potential", text="labels", error_W_per_mK=[residual]),
        ErrorPart(name="mesh", source="mesh", text="mesh", error_W_per_mK=[mesh]),
    ]
    return KappaErrors(
        material="Si-227",
        audited="audited",
        moves_W_per_mK=-0.3,
        boltzmann=ErrorBudget(temperatures_K=[300.0], parts=parts),
        green_kubo=None,
    )


def stop_of(done: bool = True) -> StopRecord:
    """A record of a material that is done, or of one that goes on after its labels."""
    criterion = Criterion(name="kappa", met=done, value=0.05, limit=0.1, words="κ is known to 5 %")
    return StopRecord(
        material="Si-227",
        model=MODEL,
        done=done,
        words="done without rounds after 8 labels" if done else "goes through the rounds: κ",
        criteria=[criterion],
        sigma_A=0.12,
        sigma_A_labels=0.14,
        labels=8,
        failed=1,
        labelled_by="silicon 1.0 (8)",
        audit=audit_record(),
        conductivity=conductivity_of(),
        errors=errors_of(),
        highest_frequency_THz=16.0,
    )
