"""A NequIP model that can also give Hessian–vector products.

Every model is built this way from the start: without `hvp_vector` in a frame it is the stock model,
and a checkpoint of the stock class could not be given the output later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from nequip.model import NequIPGNNModel, model_builder
from nequip.utils.global_state import set_global_state

from umklapp import config
from umklapp.logs import without_warnings
from umklapp.potentials.nequip.derivatives import HessianVectorOutput


@model_builder
def NequIPHessianModel(**options: Any) -> HessianVectorOutput:  # named like a class
    """The stock NequIP energy model under `HessianVectorOutput`; same options as the stock one."""
    return HessianVectorOutput(NequIPGNNModel(**options).func)


def shared_options(
    settings: config.Potential,
    seed: int,
    types: Sequence[str],
    neighbours: float = 1.0,
    scales: float | Mapping[str, float] = 1.0,
    shifts: float | Mapping[str, float] = 0.0,
) -> dict[str, Any]:
    """Arguments that every builder of NequIP's framework takes.

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
        "avg_num_neighbors": neighbours,
        "per_type_energy_scales": scales,
        "per_type_energy_shifts": shifts,
    }


def options(settings: config.Potential, *shared: Any) -> dict[str, Any]:
    """Arguments of `NequIPHessianModel` for the configured architecture.

    Args:
        shared: further arguments of `shared_options`.
    """
    return {
        **shared_options(settings, *shared),
        "num_features": settings.features,
        "num_bessels": settings.bessel,
        "radial_mlp_depth": 1,
        "radial_mlp_width": settings.radial_width,
    }


def build(
    arguments: Mapping[str, Any], builder: Callable[..., torch.nn.Module] = NequIPHessianModel
) -> torch.nn.Module:
    """A NequIP graph model from the arguments of its builder, on one thread."""
    torch.set_num_threads(1)
    set_global_state()
    with without_warnings():
        return builder(**arguments)
