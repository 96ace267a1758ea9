"""Energy derivatives of a NequIP graph model: forces, stress and Hessian–vector products."""

from __future__ import annotations

import torch
from e3nn.o3 import Irreps
from nequip.data import AtomicDataDict, register_fields
from nequip.nn import ForceStressOutput

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
