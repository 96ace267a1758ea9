"""Results that pages are made of: the stored ones of 0.1, with an audit and rounds of today."""

import shutil
from pathlib import Path

import pandas as pd
from PIL import Image
from stored_results import RESULTS

from umklapp.learning.assessment import Assessment, Criterion
from umklapp.learning.events.verdict import Verdict
from umklapp.transport.audit.record import AuditRecord


def audit_record(outcome: str) -> AuditRecord:
    """An audit of round 1 with 4 labels."""
    passed = outcome == "passed"
    return AuditRecord(
        round=1, outcome=outcome, passed=passed, another_round=False, words=f"audit {outcome}",
        reason=f"{outcome}: 7.4 meV/Å on 4 labels", asked=4, labels=4, failed=0,
        calibration_factor=2.0, mae=0.0074, mae_upper=0.012, expected_mae=0.0073,
    )  # fmt: skip


def converged(number: int) -> Assessment:
    """An assessment that ends the rounds."""
    words = "force MAE 7 meV/Å on 5 labels it had not seen"
    return Assessment(
        round=number, converged=True, finished=True, reason="converged: all is well",
        criteria={"force": Criterion(met=True, value=0.007, limit=0.02, words=words)},
        explored=160, accepted=5, failed=1, checks=2, stopped=0, training_frames=22,
    )  # fmt: skip


def results(folder: Path, outcome: str | None = None, word: str = "undecided") -> Path:
    """A campaign of one finished material, Si-227.

    Args:
        outcome: of the audit of the last round, None for none. word: the verdict.
    """
    ignored = shutil.ignore_patterns("*.ckpt", "ledger", "low_fidelity")
    shutil.copytree(RESULTS / "Si-227", folder / "Si-227", ignore=ignored)
    shutil.copy(RESULTS / "costs.csv", folder / "costs.csv")
    material = folder / "Si-227"
    if outcome is not None:
        audit_record(outcome).write(material / "round_01/audit.json")
        converged(1).write(material / "round_01/assessment.json")
    if word != "undecided":
        Verdict(verdict=word, reason=f"{word}: of a test").write(material / "verdict.json")
    figures = folder / "figures/Si-227"
    figures.mkdir(parents=True)
    picture = Image.new("RGB", (1400, 700), "white")
    picture.paste((31, 95, 168), (200, 200, 1000, 260))
    picture.save(figures / "kappa.png")
    assert len(pd.read_csv(folder / "costs.csv"))
    return folder
