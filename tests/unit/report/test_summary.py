"""The summary: numbers of a campaign, as a row and as the table a user reads."""

import subprocess
import sys

import pandas as pd
import pytest
import stored_results
import yaml
from assessments import assessment

from umklapp.errors import InputError
from umklapp.lattice.thermodynamics_record import MeanStd
from umklapp.learning.events.verdict import Verdict
from umklapp.report import summary
from umklapp.transport.audit.record import AuditRecord


def parts(kappa=(151.2, 118.4), std=(6.04, 4.0), converged=True):
    """What the files of one material hold."""
    assessments = [
        assessment(0, met=False, accepted=8, failed=1),
        assessment(1, met=converged, accepted=6, failed=2),
    ]
    committee = stored_results.committee(
        frames={"train": 31, "calibration": 7, "test": 9},
        test={"force_mae_eV_per_A": 0.0213, "energy_mae_eV_per_atom": 0.0011},
        finetune=None,
    )
    conductivity = stored_results.conductivity(
        temperatures_K=[200.0, 300.0],
        kappa_W_per_mK=None if kappa is None else list(reversed(kappa)),
        std_W_per_mK=None if std is None else list(reversed(std)),
    )
    verdict = Verdict(verdict="sound", reason="sound: no events anywhere", persistence_labels=3)
    highest = stored_results.thermodynamics(highest_THz=MeanStd(mean=15.7, std=0.1))
    budget = stored_results.budget([200.0, 300.0], potential=[8.0, 9.0], mesh=[6.0, 12.0])
    errors = stored_results.errors(budget if kappa else None, moves=-3.0 if kappa else None)
    return assessments, committee, conductivity, errors, highest, verdict


def test_row_of_a_material():
    row = summary.row("Si-227", *parts()).columns()
    assert row["material"] == "Si-227"
    assert row["rounds"] == 2
    assert row["converged"] is True
    assert row["labels"] == 31 + 7 + 9 + 4 + 3  # the last new labels were not trained on
    assert row["failed_labels"] == 3
    assert row["kappa_300K_W_per_mK"] == 151.2  # of 300 K, not of the first temperature
    assert row["kappa_300K_std_W_per_mK"] == 6.04
    assert row["kappa_300K_error_W_per_mK"] == pytest.approx(15.0)
    assert row["kappa_300K_error_is"] == "potential 9; mesh 12"
    assert row["kappa_300K_moves_W_per_mK"] == -3.0
    assert row["test_force_mae_eV_per_A"] == 0.0213
    assert row["highest_frequency_THz"] == 15.7
    assert row["reason"] == "converged: all 1 criteria are met"
    assert row["verdict"] == "sound"


def audit(outcome, labels, failed, reason, **more):
    return AuditRecord(
        round=1, outcome=outcome, passed=outcome == "passed", another_round=outcome == "failed",
        words="audited", reason=reason, asked=labels + failed, labels=labels, failed=failed,
        calibration_factor=1.0, **more,
    )  # fmt: skip


def test_labels_of_the_last_audit_count_and_failures_of_all():
    failed = audit("failed", labels=5, failed=1, reason="failed: too wrong")
    passed = audit(
        "passed", labels=4, failed=2, reason="passed: well", mae=0.0031, mae_upper=0.0042
    )
    row = summary.row("Si-227", *parts(), audits=[failed, passed]).columns()
    plain = summary.row("Si-227", *parts()).columns()
    assert row["labels"] == plain["labels"] + 4  # those of the failed one train
    assert row["failed_labels"] == plain["failed_labels"] + 3
    assert (row["audit"], row["audit_reason"]) == ("passed", "passed: well")
    assert row["audit_force_mae_eV_per_A"] == 0.0031
    assert plain["audit"] == "not audited"
    at_cap = summary.row("Si-227", *parts(), audits=[None, failed]).columns()
    assert at_cap["audit"] == "failed"
    assert "failed: too wrong" in at_cap["audit_reason"]
    assert " failed" in summary.render(pd.DataFrame([at_cap]))


def test_a_row_from_before_there_were_error_budgets():
    """Made again from an archive: ± is the spread of the members, and says so."""
    values = list(parts())
    values[3] = None
    row = summary.row("Si-227", *values).columns()
    assert row["kappa_300K_error_W_per_mK"] is None
    assert "151 ± 6 (members only)" in summary.render(pd.DataFrame([row]))


def test_row_without_conductivity():
    row = summary.row("Si-227", *parts(None, None, converged=False)).columns()
    assert row["kappa_300K_W_per_mK"] is None
    assert row["kappa_300K_std_W_per_mK"] is None
    assert row["kappa_300K_error_W_per_mK"] is None
    assert row["converged"] is False


def table():
    rows = [summary.row("Si-227", *parts()).columns()]
    rows.append(summary.row("CuI-216", *parts(None, None, converged=False)).columns())
    return pd.DataFrame(rows)


@pytest.mark.parametrize("through_a_file", [False, True])
def test_table_a_user_reads(tmp_path, through_a_file):
    found = table()
    if through_a_file:
        found.to_csv(tmp_path / "summary.csv", index=False)
        found = pd.read_csv(tmp_path / "summary.csv")
    head, silicon, iodide = summary.render(found).splitlines()
    for name in ("material", "rounds", "labels", "force MAE (meV/Å)", "κ(300 K) (W/(m K))"):
        assert name in head
    assert "151 ± 15" in silicon
    assert "21.3" in silicon
    assert "exp. 148, 156" in silicon
    assert silicon.endswith("yes  sound not audited")
    assert "not computed" in iodide
    assert iodide.endswith("NO  sound not audited")
    assert "nan" not in iodide.lower()


def campaign(plain, folder):
    plain["results"] = str(folder / "results")
    path = folder / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


def test_campaign_without_a_summary(plain, tmp_path):
    path = campaign(plain, tmp_path)
    with pytest.raises(InputError, match=r"summary\.csv does not exist yet: run the campaign"):
        summary.run(path)


def test_finished_campaign(plain, tmp_path):
    path = campaign(plain, tmp_path)
    (tmp_path / "results").mkdir()
    table().to_csv(tmp_path / "results/summary.csv", index=False)
    text = summary.run(path)
    assert "151 ± 15" in text
    assert "  Si-227: converged: all 1 criteria are met" in text
    assert f"figures: {tmp_path / 'results/figures'}" in text
    (tmp_path / "results/report.html").write_text("<html>")
    assert f"report: {tmp_path / 'results/report.html'}" in summary.run(path)


def test_command_line(plain, tmp_path):
    path = campaign(plain, tmp_path)
    command = [sys.executable, "-m", "umklapp", "summary", str(path)]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "does not exist yet" in failed.stderr
    assert "Traceback" not in failed.stderr
    (tmp_path / "results").mkdir()
    table().to_csv(tmp_path / "results/summary.csv", index=False)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == summary.run(path) + "\n"
