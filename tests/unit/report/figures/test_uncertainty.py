"""Expected against true errors, and what acquisition would label: tables and pictures."""

import numpy as np
import pandas as pd
import pytest
import stored_results
from assessments import assessment
from figure_files import look

from umklapp.learning.assessment import Criterion
from umklapp.learning.sampling import calibration
from umklapp.report.figures import uncertainty
from umklapp.report.history import Round


def rounds(*honesties, shares=(0.4, 0.02)):
    """history.json: a round per summary of its errors; None for a share that is not known."""
    made = []
    for index, (honesty, share) in enumerate(zip(honesties, shares, strict=False)):
        judged = assessment(index, met=False)
        above = Criterion(met=False, value=share, limit=0.03, words="still uncertain")
        criteria = {**judged.criteria, "still_uncertain": above}
        made.append(
            Round(
                committee=stored_results.committee(honesty=honesty),
                assessment=judged.model_copy(update={"criteria": criteria}),
            )
        )
    return made


def honesty(generator):
    errors = [generator.lognormal(-3, 0.5, size=8) for _ in range(12)]
    spread = [atom_errors * generator.lognormal(0, 0.3, size=8) for atom_errors in errors]
    return calibration.summarise(errors, spread, 1.1)


def frames(expected, error):
    return pd.DataFrame({"expected_error_eV_per_A": expected, "error_eV_per_A": error})


def test_what_threshold_would_label():
    """At the bound a frame is not labelled; without an expectation it is, as in acquisition."""
    data = uncertainty.accepted(frames([0.05, 0.09, 0.1, np.nan], [0.2, 0.1, 0.05, 0.1]), 0.09)
    assert data["accepted"].tolist() == [False, False, True, True]


def test_acceptance_of_the_rounds():
    errors = honesty(np.random.default_rng(0))
    data = uncertainty.acceptance(rounds(errors, errors))
    assert data["share_above"].tolist() == [0.4, 0.02]
    assert data["allowed"].tolist() == [0.03, 0.03]
    assert (data["explored"].tolist(), data["labels"].tolist()) == ([40, 40], [6, 6])
    old = [Round(committee=stored_results.committee(), assessment=assessment(0, met=False))]
    assert uncertainty.acceptance(old)["share_above"].isna().all()


@pytest.mark.parametrize("shares", [(0.4, 0.02), (None, None)])
def test_uncertainty_figure(paths, shares):
    generator = np.random.default_rng(0)
    expected = generator.lognormal(-3, 0.5, size=25)
    data = uncertainty.accepted(
        frames(expected, expected * generator.lognormal(0, 0.3, size=25)), 0.09
    )
    history = rounds(honesty(generator), honesty(generator), shares=shares)
    uncertainty.draw(data, history, 0.09, "Si-227", paths)
    pixels = look(paths, 8.8, 3.6)
    assert np.mean(np.abs(pixels[:, :, 2] - pixels[:, :, 0]) > 0.1) > 0.002  # blue, transparent


def test_uncertainty_figure_of_one_member(paths):
    """A committee of one has no spread: nothing to put on a logarithmic axis."""
    data = uncertainty.accepted(frames([np.nan, np.nan], [0.01, 0.02]), 0.09)
    none = calibration.summarise([np.array([0.01, 0.02])] * 2, [np.zeros(2)] * 2, None)
    uncertainty.draw(data, rounds(none, shares=(None,)), 0.09, "Si-227", paths)
    look(paths, 8.8, 3.6)
