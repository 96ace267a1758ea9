"""The models of the backends, from plain options; each imports its own package alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

PACKAGES = {"so3krates": "so3krates-torch", "mace": "mace-torch"}


def build(backend: str, options: Mapping[str, Any]) -> torch.nn.Module:
    """A model whose weights are drawn from the seed in the options.

    Args:
        options: `settings` (the section `potential` as plain values), `species` (atomic numbers),
            `neighbours` (their average number), `scale` (eV, of the energies of atoms), `seed`.
    """
    torch.manual_seed(options["seed"])
    torch.set_default_dtype(dtype_of(options))
    return {"so3krates": _so3krates, "mace": _mace}[backend](options)


def dtype_of(options: Mapping[str, Any]) -> torch.dtype:
    """Precision of the model."""
    return getattr(torch, options["settings"]["dtype"])


def versions(backend: str) -> dict[str, str]:
    """Of the packages that make the model."""
    names = {PACKAGES[backend], "torch", "numpy"} | ({"e3nn"} if backend == "mace" else set())
    return {name: version(name) for name in sorted(names)}


def _so3krates(options: Mapping[str, Any]) -> torch.nn.Module:
    from so3krates_torch.modules.models import So3krates

    settings = options["settings"]
    own = settings["so3krates"]
    model = So3krates(
        r_max=settings["cutoff"],
        num_radial_basis_fn=settings["bessel"],
        degrees=list(range(1, settings["l_max"] + 1)),
        num_features=own["features"],
        num_heads=own["heads"],
        num_layers=settings["layers"],
        num_elements=len(options["species"]),
        avg_num_neighbors=options["neighbours"],
        energy_regression_dim=own["energy_width"],
        radial_basis_fn=own["radial_basis"],
        cutoff_fn=own["cutoff_function"],
        seed=options["seed"],
        dtype=settings["dtype"],
    )
    # fixed scale of the energies; the shift is added outside, in double precision
    model.atomic_energy_output_block.energy_scales.weight.data.fill_(options["scale"])
    return model


def _mace(options: Mapping[str, Any]) -> torch.nn.Module:
    import mace  # noqa: F401  first: it lets e3nn 0.4 load its own tables with a new torch
    from e3nn.o3 import Irreps
    from mace.modules import ScaleShiftMACE, gate_dict, interaction_classes

    settings, species = options["settings"], options["species"]
    own = settings["mace"]
    degrees = range(own["hidden_l"] + 1)
    hidden = "+".join(f"{own['channels']}x{degree}{'eo'[degree % 2]}" for degree in degrees)
    residual = interaction_classes["RealAgnosticResidualInteractionBlock"]
    return ScaleShiftMACE(
        r_max=settings["cutoff"],
        num_bessel=settings["bessel"],
        num_polynomial_cutoff=5,
        max_ell=settings["l_max"],
        interaction_cls=residual,
        interaction_cls_first=residual,
        num_interactions=settings["layers"],
        num_elements=len(species),
        hidden_irreps=Irreps(hidden),
        MLP_irreps=Irreps(f"{own['readout_width']}x0e"),
        atomic_energies=np.zeros(len(species)),
        avg_num_neighbors=options["neighbours"],
        atomic_numbers=list(species),
        correlation=own["correlation"],
        gate=gate_dict["silu"],
        radial_MLP=[settings["radial_width"]] * 2,
        atomic_inter_scale=options["scale"],
        atomic_inter_shift=0.0,
    )


def invariant_features(
    backend: str, model: torch.nn.Module, batch: dict[str, torch.Tensor]
) -> torch.Tensor:
    """Invariant features of every atom, (ΣN, d)."""
    if backend == "so3krates":
        return model(batch, compute_force=False, return_descriptors=True)["inv_features"]
    channels, scalars, begin = model.node_embedding.linear.irreps_out.dim, [], 0
    values = model(batch, compute_force=False)["node_feats"]
    for product in model.products:  # the scalars come first in the features of every layer
        scalars.append(values[:, begin : begin + channels])
        begin += product.linear.irreps_out.dim
    return torch.cat(scalars, dim=1)
