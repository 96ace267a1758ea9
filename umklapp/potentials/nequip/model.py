"""A NequIP model that can also give Hessian–vector products.

Every model is built this way from the start: without `hvp_vector` in a frame it is the stock model,
and a checkpoint of the stock class could not be given the output later.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from ase.data import chemical_symbols
from e3nn.o3 import Irreps
from nequip.data import AtomicDataDict, register_fields
from nequip.model import NequIPGNNModel, model_builder
from nequip.nn import ForceStressOutput
from nequip.utils.global_state import set_global_state

from umklapp import config

VECTOR, PRODUCT = "hvp_vector", "hvp"
register_fields(node_fields=[VECTOR, PRODUCT])

_DERIVED = (
    AtomicDataDict.FORCE_KEY,
    AtomicDataDict.STRESS_KEY,
    AtomicDataDict.VIRIAL_KEY,
    AtomicDataDict.TOTAL_ENERGY_KEY,
)


class HessianVectorOutput(ForceStressOutput):
    """Forces, stress and, for frames that carry a vector v, ∂²E/∂R∂R · v by double backward.

    A batch is one disjoint graph, so one pass gives the product of every frame at once.
    """

    training: bool

    def __init__(self, func: torch.nn.Module, do_derivatives: bool = True) -> None:
        super().__init__(func=func, do_derivatives=do_derivatives)
        self.irreps_in[VECTOR] = Irreps("1o")
        self.irreps_out[PRODUCT] = Irreps("1o")

    def forward(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Outputs of the stock model, and `hvp`: (n_atoms, 3) in eV/Å² times the vector."""
        if VECTOR not in data:
            return super().forward(data)
        vector, positions = data[VECTOR], data[AtomicDataDict.POSITIONS_KEY]
        had_gradient = positions.requires_grad
        training = self.training
        positions.requires_grad_(True)
        self.training = True  # keeps the graph of the first derivative
        try:
            data = super().forward(data)
        finally:
            self.training = training
        work = (data[AtomicDataDict.FORCE_KEY] * vector).sum()
        data[PRODUCT] = -torch.autograd.grad(work, positions, create_graph=training)[0]
        if not training:
            for key in _DERIVED:
                data[key] = data[key].detach()
        if not had_gradient:
            positions.requires_grad_(False)
        return data


@model_builder
def NequIPHessianModel(**options: Any) -> HessianVectorOutput:  # named like a class
    """The stock NequIP energy model under `HessianVectorOutput`; same options as the stock one."""
    return HessianVectorOutput(NequIPGNNModel(**options).func)


def options(
    settings: config.Potential,
    seed: int,
    types: Sequence[str],
    neighbours: float = 1.0,
    scales: float | Mapping[str, float] = 1.0,
    shifts: float | Mapping[str, float] = 0.0,
) -> dict[str, Any]:
    """Arguments of `NequIPHessianModel` for the configured architecture.

    Args:
        seed: of the initial weights. types: chemical symbols.
        neighbours: average number of neighbours. scales, shifts: of the energies of atoms (eV).
    """
    return {
        "seed": seed,
        "model_dtype": settings.dtype,
        "type_names": list(types),
        "r_max": settings.cutoff,
        "num_layers": settings.layers,
        "l_max": settings.l_max,
        "parity": settings.parity,
        "num_features": settings.features,
        "num_bessels": settings.bessel,
        "radial_mlp_depth": 1,
        "radial_mlp_width": settings.radial_width,
        "avg_num_neighbors": neighbours,
        "per_type_energy_scales": scales,
        "per_type_energy_shifts": shifts,
    }


def build(
    arguments: Mapping[str, Any], builder: Callable[..., torch.nn.Module] = NequIPHessianModel
) -> torch.nn.Module:
    """A NequIP graph model from the arguments of its builder, on one thread."""
    torch.set_num_threads(1)
    set_global_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return builder(**arguments)


def architecture(
    settings: config.Potential,
) -> tuple[Callable[..., torch.nn.Module], Callable[..., dict[str, Any]]]:
    """Builder of the configured backend, and what gives its arguments (as `options`)."""
    if settings.backend != "allegro":
        return NequIPHessianModel, options
    from umklapp.potentials.allegro import model as allegro  # a package that not all need

    return allegro.AllegroHessianModel, allegro.options


def untrained(settings: config.Potential, species: int) -> torch.nn.Module:
    """A model of the architecture with some weights and some species: only shapes matter."""
    builder, arguments = architecture(settings)
    return build(arguments(settings, 0, chemical_symbols[1 : species + 1]), builder)
