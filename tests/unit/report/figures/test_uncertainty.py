"""Expected against true errors: pictures with and without an uncertainty."""

import numpy as np
import pandas as pd
import stored_results
from figure_files import look

from umklapp.learning.sampling import calibration
from umklapp.report.figures import uncertainty


def honesty(generator):
    """committee.json of a round."""
    errors = [generator.lognormal(-3, 0.5, size=8) for _ in range(12)]
    spread = [each * generator.lognormal(0, 0.3, size=8) for each in errors]
    return stored_results.committee(honesty=calibration.summarise(errors, spread, 1.1))


def test_uncertainty_figure(paths):
    generator = np.random.default_rng(0)
    expected = generator.lognormal(-3, 0.5, size=25)
    data = pd.DataFrame(
        {
            "expected_error_eV_per_A": expected,
            "error_eV_per_A": expected * generator.lognormal(0, 0.3, size=25),
        }
    )
    uncertainty.draw(data, [honesty(generator), honesty(generator)], "Si-227", paths)
    pixels = look(paths, 6.4, 3.1)
    assert np.mean(np.abs(pixels[:, :, 2] - pixels[:, :, 0]) > 0.1) > 0.002  # blue, transparent


def test_uncertainty_figure_of_one_member(paths):
    """A committee of one has no spread: nothing to put on a logarithmic axis."""
    data = pd.DataFrame(
        {"expected_error_eV_per_A": [np.nan, np.nan], "error_eV_per_A": [0.01, 0.02]}
    )
    none = calibration.summarise([np.array([0.01, 0.02])] * 2, [np.zeros(2)] * 2, None)
    uncertainty.draw(data, [stored_results.committee(honesty=none)], "Si-227", paths)
    look(paths, 6.4, 3.1)
