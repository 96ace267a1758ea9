"""Engines that label frames: one contract, one file per engine.

`create(settings)` gives an `Engine`; `engine.label(atoms, workdir)` gives a labelled frame or a
`Failure`. A new engine is one module with one class, and one line in `create`.
"""

from __future__ import annotations

from umklapp.config import AseCalculator, Gpaw, Lookup
from umklapp.reference.contract import Engine, Failure

__all__ = ["Engine", "Failure", "create"]


def create(settings: Gpaw | AseCalculator | Lookup) -> Engine:
    """The engine that a config section asks for."""
    if isinstance(settings, Gpaw):
        from umklapp.reference.gpaw import GpawEngine

        return GpawEngine(settings)
    if isinstance(settings, Lookup):
        from umklapp.reference.lookup import LookupEngine

        return LookupEngine(settings)
    from umklapp.reference.ase import AseEngine

    return AseEngine(settings)
