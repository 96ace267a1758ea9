"""A trained potential from its file, whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from umklapp.potentials.contract import Potential


def load(path: Path) -> Potential:
    """Model of a Taylor-with-NequIP file or of a NequIP checkpoint, told apart by the content.

    Raises:
        InputError: the file is neither.
    """
    from umklapp.potentials.nequip.inference import NequipPotential
    from umklapp.potentials.taylor import model

    if model.read(path) is not None:
        return model.TaylorNequip.load(path)
    return NequipPotential.load(path)
