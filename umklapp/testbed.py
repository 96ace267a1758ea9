"""Old address of the test bed: configurations and results of earlier versions name it."""

from umklapp.potentials.testbed import DoubleWellCrystal

__all__ = ["DoubleWellCrystal"]
