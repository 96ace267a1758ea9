import numpy as np

from umklapp.learning.sampling.candidates import Spread, SpreadNumbers


def test_spreads_are_population_ones_of_the_finite_values():
    assert Spread.of(np.array([1.0, 3.0, np.nan])) == Spread(2, 1)
    nothing = Spread.of(np.array([np.nan]))
    assert nothing.numbers() == SpreadNumbers(mean=None, std=None)
    assert np.isnan(Spread.of_numbers(nothing.numbers()).mean)
    assert Spread.of_numbers(Spread(0.1, 0.02).numbers()) == Spread(0.1, 0.02)
