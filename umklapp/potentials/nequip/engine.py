"""One compiled graph for all members of an architecture: the weights are its inputs.

Compiling a model takes as long as a round's training, so it is done once per architecture,
version of torch, processor and device, and kept in a cache that all campaigns share. The graph has
dense neighbour slots and radial tables (`convolution`): about twice as fast as NequIP's own graph
compiled the same way. Without a compiler everything runs on NequIP's eager modules.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols

from umklapp import config
from umklapp.config.backends import BACKENDS
from umklapp.errors import CalculationError
from umklapp.files import copy
from umklapp.potentials.architectures import untrained
from umklapp.potentials.device import chosen, fallback
from umklapp.potentials.neighbours import Slots
from umklapp.potentials.nequip import convolution
from umklapp.potentials.nequip.graph_cache import obtain
from umklapp.potentials.nequip.slot_network import SlotNetwork, machine
from umklapp.potentials.training_records import CompiledGraph

log = logging.getLogger(__name__)

UNKNOWN_NUMBERS = 4096
"""That a call keeps per neighbour, of a network whose convolutions are not ours."""


def numbers_per_edge(network: SlotNetwork) -> int:
    """About how many numbers a call keeps per neighbour: what the size of a batch goes by.

    Of every convolution the six coefficients of each radial function with its value and slope, and
    for each path the features of the neighbour and the gradient around it.
    """
    convolutions = [
        layer for layer in network.network.modules() if isinstance(layer, convolution.Convolution)
    ]
    tables = sum(8 * layer.table.shape[-1] for layer in convolutions)
    features = sum(
        (path.rows + path.columns) * (path.weights.stop - path.weights.start)
        for layer in convolutions
        for path in layer.paths
    )
    return tables + features or UNKNOWN_NUMBERS


class Engine:
    """A network with the weights of K members on one device.

    Args:
        run: the network, which takes a graph and weights (`SlotNetwork.forward`).
        networks: the members. types: of the chemical species. device: as torch names it.
    """

    def __init__(
        self,
        run: Callable[..., Sequence[torch.Tensor]],
        networks: Sequence[SlotNetwork],
        types: dict[str, int],
        device: str,
    ) -> None:
        self.run = run
        self.device, self.types = device, types
        self.cutoff = networks[0].cutoff
        self.numbers_per_edge = numbers_per_edge(networks[0])
        self.members = [[value.to(device) for value in network.weights] for network in networks]
        self._type_of = torch.full((119,), -1, dtype=torch.long)
        for symbol, type_index in types.items():
            self._type_of[atomic_numbers[symbol]] = type_index

    @classmethod
    def of_package(
        cls, package: Path, networks: Sequence[SlotNetwork], types: dict[str, int], device: str
    ) -> Engine:
        """With the compiled graph of a file."""
        compiled = torch.inference_mode()(torch._inductor.aoti_load_package(str(package)))
        return cls(compiled, networks, types, device)

    def graph(self, slots: Slots, types: torch.Tensor) -> list[torch.Tensor]:
        """The graph as the compiled function takes it, all on the device.

        Args:
            types: (N,) `types_of`.
        """
        place = (slots.lengths / self.cutoff).clamp(max=1 - 1e-12) * convolution.INTERVALS
        interval = place.long()
        within = (place - interval).to(self.members[0][0].dtype)
        return [slots.vectors, slots.source, types, interval, within]

    def types_of(self, numbers: np.ndarray) -> torch.Tensor:
        """Types on the device of atomic numbers (N,).

        Raises:
            CalculationError: a species that the members were not trained on.
        """
        types = self._type_of[torch.from_numpy(np.asarray(numbers, dtype=np.int64))]
        if (types < 0).any():
            unknown = sorted({chemical_symbols[n] for n in np.unique(numbers[types.numpy() < 0])})
            raise CalculationError(f"the model knows {sorted(self.types)}, the frame has {unknown}")
        return types.to(self.device)

    def call(self, graph: Sequence[torch.Tensor], member: int) -> Sequence[torch.Tensor]:
        """One member on a prepared graph: the tensors of `SlotNetwork.forward`."""
        return self.run(*graph, *self.members[member])


def prepare(
    settings: config.Potential,
    species: int,
    mode: str,
    out: Path,
    network: type[SlotNetwork] = SlotNetwork,
    on: str | None = None,
) -> None:
    """The compiled graph of an architecture in a folder: `engine.json`, `graph.pt2` if it compiled.

    Args:
        settings: architecture. species: number of chemical species.
        mode: `compiled`, or `eager` for none.
        network: what is compiled.
        on: device it is compiled for; default: that of the process.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = on or chosen()
    record: dict[str, Any] = {"mode": "eager", "key": None, "seconds": 0.0, "device": device}
    record["fallback"] = fallback() if on is None else None
    if BACKENDS[settings.backend].missing("compiled"):
        record["reason"] = f"backend {settings.backend} has no compiled graph"
        log.info(f"eager evaluation: {record['reason']}")
    elif mode == "eager":
        record["reason"] = "committee.engine is eager"
    else:
        try:
            shape = network(untrained(settings, species))
            package, seconds = obtain(shape, species, device)
            copy(package, out / "graph.pt2")
            key = shape.key(device)
            record.update(mode="compiled", reason=machine(device), key=key, seconds=seconds)
        except CalculationError as error:
            record["reason"] = str(error)
            log.warning(f"eager evaluation: {error}")
            if record["fallback"] is None:
                record["fallback"] = f"eager, though a compiled graph was asked for: {error}"
    CompiledGraph(**record).write(out / "engine.json")


