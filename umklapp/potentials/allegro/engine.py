"""Allegro on dense slots, for the compiled graph; and with the heat flux.

Every slot is an edge of its atom, so the forces' gradient is all that the flux needs:
∂U/∂r_ab = ∂U_a/∂r_ab, and J_pot = −Σ_ab r_ab (∂U_a/∂r_ab · v_b) is exact (no messages).
"""

from __future__ import annotations

import torch
from allegro.nn._strided import Contracter

from umklapp import provenance
from umklapp.errors import CalculationError
from umklapp.potentials.allegro.model import is_allegro
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.slot_network import SlotNetwork


class AllegroSlots(SlotNetwork):
    """The energy model of an Allegro model on dense slots.

    Slots that are not needed lie beyond the cutoff, where an edge has no energy and no features.

    Raises:
        CalculationError: the model is not Allegro.
    """

    PACKAGES = ("nequip", "nequip-allegro")

    def opened(self, network: torch.nn.Module) -> torch.nn.Module:
        """The stock energy model: it needs no other form.

        Raises:
            CalculationError: the architecture is not Allegro's.
        """
        if not is_allegro(network) or hasattr(network, "pair_potential"):
            raise CalculationError("this architecture is not Allegro's")
        return network

    def edges(self, source: torch.Tensor) -> torch.Tensor:
        """Edges (2, N M): centre and neighbour of every slot."""
        centre = torch.arange(source.shape[0], device=source.device)[:, None]
        return torch.stack([centre.expand_as(source).reshape(-1), source.reshape(-1)])

    def key(self, device: str) -> str:
        """As for any network, with the tensor products: shapes do not tell all of them."""
        paths = [repr(layer) for layer in self.network.modules() if isinstance(layer, Contracter)]
        return provenance.digest([super().key(device), type(self).__name__, paths], 24)


class AllegroFlux(AllegroSlots, FluxNetwork):
    """`AllegroSlots` that also takes velocities and gives the work of every edge."""
