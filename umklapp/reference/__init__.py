"""Engines that label frames: one contract, one file per engine.

`create(settings)` gives an `Engine`; `engine.label(atoms, workdir)` gives a labelled frame or a
`Failure`. A new engine is one module with one class, and one line in `create`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ase import Atoms

from umklapp.config import (
    Aims,
    AseCalculator,
    Espresso,
    FoundationReference,
    Gpaw,
    Lookup,
    Program,
    Vasp,
)
from umklapp.reference import calculators
from umklapp.reference.contract import Engine, Failure
from umklapp.reference.external import ProgramEngine

__all__ = ["Engine", "Failure", "check", "create"]


Settings = Gpaw | Program | AseCalculator | Lookup | FoundationReference
"""Sections of all engines."""


def create(settings: Settings, perfect: Atoms | None = None) -> Engine:
    """The engine that a config section asks for.

    Args:
        perfect: supercell on whose sites the frames of a table are laid; other engines need none.
    """
    if isinstance(settings, Gpaw):
        from umklapp.reference.gpaw import GpawEngine

        return GpawEngine(settings)
    if isinstance(settings, Lookup):
        from umklapp.reference.lookup import LookupEngine

        return LookupEngine(settings, perfect)
    if isinstance(settings, Program):
        return _program(settings)
    if isinstance(settings, FoundationReference):
        from umklapp.reference.foundation import FoundationEngine

        return FoundationEngine(settings)
    from umklapp.reference.ase import AseEngine

    return AseEngine(settings)


def _program(settings: Program) -> ProgramEngine:
    if isinstance(settings, Espresso):
        from umklapp.reference.espresso import EspressoEngine

        return EspressoEngine(settings)
    if isinstance(settings, Aims):
        from umklapp.reference.aims import AimsEngine

        return AimsEngine(settings)
    if isinstance(settings, Vasp):
        from umklapp.reference.vasp import VaspEngine

        return VaspEngine(settings)
    raise TypeError(type(settings))


def check(settings: Settings, species: Iterable[str]) -> None:
    """Look for what an engine needs before the first job.

    Raises:
        InputError: the program, a pseudopotential, a data set or a basis set is missing. Or
            an ASE calculator that cannot be imported, or not be made with its parameters.
    """
    if isinstance(settings, AseCalculator):
        calculators.check(settings.calculator, settings.parameters, "reference")
    if isinstance(settings, Program):
        _program(settings).check(species)
    if isinstance(settings, Gpaw):
        from umklapp.reference.gpaw import GpawEngine

        GpawEngine(settings).check(species)
