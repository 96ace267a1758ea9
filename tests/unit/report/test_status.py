"""Where a campaign stands, from files as the pipeline leaves them at its stages."""

import io
import json
import os

import pytest
import stored_results
import yaml
from assessments import assessment
from rich.console import Console

from umklapp.errors import InputError
from umklapp.learning.events.verdict import Belongs, Verdict
from umklapp.learning.judgement import CommitteeRecord
from umklapp.potentials.training_records import Training
from umklapp.report import status

CAP = 5
FAILED = {"frame_id": "f9", "reason": "timeout", "message": "no result", "attempts": 1}


def touch(path, text="", stamp=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if stamp is not None:
        os.utime(path, (stamp, stamp))


def stage(folder):
    return status.of_material(folder, [], CAP)["stage"]


def test_stages_in_their_order(tmp_path):
    folder = tmp_path / "Si-227"
    assert stage(folder) == "not begun"
    folder.mkdir()
    assert stage(folder) == "structure"
    touch(folder / "structure/primitive.extxyz")
    assert stage(folder) == "seeds"
    touch(folder / "seeds/train.extxyz")
    assert stage(folder) == "training"
    first = folder / "round_00"
    touch(first / "dataset.extxyz")
    first.mkdir(exist_ok=True)
    stored_results.committee(test={"force_mae_eV_per_A": 0.012}).write(first / "committee.json")
    assert stage(folder) == "exploration"
    touch(first / "exploration.h5")
    assert stage(folder) == "acquisition"
    touch(first / "candidates.extxyz")
    assert stage(folder) == "labels"
    assessment(0, met=False).write(first / "assessment.json")
    assert stage(folder) == "between rounds"
    (folder / "round_01").mkdir()
    assert stage(folder) == "training"
    assessment(1, met=True).write(folder / "round_01/assessment.json")
    assert stage(folder) == "phonons and κ"
    touch(folder / "round_01/audit/predictions.h5")
    assert stage(folder) == "audit"
    audit = {"outcome": "failed", "words": "audited: 30 meV/Å", "reason": "failed: too wrong"}
    touch(folder / "round_01/audit.json", json.dumps(audit))
    assert status.of_material(folder, [], CAP)["audit"] == "failed"
    assert stage(folder) == "phonons and κ"
    touch(folder / "summary.json", "{}")
    row = status.of_material(folder, [], CAP)
    assert row["stage"] == "finished"
    assert row["round"] == 1
    assert row["converged"] is True
    assert row["test_force_mae_eV_per_A"] == 0.012


OF_THE_END = ("converged", "verdict", "kappa_300K_W_per_mK", "reason")


def finished(folder):
    """A material that ended after two rounds, its files in order of time."""
    committee = stored_results.committee(test={"force_mae_eV_per_A": 0.01})
    for number in range(2):
        path = folder / f"round_0{number}"
        touch(path / "dataset.extxyz", stamp=100.0 * number + 10)
        committee.write(path / "committee.json")
        os.utime(path / "committee.json", (100.0 * number + 20,) * 2)
        assessment(number, met=number == 1).write(path / "assessment.json")
        os.utime(path / "assessment.json", (100.0 * number + 30,) * 2)
    numbers = {"temperatures_K": [300.0], "kappa_W_per_mK": [9.7], "std_W_per_mK": [0.3]}
    stored_results.conductivity(**numbers).write(folder / "conductivity.json")
    os.utime(folder / "conductivity.json", (150.0,) * 2)
    belongs = Belongs.of(1, folder / "round_01/assessment.json", [])
    Verdict(verdict="sound", reason="sound: x", belongs=belongs).write(folder / "verdict.json")
    return folder


def end(folder):
    row = status.of_material(folder, [], CAP)
    return tuple(row[name] for name in OF_THE_END)


def test_a_finished_material_shows_how_it_ended(tmp_path):
    folder = finished(tmp_path / "Si-227")
    assert end(folder) == (True, "sound", 9.7, "converged: all 1 criteria are met")


def test_what_an_earlier_run_found_is_not_shown_while_rounds_are_open(tmp_path):
    """Stricter criteria: the last assessment is made again, and asks for another round."""
    folder = finished(tmp_path / "Si-227")
    assessment(1, met=False).write(folder / "round_01/assessment.json")
    os.utime(folder / "round_01/assessment.json", (160.0,) * 2)
    assert end(folder) == (None, None, None, "another round: too wrong")
    touch(folder / "round_02/dataset.extxyz", stamp=170.0)
    assert end(folder) == (None, None, None, "another round: too wrong")
    assert status.of_material(folder, [], CAP)["round"] == 2


def test_rounds_opened_again_hide_the_assessment_that_had_ended_them(tmp_path):
    folder = finished(tmp_path / "Si-227")
    touch(folder / "round_02/dataset.extxyz", stamp=170.0)
    assert end(folder) == (None, None, None, None)


def failed_audit(folder, number=1):
    audit = {"outcome": "failed", "words": "audited: 30 meV/Å", "reason": "failed: too wrong"}
    touch(folder / f"round_0{number}/audit.json", json.dumps({**audit, "another_round": True}))


def test_a_failed_audit_opens_a_round_and_hides_what_was_found(tmp_path):
    """The next round has no folder yet."""
    folder = finished(tmp_path / "Si-227")
    failed_audit(folder)
    assert end(folder) == (None, None, None, "converged: all 1 criteria are met")
    row = status.of_material(folder, [], CAP)
    assert (row["audit"], row["audit_note"]) == ("failed", None)
    assert row["verdict_note"] == "verdict.json is not shown: rounds are open again"


def test_a_failed_audit_in_the_last_allowed_round_opens_none(tmp_path):
    """Converged in round 1 of 2, and its audit failed: that is how the campaign ends."""
    folder = finished(tmp_path / "Si-227")
    failed_audit(folder)
    row = status.of_material(folder, [], 2)
    assert tuple(row[name] for name in OF_THE_END[:3]) == (True, "sound", 9.7)
    assert (row["audit"], row["round"]) == ("failed", 1)
    (line,) = status.details([row])
    assert line.startswith("Si-227: the audit of the last of 2 rounds failed")
    assert "raise rounds.max" in line


def test_rounds_beyond_a_lowered_cap_do_not_count(tmp_path):
    folder = finished(tmp_path / "Si-227")
    failed_audit(folder)
    touch(folder / "round_02/dataset.extxyz", stamp=170.0)
    assert status.of_material(folder, [], CAP)["round"] == 2
    assert status.of_material(folder, [], 2)["round"] == 1


def test_a_raised_cap_opens_the_rounds_of_a_material_that_had_not_converged(tmp_path):
    folder = finished(tmp_path / "Si-227")
    path = folder / "round_01/assessment.json"
    assessment(1, met=False, cap=2).write(path)
    belongs = Belongs.of(1, path, [])
    Verdict(verdict="sound", reason="sound: x", belongs=belongs).write(folder / "verdict.json")
    assert status.of_material(folder, [], 2)["verdict"] == "sound"
    assert status.of_material(folder, [], 2)["converged"] is False
    row = status.of_material(folder, [], 3)
    assert (row["verdict"], row["converged"], row["kappa_300K_W_per_mK"]) == (None, None, None)


def test_a_round_that_an_earlier_run_left_does_not_count(tmp_path):
    folder = finished(tmp_path / "Si-227")
    touch(folder / "round_02/dataset.extxyz", stamp=5.0)
    row = status.of_material(folder, [], CAP)
    assert (row["round"], row["converged"], row["verdict"]) == (1, True, "sound")


def test_kappa_of_an_earlier_committee_is_not_shown(tmp_path):
    """The final committee is still another one; or it is made, and κ is being made."""
    folder = finished(tmp_path / "Si-227")
    touch(folder / "model/committee.json", "another", stamp=140.0)
    assert end(folder) == (True, "sound", None, "converged: all 1 criteria are met")
    text = (folder / "round_01/committee.json").read_text()
    touch(folder / "model/committee.json", text, stamp=155.0)
    job = {"rule": "conductivity_member", "failed": False}
    assert status.of_material(folder, [job], CAP)["kappa_300K_W_per_mK"] is None
    why = "a copy has other times"
    assert end(folder) == (True, "sound", 9.7, "converged: all 1 criteria are met"), why


def test_what_was_asked_for_and_is_not_so_is_said(tmp_path):
    folder = tmp_path / "Si-227"
    path = folder / "round_00/member_1/training.json"
    path.parent.mkdir(parents=True)
    record = Training(
        epochs=1, best_epoch=1, validation={}, seconds=1.0, member=1, seed=1, frames={}, model="m",
        dataset="d", potential={}, device="cpu", fallback="a GPU was asked for, there is none",
    )  # fmt: skip
    record.write(path)
    row = status.of_material(folder, [], CAP)
    assert row["fallbacks"] == ["Si-227 member_1: a GPU was asked for, there is none"]
    assert status.details([row, row]) == [f"not as asked: {row['fallbacks'][0]}"]


def test_training_labels_of_several_versions_are_said(tmp_path):
    folder = finished(tmp_path / "Si-227")
    path = folder / "round_01/committee.json"
    record = CommitteeRecord.read(path)
    assert status.details([status.of_material(folder, [], CAP)]) == []
    versions = {"pw.x 7.0": 31, "pw.x 7.2": 12}
    record.model_copy(update={"programs": versions}).write(path)
    (line,) = status.details([status.of_material(folder, [], CAP)])
    assert line == "Si-227: labels by several versions: pw.x 7.0 (31), pw.x 7.2 (12)"


def test_a_verdict_of_an_earlier_run_is_not_shown_while_new_rounds_are_open(tmp_path):
    folder = tmp_path / "Si-227"
    path = folder / "round_00/assessment.json"
    path.parent.mkdir(parents=True)
    assessment(0, met=True).write(path)
    belongs = Belongs.of(0, path, [])
    Verdict(verdict="sound", reason="sound: x", belongs=belongs).write(folder / "verdict.json")
    row = status.of_material(folder, [], CAP)
    assert (row["verdict"], row["verdict_note"]) == ("sound", None)
    (folder / "round_01").mkdir()
    row = status.of_material(folder, [], CAP)
    assert row["verdict"] is None
    assert status.details([row]) == [
        "Si-227: verdict.json is not shown: it is of round 0, and round 1 is the last one now"
    ]
    touch(folder / "verdict.json", json.dumps({"verdict": "sound", "reason": "sound: x"}))
    assert "earlier umklapp" in status.of_material(folder, [], CAP)["verdict_note"]


def test_labels_and_failures_are_counted(tmp_path):
    folder = tmp_path / "Si-227"
    for number in range(3):
        touch(folder / f"ledger/s1/f{number}.extxyz")
    touch(folder / "ledger/s1/f9.failed.json")
    touch(folder / "seeds/labels/0.failed.json", json.dumps({"failed": [FAILED]}))
    touch(folder / "round_00/labels/1.failed.json", json.dumps({"failed": []}))
    row = status.of_material(folder, [], CAP)
    assert (row["labels"], row["failed_labels"]) == (3, 1)


def test_command_prints_table_and_json(tmp_path, monkeypatch, capsys, plain):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    touch(tmp_path / "results/logs/train/Si-227_00_0.log", "KeyError: 'x'\n")
    touch(tmp_path / "results/Si-227/ledger/s1/f1.extxyz")
    status.run(path, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["material"] == "Si-227"
    assert row["failed"][0]["rule"] == "train"
    status.run(path)
    text = capsys.readouterr().out
    assert "Si-227" in text
    assert "failed: train Si-227_00_0.log: KeyError: 'x'" in text.replace("\n", " ")


def test_jobs_of_a_run_that_has_ended_are_said_to_be_interrupted(
    tmp_path, monkeypatch, capsys, plain
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    status.run(path, at_work=False)
    assert "No run" not in capsys.readouterr().out, "nothing runs, nothing is to be said"
    touch(tmp_path / "results/logs/train/Si-227_00_0.log", "epoch 3\n")
    status.run(path, at_work=False)
    assert "No run of the workflow is at work in results" in capsys.readouterr().out
    status.run(path)
    assert "No run" not in capsys.readouterr().out


def test_a_terminal_of_80_columns_shows_every_heading(tmp_path):
    """Long words fold; no column is lost."""
    row = status.of_material(tmp_path / "Cs2NaBiCl6-225", [], CAP)
    row |= {"round": 11, "stage": "exploration", "labels": 1234, "failed_labels": 12}
    row |= {
        "verdict": "missed event",
        "audit": "not audited",
        "core_hours": 1234.5,
        "gpu_hours": 3.2,
    }
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(status.render([row], "x"))
    text = console.export_text()
    for word in (
        "material",
        "stage",
        "labels",
        "meV/Å",
        "κ(300 K)",
        "verged",
        "events",
        "audit",
        "jobs",
    ):
        assert word in text
    assert "(GPU h)" in text
    assert "(3.20)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_unreadable_configuration(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        status.run(tmp_path / "none.yaml")
