"""Silicon, diamond and silicon carbide by the Tersoff potential: exact labels, and cheap.

`tersoff:Tersoff` works wherever `reference.calculator` is asked for.
"""

from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import TersoffBrenner
from matscipy.calculators.manybody.explicit_forms.tersoff_brenner import (
    Tersoff_PRB_39_5566_Si_C as PARAMETERS,
)


class Tersoff(Manybody):
    """Tersoff, Phys. Rev. B 39, 5566 (1989), for any mixture of Si and C."""

    def __init__(self):
        super().__init__(**TersoffBrenner(PARAMETERS))