def device_of(folder: Path) -> str:
    """Device that the graph of `prepare` is for, as far as this machine has it."""
    return "cpu" if CompiledGraph.read(folder / "engine.json").device == "cpu" else chosen()


def load(
    folder: Path,
    models: Sequence[Any],
    network: type[SlotNetwork] = SlotNetwork,
) -> Engine | None:
    """The graph that `prepare` wrote, with the weights of some `NequipPotential`s.

    On a machine that the graph was not made for, it comes from the cache (`_of_this_machine`). None
    where evaluation is eager; the log says why.
    """
    for model in models:
        model.why_eager = None  # said here
    record = CompiledGraph.read(folder / "engine.json")
    if record.mode == "eager":
        log.info(f"eager evaluation: {record.reason}")
        return None
    device, types = models[0].device, models[0].types
    try:
        networks = [network(potential.model) for potential in models]
        keys = {slot_network.key(device) for slot_network in networks}
        if len(keys) > 1:
            raise CalculationError("the members are of different architectures")
        package = folder / "graph.pt2"
        if keys != {record.key}:
            package = _of_this_machine(folder, record, networks[0], len(types), device)
        return Engine.of_package(package, networks, types, device)
    except CalculationError as error:
        log.warning(f"eager evaluation: {error}")
        return None


def _of_this_machine(
    folder: Path, record: CompiledGraph, network: SlotNetwork, types: int, device: str
) -> Path:
    """The graph that the cache has for this machine; where it has none, this job compiles it.

    Compiling belongs to a rule of its own. What a job had to compile, or could not, is a record
    beside the folder, so that `umklapp status` shows it.

    Raises:
        CalculationError: as `obtain`.
    """
    own = machine(device)
    if own == record.reason:
        own += " with other versions of torch, nequip or umklapp"
    what = f"the graph was compiled for {record.reason}, and a job ran on {own}"
    log.warning(f"{folder}: {what}")
    key = network.key(device)
    beside = folder.with_name(f"{folder.name}_{key[:8]}") / "engine.json"
    facts: dict[str, Any] = {"mode": "eager", "key": key, "seconds": 0.0, "device": device}
    try:
        package, facts["seconds"] = obtain(network, types, device)
    except CalculationError as error:
        facts.update(reason=str(error), fallback=f"{what}: it evaluates eagerly ({error})")
        raise
    else:
        spent = f"which compiled its own in {facts['seconds']:.0f} s; jobs after it find that one"
        facts.update(mode="compiled", reason=machine(device), fallback=f"{what}, {spent}")
        return package
    finally:
        if facts["mode"] == "eager" or facts["seconds"]:
            log.warning(facts["fallback"])
            beside.parent.mkdir(exist_ok=True)
            CompiledGraph(**facts).write(beside)
