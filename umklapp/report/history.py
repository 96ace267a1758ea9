"""history.json: committees, assessments and audits of all rounds of a material, for the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from umklapp.learning.assessment import Assessment
from umklapp.learning.judgement import CommitteeRecord
from umklapp.records import Part, Record
from umklapp.transport.audit.record import AuditRecord


class Round(Part):
    """committee.json, assessment.json and audit.json of a round, in today's layout.

    audit: None for rounds that were not finished, or without an audit. kappa_members_W_per_mK:
    κ(300 K) of every member on the coarse mesh of the rounds, None for a member without κ; empty
    where κ is no criterion of the rounds, and in files from before it was kept.
    """

    committee: CommitteeRecord
    assessment: Assessment
    audit: AuditRecord | None = None
    kappa_members_W_per_mK: list[float | None] = Field(default_factory=list)

    @field_validator("committee", mode="before")
    @classmethod
    def _committee_of_then(cls, value: Any) -> Any:
        return (
            CommitteeRecord.parse(value, Path("history.json")) if isinstance(value, dict) else value
        )

    @field_validator("assessment", mode="before")
    @classmethod
    def _assessment_of_then(cls, value: Any) -> Any:
        return Assessment.parse(value, Path("history.json")) if isinstance(value, dict) else value

    @field_validator("audit", mode="before")
    @classmethod
    def _audit_of_then(cls, value: Any) -> Any:
        return AuditRecord.parse(value, Path("audit")) if isinstance(value, dict) else value


class History(Record):
    """All rounds, in their order."""

    rounds: list[Round]
