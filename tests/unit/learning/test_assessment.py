"""The record of a round: consistent with itself, whole, and read again as it was written."""

import json

import pytest

from umklapp.errors import InputError
from umklapp.learning.assessment import Assessment, Criterion, conclude

COUNTS = {
    "explored": 40, "accepted": 6, "failed": 1, "checks": 3, "stopped": 0, "training_frames": 30,
}  # fmt: skip


def concluded(number=1, cap=3, **met):
    criteria = {
        name: Criterion(met=value, value=1.0, limit=2.0, words=f"{name} is {value}")
        for name, value in met.items()
    }
    return conclude(number, criteria, cap, COUNTS)


def test_all_criteria_met_is_converged():
    found = concluded(force=True, kappa=True)
    assert found.converged
    assert found.finished
    assert found.reason == "converged: all 2 criteria are met"
    assert found.accepted == 6


@pytest.mark.parametrize("missed", ["force", "kappa", "search"])
def test_each_criterion_alone_asks_for_another_round(missed):
    found = concluded(**{name: name != missed for name in ("force", "kappa", "search")})
    assert not found.converged
    assert not found.finished
    assert found.reason == f"another round: {missed} is False"


def test_the_cap_is_not_converged():
    assert not concluded(number=1, force=False).finished
    found = concluded(number=2, force=False)
    assert found.finished
    assert not found.converged
    assert found.reason == "NOT converged at the cap of 3 rounds: force is False"
    assert concluded(number=2, force=True).reason.startswith("converged")


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "assessment.json"
    written = concluded(force=False, kappa=True)
    written.write(path)
    found = Assessment.read(path)
    assert found.criteria == written.criteria
    assert (found.round, found.converged, found.reason) == (1, False, written.reason)
    assert json.loads(path.read_text())["schema_version"] == Assessment.VERSION


def changed(path, **changes):
    """A record on disk with some fields changed or, where None, taken out."""
    concluded(force=True).write(path)
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: each for name, each in data.items() if each is not None}))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"converged": False}, "contradict each other"),
        ({"finished": False}, "converged, but not finished"),
        ({"criteria": {}}, "criteria"),
        ({"criteria": None}, "criteria"),
        ({"accepted": -1}, "accepted"),
        ({"reason": None}, "reason"),
        ({"invented": 1}, "invented"),
        ({"schema_version": 99}, "version 99"),
    ],
)
def test_what_is_not_a_whole_record_is_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        Assessment.read(changed(tmp_path / "assessment.json", **changes))


def test_an_assessment_from_before_there_were_versions_is_read(tmp_path):
    path = changed(tmp_path / "assessment.json", schema_version=None, checks=None, stopped=None)
    found = Assessment.read(path)
    assert (found.checks, found.stopped, found.converged) == (0, 0, True)
    path.write_text(json.dumps({"finished": True}))
    with pytest.raises(InputError, match="not a Assessment record"):
        Assessment.read(path)
