"""stop.json: whether a material is done without rounds, why, and its κ."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from umklapp.paths import Material
from umklapp.records import Record
from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.transport.audit.record import AuditRecord, Criterion
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import Conductivity, Correction

NOT_SEARCHED = "not searched"
"""What stands in place of a verdict on rare events: no dynamics has looked for any."""


class StopRecord(Record):
    """stop.json.

    done: whether every criterion is met; a criterion that was not asked, because one before it is
    not met, is absent. words: the decision and why, in a sentence. sigma_A: σᴬ(300 K) of the model
    without labels; sigma_A_labels: of the labels of the audit. labels, failed: reference
    calculations that the rule asked for, with and without a result; labelled_by: programs and
    versions behind them. correction: of the model by the
    first of them. conductivity, errors: κ of the corrected model and what its ± is made of, None
    where there is none. highest_frequency_THz: of the corrected model, on the mesh of κ.
    """

    VERSION: ClassVar[int] = 1

    material: str
    model: ModelIdentity
    done: bool
    words: str
    criteria: list[Criterion] = Field(min_length=1)
    sigma_A: float | None
    sigma_A_labels: float | None = None
    labels: int
    failed: int
    labelled_by: str
    correction: Correction | None = None
    audit: AuditRecord | None = None
    conductivity: Conductivity | None = None
    errors: KappaErrors | None = None
    highest_frequency_THz: float | None = None

    @property
    def events(self) -> str:
        """What stands in place of the reason of a verdict on rare events."""
        sigma = "not known" if self.sigma_A is None else f"{self.sigma_A:.2f}"
        return f"{NOT_SEARCHED}: nearly harmonic by the model (σᴬ {sigma})"


def stopped(files: Material) -> StopRecord | None:
    """stop.json of a material that ended by it; None where rounds have begun, or are to begin.

    Raises:
        InputError: the file is no such record.
    """
    path = Path(files.stop)
    if not path.exists() or begun(files):
        return None
    record = StopRecord.read(path)
    return record if record.done else None


def begun(files: Material) -> bool:
    """Whether a round of a material has begun, here or where its archive is from."""
    return bool(files.rounds_on_disk()) or Path(files.history).exists()
