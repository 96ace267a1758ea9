"""What may differ when a training or an evaluation is done twice on one device."""

import numpy as np

from umklapp.potentials import device


def rounding():
    """Tolerances of numpy: nothing on the processor; a card adds numbers up in any order."""
    exact = device.chosen() == "cpu"
    return {"rtol": 0 if exact else 1e-7, "atol": 0 if exact else 1e-6}


def same_numbers(one, two):
    """Whether two records have the same numbers under the same names."""
    return one.keys() == two.keys() and np.allclose(
        list(one.values()), [two[name] for name in one], **rounding()
    )
