"""Parts of a NequIP network that a stage of a training may freeze.

The network is `type_embed` (species → features) and the radial basis; `layer…_convnet`, one per
layer; `per_atom_energy_readout` and the scales and shifts of the energies of atoms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from umklapp.errors import InputError

PARTS = {
    "embedding": ("type_embed", "bessel_encode"),
    "convolutions": ("layer",),
    "readout": ("per_atom_energy_readout", "per_type_energy_scale_shift"),
}
"""Beginnings of the names of the modules below the energy model (`….func.`)."""


def part_of(name: str) -> str:
    """The part to which a parameter belongs.

    Raises:
        InputError: the network has a parameter that belongs to none.
    """
    inner = name.rsplit("func.", 1)[-1]
    for part, beginnings in PARTS.items():
        if inner.startswith(beginnings):
            return part
    raise InputError(
        f"parameter {name} belongs to none of {', '.join(PARTS)}: this architecture cannot be "
        "frozen in parts; remove freeze from the stages"
    )


def trainable(model: torch.nn.Module, frozen: Sequence[str]) -> list[torch.nn.Parameter]:
    """Parameters for the optimiser; those of frozen parts take no gradient from now on.

    Neither optimiser nor weight decay sees a frozen parameter, and its moving average is the mean
    of equal numbers: it stays the same to the last bit.

    Args:
        frozen: of `PARTS`.

    Raises:
        InputError: a part has no parameter, or nothing is left.
    """
    names = {name: part_of(name) for name, _ in model.named_parameters()} if frozen else {}
    missing = sorted(set(frozen) - set(names.values()))
    if missing:
        raise InputError(f"freeze: the network has no parameter in {', '.join(missing)}")
    left = []
    for name, parameter in model.named_parameters():
        if names.get(name) in frozen:
            parameter.requires_grad_(False)
        else:
            left.append(parameter)
    if not left:
        raise InputError(f"freeze: {', '.join(frozen)} leaves nothing to train")
    return left
