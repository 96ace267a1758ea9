"""A NequIP energy model on dense neighbour slots with tabulated radial functions: what is compiled.

The weights are inputs of the network, so one compiled graph serves every member of an architecture.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from nequip.data import AtomicDataDict
from nequip.nn.interaction_block import InteractionBlock
from torch.func import functional_call

from umklapp import provenance
from umklapp.errors import CalculationError
from umklapp.potentials.nequip import convolution


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
        """The energy model with its convolutions on slots.

        Raises:
            CalculationError: the architecture is not one of NequIP's convolution networks.
        """
        blocks = [block for block in network.modules() if isinstance(block, InteractionBlock)]
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
            layer.paths
            for layer in self.network.modules()
            if isinstance(layer, convolution.Convolution)
        ]
        parents = (kind for kind in type(self).__mro__ if issubclass(kind, SlotNetwork))
        files = dict.fromkeys([convolution.__file__, *map(inspect.getfile, parents)])
        own = [provenance.file_digest(Path(file)) for file in files]
        versions = [torch.__version__, *map(version, self.PACKAGES), *own]
        return provenance.digest([shapes, paths, versions, machine(device)], 24)


def machine(device: str) -> str:
    """What a compiled graph is bound to."""
    if device.startswith("cuda"):
        return f"cuda {torch.cuda.get_device_name()}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"
