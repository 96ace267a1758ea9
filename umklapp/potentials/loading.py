"""A trained potential from its file, whatever kind it is; and many of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from umklapp.potentials.contract import Potential

if TYPE_CHECKING:
    from umklapp.potentials.external.potential import ExternalMembers
    from umklapp.potentials.nequip.batched import BatchedMembers


def load(path: Path, device: str | None = None) -> Potential:
    """Model of a file, told apart by its content: of a backend with an environment of its own,
    a Taylor-with-NequIP model, or a checkpoint of NequIP's framework (NequIP and Allegro).

    Args:
        device: of a network of NequIP's framework; default: that of the process.

    Raises:
        InputError: the file is none of these.
    """
    from umklapp.potentials.external import potential as external
    from umklapp.potentials.nequip.inference import NequipPotential
    from umklapp.potentials.taylor import model

    if external.read(path) is not None:
        return external.ExternalPotential(path)
    if model.read(path) is not None:
        return model.TaylorNequip.load(path)
    return NequipPotential.load(path, device)


def device_of(engine: Path) -> str:
    """Device that the compiled graph of a folder is for (`nequip.engine.device_of`)."""
    from umklapp.potentials.nequip.engine import device_of as of_graph

    return of_graph(engine)


def batched(members: Sequence[Potential], engine: Path) -> BatchedMembers | ExternalMembers | None:
    """All members in one call: on one compiled graph, or by their common worker.

    None where neither the members nor this machine allow it.
    """
    from umklapp.potentials.compiled_graphs import backend_of, graph_of
    from umklapp.potentials.external.potential import ExternalMembers, ExternalPotential
    from umklapp.potentials.nequip.batched import BatchedMembers
    from umklapp.potentials.nequip.engine import load as load_engine
    from umklapp.potentials.nequip.inference import NequipPotential

    outside = [member for member in members if isinstance(member, ExternalPotential)]
    if len(outside) == len(members):
        return ExternalMembers(outside)
    networks = [member for member in members if isinstance(member, NequipPotential)]
    if len(networks) < len(members):
        return None
    compiled = load_engine(engine, networks, network=graph_of(backend_of(networks)))
    return None if compiled is None else BatchedMembers(compiled, networks)
