"""Silicon by the Stillinger–Weber potential: a real, fast calculator that configurations can name.

`silicon:StillingerWeberSilicon` works wherever `reference.calculator` is asked for. The others are
the same physics with one thing that can go wrong.
"""

import time

import numpy as np
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si as PARAMETERS,
)

LATTICE = 5.4310
"""Å; the published minimum of the potential, 5.431 Å with −4.3366 eV per atom."""

ENERGY = -4.3366


class StillingerWeberSilicon(Manybody):
    """Stillinger and Weber, Phys. Rev. B 31, 5262 (1985)."""

    def __init__(self):
        super().__init__(**StillingerWeber(PARAMETERS))


class CountingSilicon(StillingerWeberSilicon):
    """Remembers how often anything was calculated, over all instances."""

    calls = 0

    def calculate(self, *arguments, **keywords):
        type(self).calls += 1
        super().calculate(*arguments, **keywords)


class FragileSilicon(CountingSilicon):
    """Gives up on cells whose atoms have come closer than `shortest` (Å)."""

    calls = 0

    def __init__(self, shortest):
        super().__init__()
        self.shortest = shortest

    def calculate(self, atoms, *arguments, **keywords):
        super().calculate(atoms, *arguments, **keywords)
        distances = atoms.get_all_distances(mic=True)
        if distances[~np.eye(len(atoms), dtype=bool)].min() < self.shortest:
            raise RuntimeError("two atoms are too close")


class SlowSilicon(StillingerWeberSilicon):
    """Takes its time."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def calculate(self, *arguments, **keywords):
        time.sleep(self.seconds)
        super().calculate(*arguments, **keywords)


class HungrySilicon(StillingerWeberSilicon):
    """Needs more memory than any machine has."""

    def calculate(self, *arguments, **keywords):
        np.ones((2**30, 2**20))


class DivergingSilicon(StillingerWeberSilicon):
    """Ends with forces that are not numbers."""

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        self.results["forces"] = self.results["forces"] * np.nan


class InterruptedSilicon(CountingSilicon):
    """Dies, as a killed job does, when it was called once too often."""

    calls = 0
    limit = 10**9

    def calculate(self, *arguments, **keywords):
        if type(self).calls >= type(self).limit:
            raise KeyboardInterrupt
        super().calculate(*arguments, **keywords)


class StresslessSilicon(StillingerWeberSilicon):
    """Energies and forces only, as many calculators."""

    implemented_properties = ("energy", "forces")


class ScaledSilicon(StillingerWeberSilicon):
    """All energies times a factor: the same crystal, stiffer."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        self.results = {
            name: self.factor * value
            for name, value in self.results.items()
            if name in ("energy", "free_energy", "forces", "stress")
        }
