"""One compiled graph for all members of an architecture: the weights are its inputs.

Compiling a model takes as long as a round's training, so it is done once per architecture,
version of torch, processor and device, and kept in a cache that all campaigns share. The graph has
dense neighbour slots and radial tables (`convolution`): about twice as fast as NequIP's own graph
compiled the same way. Without a compiler everything runs on NequIP's eager modules.
"""

from __future__ import annotations

import copy
import fcntl
import inspect
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from nequip.data import AtomicDataDict
from nequip.nn.interaction_block import InteractionBlock
from nequip.utils.fx import _nequip_make_fx
from torch.func import functional_call

from umklapp import config, provenance
from umklapp.config.backends import BACKENDS
from umklapp.errors import CalculationError
from umklapp.potentials.architectures import untrained
from umklapp.potentials.neighbours import Slots
from umklapp.potentials.nequip import convolution
from umklapp.potentials.training_records import CompiledGraph

EXAMPLE = (11, 7)
"""Atoms and slots of the example that is traced: sizes that no weight has."""


class _Distance(torch.nn.Module):
    """Hands r/r_max to the convolutions, where the stock model has its radial basis."""

    def forward(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        data[AtomicDataDict.EDGE_EMBEDDING_KEY] = data[AtomicDataDict.NORM_LENGTH_KEY]
        return data


class _Same(torch.nn.Module):
    def forward(self, value: Any) -> Any:
        return value


def _one_per_type(module: torch.nn.Module, types: int) -> None:
    """Scale and shift of every species, also where they are equal: one graph for either model."""
    for name in ("scales", "shifts"):
        value = getattr(module, name).detach().reshape(-1, 1)
        delattr(module, name)
        if len(value) == 1:
            value = value.expand(types, 1).clone()
        module.register_buffer(name, value)
        setattr(module, f"{name}_shortcut", False)


class SlotNetwork(torch.nn.Module):
    """The energy model of a NequIP model on dense slots.

    Args:
        model: NequIP graph model built by `NequIPHessianModel`.

    Raises:
        CalculationError: the model has parts that this graph does not know.
    """

    EXTRA: tuple[tuple[int, ...], ...] = ()
    """Shapes, after the atoms, of what `forward` takes besides the graph."""
    PACKAGES: tuple[str, ...] = ("nequip",)
    """Whose versions the compiled graph belongs to."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.cutoff = float(model.metadata["r_max"])
        self.graph: dict[str, torch.Tensor] = {}
        self.network = self.opened(copy.deepcopy(model.model.func).eval())
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        named = [*self.network.named_parameters(), *self.network.named_buffers()]
        self.names = [name for name, _ in named]
        self.weights = [value.detach() for _, value in named]

    def opened(self, network: torch.nn.Module) -> torch.nn.Module:
        """The energy model with its convolutions on slots."""
        blocks = [each for each in network.modules() if isinstance(each, InteractionBlock)]
        if (
            not blocks
            or not hasattr(network, "bessel_encode")
            or hasattr(network, "pair_potential")
        ):
            raise CalculationError("this architecture is not one of NequIP's convolution networks")
        for block in blocks:
            dtype = next(block.edge_mlp.parameters()).dtype
            table = convolution.tabulate(
                network.bessel_encode, network.factor, block.edge_mlp, dtype
            )
            block.tp_scatter = convolution.Convolution(block.tp_scatter.tp, table, self.graph)
            block.edge_mlp = _Same()
        network.bessel_encode, network.factor = _Distance(), _Same()
        scale_shift = network.per_type_energy_scale_shift
        _one_per_type(scale_shift, len(scale_shift.type_names))
        return network

    def forward(
        self,
        vectors: torch.Tensor,
        source: torch.Tensor,
        types: torch.Tensor,
        interval: torch.Tensor,
        within: torch.Tensor,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Energies of atoms (N, 1) eV, ∂E/∂vectors (N, M, 3) eV/Å, last features (N, d)."""
        vectors = vectors.detach().requires_grad_(True)
        self.graph.update(source=source, interval=interval, within=within)
        energy, features = self.energies(vectors, source, types, weights)
        (gradient,) = torch.autograd.grad([energy.sum()], [vectors])
        return energy.detach(), gradient.detach(), features.detach()

    def energies(
        self,
        vectors: torch.Tensor,
        source: torch.Tensor,
        types: torch.Tensor,
        weights: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies of atoms (N, 1) eV and last features (N, d) on the graph that was set."""
        data = {
            AtomicDataDict.EDGE_VECTORS_KEY: vectors.reshape(-1, 3),
            AtomicDataDict.EDGE_INDEX_KEY: self.edges(source),
            AtomicDataDict.ATOM_TYPE_KEY: types,
        }
        named = dict(zip(self.names, weights, strict=True))
        out = functional_call(self.network, named, (data,))
        return out[AtomicDataDict.PER_ATOM_ENERGY_KEY], out[AtomicDataDict.NODE_FEATURES_KEY]

    def edges(self, source: torch.Tensor) -> torch.Tensor:
        """Edges (2, N M) of the slots; the convolutions know the centres without them."""
        return source.reshape(-1).expand(2, -1)

    def key(self, device: str) -> str:
        """Identity of the compiled graph: architecture, versions, processor and device."""
        shapes = [
            (name, list(value.shape), str(value.dtype))
            for name, value in zip(self.names, self.weights, strict=True)
        ]
        paths = [
            each.paths
            for each in self.network.modules()
            if isinstance(each, convolution.Convolution)
        ]
        source = inspect.getsourcefile(type(self)) or __file__
        sources = (__file__, convolution.__file__, source)
        own = [provenance.file_digest(Path(each)) for each in sources]
        versions = [torch.__version__, *map(version, self.PACKAGES), *own]
        return provenance.digest([shapes, paths, versions, machine(device)], 24)


def machine(device: str) -> str:
    """What a compiled graph is bound to."""
    if device.startswith("cuda"):
        return f"cuda {torch.cuda.get_device_name()}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def default_device() -> str:
    """`cuda` where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Outputs:
    """Of one member on one graph: energies of atoms (N,) eV, ∂E/∂vectors (N, M, 3) eV/Å, and the
    invariant features of the last layer (N, d)."""

    energy: np.ndarray
    gradient: np.ndarray
    features: np.ndarray


class Engine:
    """A compiled graph with the weights of K members."""

    def __init__(
        self, package: Path, networks: Sequence[SlotNetwork], types: dict[str, int], device: str
    ) -> None:
        self.run = torch._inductor.aoti_load_package(str(package))
        self.device, self.types = device, types
        self.cutoff = networks[0].cutoff
        self.members = [[value.to(device) for value in each.weights] for each in networks]
        precision = self.members[0][0].dtype
        self.within_dtype = np.float64 if precision == torch.float64 else np.float32

    def prepare(self, slots: Slots, types: np.ndarray) -> list[torch.Tensor]:
        """The graph as the compiled function takes it; types: (N,)."""
        place = np.minimum(slots.lengths / self.cutoff, 1 - 1e-12) * convolution.INTERVALS
        interval = place.astype(np.int64)
        within = (place - interval).astype(self.within_dtype)
        arrays = (slots.vectors, slots.source, types, interval, within)
        return [torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in arrays]

    def graph(
        self, vectors: torch.Tensor, source: torch.Tensor, types: torch.Tensor
    ) -> list[torch.Tensor]:
        """`prepare` for tensors on the device: vectors (N, M, 3) Å, source (N, M), types (N,)."""
        place = (vectors.norm(dim=2) / self.cutoff).clamp(max=1 - 1e-12) * convolution.INTERVALS
        interval = place.long()
        within = (place - interval).to(self.members[0][0].dtype)
        return [vectors, source, types, interval, within]

    def types_of(self, numbers: torch.Tensor) -> torch.Tensor:
        """Types of atomic numbers (N,).

        Raises:
            CalculationError: a species that the members were not trained on.
        """
        table = torch.full((119,), -1, dtype=torch.long, device=numbers.device)
        for symbol, number in self.types.items():
            table[atomic_numbers[symbol]] = number
        found = table[numbers.long()]
        if (found < 0).any():
            unknown = sorted({chemical_symbols[n] for n in numbers[found < 0].tolist()})
            raise CalculationError(f"the model knows {sorted(self.types)}, the frame has {unknown}")
        return found

    def call(self, graph: Sequence[torch.Tensor], member: int) -> list[torch.Tensor]:
        """One member on a prepared graph: the tensors of `SlotNetwork.forward`."""
        with torch.inference_mode():
            return self.run(*graph, *self.members[member])

    def evaluate(self, graph: Sequence[torch.Tensor], member: int) -> Outputs:
        """One member on a prepared graph."""
        energy, gradient, features = (each.cpu().numpy() for each in self.call(graph, member))
        return Outputs(energy[:, 0], gradient, features)


def example(network: SlotNetwork, device: str, types: int) -> list[torch.Tensor]:
    """Inputs to trace with."""
    generator = np.random.default_rng(0)
    number, width = EXAMPLE
    arrays = (
        generator.normal(size=(number, width, 3)),
        generator.integers(number, size=(number, width)),
        generator.integers(types, size=number),
        generator.integers(convolution.INTERVALS, size=(number, width)),
        generator.random((number, width)),
        *(generator.normal(size=(number, *shape)) for shape in network.EXTRA),
    )
    return [torch.from_numpy(each).to(device) for each in arrays]


def compile_graph(network: SlotNetwork, types: int, device: str, out: Path) -> float:
    """Compile to `out`, atomically; returns the seconds it took."""
    began = time.monotonic()
    network = network.to(device)
    weights = [value.to(device) for value in network.weights]
    inputs = example(network, device, types)
    inputs[4] = inputs[4].to(torch.float64 if weights[0].dtype == torch.float64 else torch.float32)
    traced = _nequip_make_fx(network, [*inputs, *weights])
    atoms, slots = torch.export.Dim("atoms", min=2), torch.export.Dim("slots", min=2)
    edge = {0: atoms, 1: slots}
    extra = ({0: atoms} for _ in network.EXTRA)
    shapes = (edge, edge, {0: atoms}, edge, edge, *extra, *({} for _ in weights))
    program = torch.export.export(traced, (*inputs, *weights), dynamic_shapes=shapes)
    part = out.with_name(f".{out.stem}.{os.getpid()}.pt2")
    torch._inductor.aoti_compile_and_package(program, package_path=str(part))
    part.replace(out)
    return time.monotonic() - began


def cache_folder() -> Path:
    """`$UMKLAPP_CACHE`, else `umklapp` in the user's cache folder."""
    chosen = os.environ.get("UMKLAPP_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "umklapp"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released with the file, also by a crash
        yield


def obtain(
    network: SlotNetwork, types: int, device: str, say: Callable[[str], None] = print
) -> tuple[Path, float]:
    """The compiled graph from the cache, compiled if it is not there; and the seconds that took.

    Two jobs that want the same graph at once compile it once.

    Raises:
        CalculationError: there is no C++ compiler, or it failed.
    """
    folder = cache_folder() / "engines"
    folder.mkdir(parents=True, exist_ok=True)
    key = network.key(device)
    package = folder / f"{key}.pt2"
    with _locked(folder / f"{key}.lock"):
        if package.exists():
            return package, 0.0
        compiler = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++")), None)
        if compiler is None or not shutil.which(compiler):
            raise CalculationError(f"no C++ compiler ({compiler or 'g++ or clang++'}); set CXX")
        say(f"compiling the architecture with {compiler} (about a minute, once)")
        try:
            seconds = compile_graph(network, types, device, package)
        except Exception as error:  # torch, inductor and the compiler have no common error
            raise CalculationError(f"the architecture cannot be compiled: {error}") from error
        say(f"compiled in {seconds:.0f} s: {package}")
        return package, seconds


def prepare(
    settings: config.Potential,
    species: int,
    mode: str,
    out: Path,
    say: Callable[[str], None] = print,
    network: type[SlotNetwork] = SlotNetwork,
) -> None:
    """The engine of an architecture in a folder: `engine.json`, and `graph.pt2` if it compiled.

    Args:
        settings: architecture. species: number of chemical species.
        mode: `compiled`, or `eager` for none.
        network: what is compiled.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = default_device()
    record: dict[str, Any] = {"mode": "eager", "key": None, "seconds": 0.0}
    if BACKENDS[settings.backend].missing("compiled"):
        record["reason"] = f"backend {settings.backend} has no compiled engine"
        say(f"eager evaluation: {record['reason']}")
    elif mode == "eager":
        record["reason"] = "committee.engine is eager"
    else:
        try:
            shape = network(untrained(settings, species))
            package, seconds = obtain(shape, species, device, say)
            shutil.copyfile(package, out / "graph.pt2")
            key = shape.key(device)
            record.update(mode="compiled", reason=machine(device), key=key, seconds=seconds)
        except CalculationError as error:
            record["reason"] = str(error)
            say(f"eager evaluation: {error}")
    CompiledGraph(**record).write(out / "engine.json")


def load(
    folder: Path,
    models: Sequence[Any],
    say: Callable[[str], None] = print,
    network: type[SlotNetwork] = SlotNetwork,
) -> Engine | None:
    """The engine that `prepare` wrote, with the weights of some `NequipPotential`s.

    On a machine that the graph was not made for, the cache of that machine is asked (and filled).
    None where evaluation is eager.
    """
    record = CompiledGraph.read(folder / "engine.json")
    if record.mode == "eager":
        return None
    device, types = models[0].device, models[0].types
    try:
        networks = [network(each.model) for each in models]
        keys = {each.key(device) for each in networks}
        if len(keys) > 1:
            raise CalculationError("the members are of different architectures")
        package = folder / "graph.pt2"
        if keys != {record.key}:
            say(f"{package} was made for {record.reason}, this is {machine(device)}")
            package, _ = obtain(networks[0], len(types), device, say)
        return Engine(package, networks, types, device)
    except CalculationError as error:
        say(f"eager evaluation: {error}")
        return None
