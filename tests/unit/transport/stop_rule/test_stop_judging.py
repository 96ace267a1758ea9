"""The criteria of the stop rule: each of them alone keeps a material in the rounds."""

import numpy as np
import pytest
from ase.build import bulk
from stop_rules import audit_record, baseline_of

from umklapp import config
from umklapp.crystals import frames
from umklapp.transport.audit.predictions import Prediction
from umklapp.transport.stop_rule import judging

RULE = config.StopRule()
FORCE_ERROR = 0.03


def after(audit=None, sigma=0.1, error=0.05):
    return judging.after_labels(audit or audit_record(), sigma, error, (RULE, FORCE_ERROR))


def met(criteria):
    return {criterion.name: criterion.met for criterion in criteria}


def test_a_stable_nearly_harmonic_crystal_is_worth_labels():
    criteria = judging.before_labels(baseline_of(sigma=0.2), RULE)
    assert met(criteria) == {"stable": True, "sigma": True}
    assert judging.worth_labels(baseline_of(sigma=0.2), RULE)


def test_an_unstable_crystal_is_not_asked_for_sigma():
    criteria = judging.before_labels(baseline_of(stable=False), RULE)
    assert met(criteria) == {"stable": False}
    assert "not dynamically stable" in criteria[0].words


@pytest.mark.parametrize("sigma", [0.201, None])
def test_an_anharmonic_crystal_costs_no_label(sigma):
    criteria = judging.before_labels(baseline_of(sigma=sigma), RULE)
    assert met(criteria) == {"stable": True, "sigma": False}
    assert criteria[1].value == sigma
    assert not judging.worth_labels(baseline_of(sigma=sigma), RULE)


def test_all_criteria_met_after_the_labels():
    assert met(after()) == {"sigma of labels": True, "audit": True, "kappa": True}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("sigma of labels", {"sigma": 0.21}),
        ("sigma of labels", {"sigma": None}),
        ("audit", {"audit": audit_record("failed")}),
        ("audit", {"audit": audit_record("undecided")}),
        ("audit", {"audit": audit_record("not audited")}),
        ("kappa", {"error": 0.101}),
        ("kappa", {"error": "no label held back"}),
    ],
)
def test_each_criterion_fails_alone_and_says_why(name, changes):
    criteria = after(**changes)
    assert [criterion.name for criterion in criteria if not criterion.met] == [name]
    said = judging.sentence(criteria, 8)
    assert said.startswith("goes through the rounds; the 8 labels of the rule train it: ")
    failed = next(criterion for criterion in criteria if not criterion.met)
    assert failed.words in said
    assert all(criterion.words not in said for criterion in criteria if criterion.met)


def test_a_decision_without_labels_names_none():
    said = judging.sentence(judging.before_labels(baseline_of(sigma=0.5), RULE), 0)
    assert "labels of the rule" not in said
    assert "σᴬ(300 K) by model is 0.50, above 0.2" in said


def test_a_done_material_says_every_criterion():
    criteria = [
        *judging.before_labels(baseline_of(), RULE),
        judging.correction(2, 2, None),
        *after(),
    ]
    said = judging.sentence(criteria, 8)
    assert said.startswith("done without rounds after 8 labels: ")
    assert all(criterion.words in said for criterion in criteria)
    assert "sound" not in said


def test_sigma_of_labels_is_that_of_the_reference():
    """F = 2 and −Φu = 1.9 give 0.1/2, whatever the model predicts."""
    atoms = frames.strip(bulk("Si", "diamond", a=5.431))
    label = frames.labelled(atoms, -1.0, np.full((2, 3), 2.0))
    said = Prediction(
        label.info["frame_id"], "thermal", 0, np.zeros(1), np.zeros((1, 2, 3)),
        np.full((2, 3), 1.9), True,
    )  # fmt: skip
    assert judging.sigma_of_labels([said], [label]) == pytest.approx(0.05)
    assert judging.sigma_of_labels([], [label]) is None
    assert judging.sigma_of_labels([said], []) is None
