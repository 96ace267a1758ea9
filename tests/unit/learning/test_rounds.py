"""All criteria together: what once was said too early is not said any more."""

from dataclasses import replace

import numpy as np
import pytest
from explorations import explored, quiet

from umklapp.config import Rounds
from umklapp.learning import rounds
from umklapp.learning.judgement import CommitteeFinetuning
from umklapp.learning.stopping.labels import NewLabels
from umklapp.learning.stopping.search import Seen
from umklapp.wording import in_milli

SETTINGS = Rounds(max=3, force_error=0.03, check_labels=4)


def new(error=0.02, spread=0.02, count=6, checks=4, failed=0, n=60):
    atoms = np.full(n if count else 0, error)
    components = np.stack([atoms, 0 * atoms, 0 * atoms], axis=1).ravel()
    return NewLabels(components, atoms, np.full(len(atoms), spread), count, checks, failed)


def good():
    """A round in which all is well."""
    return rounds.Evidence(
        explored=explored(quiet(8)),
        before=explored(quiet(8, seed=1)),
        seen=Seen(0, 39.2),
        seen_before=Seen(0, 39.2),
        labels=new(),
        factor=1.0,
        bound=0.09,
        kappa=[10.0, 10.2],
        kappa_before=[9.9, 10.1],
    )


def missed(evidence, settings=SETTINGS):
    """Names of the criteria that are not met."""
    return {name for name, each in rounds.criteria(evidence, settings).items() if not each.met}


def test_a_round_in_which_all_is_well():
    assert set(rounds.criteria(good(), SETTINGS)) == {
        "still_uncertain", "search", "force", "worst_atom", "checks", "calibration",
        "anharmonicity", "kappa",
    }  # fmt: skip
    assert missed(good()) == set()


def test_the_assessment_counts_what_it_is_made_of():
    found = rounds.assess(1, good(), SETTINGS, accepted=7, training=30)
    assert found.converged
    assert (found.explored, found.accepted, found.checks, found.failed) == (400, 7, 4, 0)
    assert (found.training_frames, found.stopped, found.round) == (30, 0, 1)
    assert found.reason == "converged: all 8 criteria are met"
    assert "met: 0 of 400 explored frames" in found.text


FORGOT = CommitteeFinetuning(members=[], labels=1, forgetting=1.8, limit=1.5, words="")

CUI = np.where(np.arange(400) % 100 < 27, 0.2, 0.01)
"""Disagreements of a round with 27 % of its frames above the bound of acquisition."""


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"explored": explored(quiet(8), spread=CUI)}, {"still_uncertain"}),
        ({"explored": explored(quiet(8, 4))}, {"search"}),
        ({"labels": new(error=0.3, spread=0.3)}, {"force", "worst_atom"}),
        ({"labels": new(checks=3)}, {"checks"}),
        ({"labels": new(count=0, checks=0)}, {"force", "worst_atom", "checks", "calibration"}),
        ({"labels": new(spread=0.001)}, {"calibration", "still_uncertain"}),
        ({"kappa": [20.0, 20.0]}, {"kappa"}),
        ({"kappa_before": None}, {"kappa"}),
        ({"before": None}, {"anharmonicity"}),
        ({"seen": Seen(1, 39.2)}, {"search"}),
        ({"factor": None}, {"still_uncertain", "calibration"}),
        ({"finetune": FORGOT}, {"finetune"}),
    ],
)
def test_each_criterion_alone_asks_for_another_round(changes, names):
    assert names <= missed(replace(good(), **changes))
    if "explored" not in changes:
        assert missed(replace(good(), **changes)) == names


def test_a_search_that_found_nothing_is_no_convergence_by_itself():
    """No frame above the bound and no label: once that was said to be converged."""
    nothing = replace(good(), labels=new(count=0, checks=0))
    found = rounds.criteria(nothing, SETTINGS)
    assert found["still_uncertain"].met
    assert found["search"].met
    assert "no new labels to judge by" in found["calibration"].words
    assert not found["calibration"].met


def test_physics_that_is_not_asked_for_is_not_judged():
    only = SETTINGS.model_copy(update={"physics": []})
    assert not {"anharmonicity", "kappa"} & set(rounds.criteria(good(), only))


@pytest.mark.parametrize(
    ("value", "text"), [(0.0200, "20.0"), (0.3250, "325.0"), (3.6e-5, "0.036"), (0.001, "1.0")]
)
def test_small_errors_are_not_said_to_be_zero(value, text):
    assert in_milli(value) == text
