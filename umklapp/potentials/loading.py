"""A trained potential from its file, whatever kind it is; and many of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from umklapp.potentials.contract import Potential

if TYPE_CHECKING:
    from umklapp.potentials.nequip.batched import BatchedMembers


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


def batched(members: Sequence[Potential], engine: Path) -> BatchedMembers | None:
    """All members on one compiled graph; None where they or this machine do not allow it."""
    from umklapp.potentials.nequip.batched import BatchedMembers
    from umklapp.potentials.nequip.engine import load as load_engine
    from umklapp.potentials.nequip.inference import NequipPotential

    networks = [each for each in members if isinstance(each, NequipPotential)]
    if len(networks) < len(members):
        return None
    found = load_engine(engine, networks)
    return None if found is None else BatchedMembers(found, networks)
