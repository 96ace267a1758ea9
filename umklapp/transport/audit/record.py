"""audit.json: what was drawn, what was expected, what was found, and whether κ may be trusted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from umklapp.records import Part, Record

Source = Literal["thermal", "displaced", "green_kubo", "table"]
Outcome = Literal["passed", "failed", "undecided", "not audited"]


class Criterion(Part):
    """One thing that must hold: found and asked for, in numbers and in words."""

    name: str
    met: bool
    value: float | None
    limit: float | None
    words: str


class SourceAudit(Part):
    """Errors on the labels of one source; forces in eV/Å, energies in eV per atom.

    drawn, labels, failed: frames asked for, labelled, and failed; blocks: independent ones among
    the labels (opposite displacements count once). mae: mean |component| of the committee mean's
    error, `mae_upper` its upper 95 % limit (None: one block says none); expected_mae: of the
    calibrated uncertainty, before there was a label. largest: error of the worst atom. ratio:
    found over expected error, rms over atoms, with its 95 % limits; over_spread: found error over
    the plain spread of the members, the factor by which that spread must be widened to cover it.
    corrected: the members are those with the Taylor correction, whose spread is no error bar.
    harmonic_error, anharmonic_error, anharmonic_force_pairs: rms over components from pairs of
    opposite displacements (parts odd and even in u; the last is the reference's even force);
    anharmonic_force: rms of F + Φu of the reference's forces with the committee's Φ.
    """

    name: Source
    atoms: int
    temperature_K: float | None
    corrected: bool
    drawn: int
    labels: int
    failed: int
    blocks: int
    mae: float | None = None
    mae_upper: float | None = None
    expected_mae: float | None = None
    largest: float | None = None
    energy_mae: float | None = None
    energy_spread: float | None = None
    ratio: float | None = None
    ratio_lower: float | None = None
    ratio_upper: float | None = None
    over_spread: float | None = None
    harmonic_error: float | None = None
    anharmonic_error: float | None = None
    anharmonic_force_pairs: float | None = None
    anharmonic_force: float | None = None


class AuditRecord(Record):
    """The audit of one round's κ; round −1: of the stop rule, before the rounds.

    outcome: `passed`, `failed`, `undecided` where all criteria are met and the labels are too few
    to exclude an error above the wanted one, or `not audited` where nothing could be drawn. words:
    the sentence that stands beside κ; reason: the outcome and the sentence that decides; details:
    further short sentences, with every other criterion that is not met. mae …
    ratio_upper: over the labels of all sources, as in `SourceAudit`; the ratio leaves out corrected
    members. unseen_share: share of the frames that may be worse than the worst label (95 %
    confidence).
    not_drawn: sources that gave no frame, and why. another_round: it failed, and the next round
    can learn from its labels.
    """

    round: int
    outcome: Outcome
    passed: bool
    another_round: bool
    words: str
    reason: str
    details: list[str] = Field(default_factory=list)
    asked: int
    labels: int
    failed: int
    calibration_factor: float | None
    mae: float | None = None
    mae_upper: float | None = None
    expected_mae: float | None = None
    ratio: float | None = None
    ratio_lower: float | None = None
    ratio_upper: float | None = None
    unseen_share: float | None = None
    criteria: list[Criterion] = Field(default_factory=list)
    sources: list[SourceAudit] = Field(default_factory=list)
    not_drawn: dict[str, str] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """The reason and its details, a sentence per line."""
        return "\n  ".join([self.reason, *self.details])
