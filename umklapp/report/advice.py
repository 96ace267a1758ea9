"""Which κ of a material to trust, and what speaks against trusting any of them."""

from __future__ import annotations

from collections.abc import Sequence

from umklapp.learning.events.evidence import Kind
from umklapp.transport.audit.record import AuditRecord, Outcome
from umklapp.transport.green_kubo_record import GreenKuboRecord

STRONG = 0.4
"""σᴬ above which perturbation theory about one minimum fails (Knoop et al. 2023)."""

MILD = 0.2
"""σᴬ below which three-phonon theory has been found to agree with experiment."""

LARGE_CORRECTION = 1.0
"""Of the size, over the value: beyond, most of the sum is the model of the correction."""

AUDIT_DOUBTS: dict[Outcome, str | None] = {
    "passed": None,
    "failed": "the audit failed: the committee is wrong in the ensembles that gave these κ",
    "undecided": "the audit has too few labels to exclude that the committee is wrong in the "
    "ensembles that gave these κ",
    "not audited": "no label has tested the committee in the ensembles that gave these κ",
}

VERDICT_DOUBTS: dict[Kind, str | None] = {
    "sound": None,
    "undecided": "the verdict on rare events is undecided",
    "missed event": "the crystal has a rare event that the first committee did not know (missed "
    "event): the Boltzmann equation leaves it out, and Green–Kubo contains it only if one of its "
    "trajectories had it",
    "false event": "the dynamics of a committee shows an event that the reference contradicts "
    "(false event)",
}


def doubts(
    converged: bool,
    audit: Outcome,
    verdict: Kind,
    needs: Sequence[str] = (),
    labels: str = "",
    members: str = "",
) -> list[str]:
    """What forbids to trust κ, a clause each; empty where nothing does.

    Args:
        converged: whether the last assessment met all its criteria. audit: of these κ. verdict: on
            rare events. needs: what would decide it where it is undecided. labels: which given
            labels were not tested (`CommitteeRecord.not_tested`). members: what the labels have
            against the members that they correct (`CommitteeKappa.misleading`).
    """
    rounds = None if converged else "the rounds ended at their cap without convergence"
    events = VERDICT_DOUBTS[verdict]
    if events and verdict == "undecided" and needs:
        events += f" (what would decide: {'; '.join(needs)})"
    return [clause for clause in (AUDIT_DOUBTS[audit], rounds, events, labels, members) if clause]


def size_correction(green_kubo: GreenKuboRecord) -> float | None:
    """Size correction over the value it corrects; None without either."""
    value, corrected = green_kubo.kappa_W_per_mK, green_kubo.corrected_W_per_mK
    return None if value is None or corrected is None else (corrected - value) / value


def no_result(green_kubo: GreenKuboRecord) -> str:
    """Why a κ by Green–Kubo is no result, whatever its error says; empty where it is one."""
    if green_kubo.too_small:
        return green_kubo.too_small
    ratio = size_correction(green_kubo)
    if ratio is not None and abs(ratio) > LARGE_CORRECTION:
        return "its cell is too small: the size correction exceeds the value"
    return ""


def missing_green_kubo(green_kubo: GreenKuboRecord | None, audit: AuditRecord | None) -> str:
    """Why κ by Green–Kubo cannot be taken, as the end of a sentence; empty where it can.

    Args:
        green_kubo: green_kubo.json, None where it was not asked for. audit: of these κ, None where
            there is none.
    """
    if green_kubo is None:
        return "; add a green_kubo section to the configuration"
    if green_kubo.kappa_W_per_mK is None:
        return f"; it was run and gave no κ ({green_kubo.not_computed})"
    if green_kubo.too_small:
        return f"; κ by Green–Kubo is no result here: {green_kubo.too_small}"
    ratio = size_correction(green_kubo)
    if ratio is not None and abs(ratio) > LARGE_CORRECTION:
        return "; κ by Green–Kubo is no result here, because its cell is too small (below)"
    sources = audit.sources if audit else []
    if not any(source.name == "green_kubo" and source.labels for source in sources):
        return "; no frame of its trajectories was audited"
    return ""


def advice(
    sigma: float | None, stable: bool, gap: str, against: list[str], unknown: str | None = None
) -> str:
    """Which method fits the crystal, and whether its κ may be trusted.

    The word *trust* stands here only where nothing speaks against it.

    Args:
        sigma: σᴬ of the last committee's dynamics, None where none is reported.
        stable: whether there is a κ by the Boltzmann equation. gap: of `missing_green_kubo`.
        against: `doubts`. unknown: why σᴬ is None.
    """
    method = _method(sigma, stable, gap, not against, unknown or "no harmonic reference")
    if not against:
        return method
    return f"Trust none of these κ yet: {'; '.join(against)}. Once that is settled: {method}"


def _method(sigma: float | None, stable: bool, gap: str, trusted: bool, unknown: str) -> str:
    verb = "trust" if trusted else "use"
    green_kubo = f"{'use' if gap else verb} Green–Kubo"
    if not stable:
        return (
            "no harmonic κ: the crystal is not dynamically stable in the harmonic approximation; "
            f"only Green–Kubo describes it{gap}."
        )
    if sigma is None:
        return f"σᴬ is not known ({unknown}), so compare both methods{gap}."
    text = f"σᴬ = {sigma:.2f}"
    if sigma > STRONG:
        return f"{text} > {STRONG}: strongly anharmonic, {green_kubo}{gap}."
    if sigma > MILD:
        return (
            f"{text}: between {MILD} and {STRONG}, the Boltzmann equation may be off; {green_kubo} "
            f"where both differ by more than their errors{gap}."
        )
    return (
        f"{text} < {MILD}: nearly harmonic, {verb} the Boltzmann equation; Green–Kubo is classical "
        "and limited by its cell."
    )
