"""The energy model on dense slots that also gives the work of every edge: what the flux is made of.

With t = D_v x the tangents of the features, every edge vector r_ab becomes r_ab + s v_b and every
gathered feature x_b becomes x_b + s t_b, with one s per edge; w_ab = ∂U/∂s_ab at s = 0
(docs/heat_flux.md). The backward pass of the forces gives w along the way.
"""

from __future__ import annotations

import torch

from umklapp.potentials.nequip.slot_network import SlotNetwork


class FluxNetwork(SlotNetwork):
    """`SlotNetwork` that also takes velocities and gives the work of every edge.

    Where no messages are passed (Allegro), no feature depends on s, and w_ab = ∂U/∂r_ab · v_b.
    """

    EXTRA = ((3,),)

    def forward(
        self,
        vectors: torch.Tensor,
        source: torch.Tensor,
        types: torch.Tensor,
        interval: torch.Tensor,
        within: torch.Tensor,
        velocity: torch.Tensor,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Energies of atoms (N, 1) eV, ∂E/∂vectors (N, M, 3) eV/Å, w (N, M) in eV/Å · velocity.

        Args:
            velocity: (N, 3).
        """
        vectors = vectors.detach().requires_grad_(True)
        moment = torch.zeros_like(vectors[..., 0]).requires_grad_(True)
        self.graph.update(
            source=source,
            interval=interval,
            within=within,
            velocity=velocity,
            vectors=vectors,
            moment=moment,
        )
        energy, _ = self.energies(vectors, source, types, weights)
        gradient, work = torch.autograd.grad(
            [energy.sum()], [vectors, moment], materialize_grads=True
        )
        work = work + (gradient * velocity[source]).sum(-1)
        return energy.detach(), gradient.detach(), work.detach()
