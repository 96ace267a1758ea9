"""An Allegro model with Hessian–vector products and features of atoms.

The energy is a sum over edges; every edge belongs to its centre atom, and knows only the edges of
that atom.
"""

from __future__ import annotations

from typing import Any

import allegro.nn
import torch
from allegro.model import AllegroModel
from allegro.nn import Allegro_Module
from e3nn.o3 import Irreps
from nequip.data import AtomicDataDict
from nequip.model import model_builder
from nequip.nn import GraphModuleMixin, scatter

from umklapp import config
from umklapp.potentials.nequip.derivatives import HessianVectorOutput
from umklapp.potentials.nequip.model import shared_options


class AtomFeatures(GraphModuleMixin, torch.nn.Module):
    """Invariant features of atoms: the scalars of their edges, summed and over √n̄.

    They vanish with the edge at the cutoff, as its energy does.
    """

    def __init__(self, neighbours: float, irreps_in: dict[str, Irreps]) -> None:
        super().__init__()
        scalars = irreps_in[AtomicDataDict.EDGE_FEATURES_KEY]
        self._init_irreps(
            irreps_in=irreps_in, irreps_out={AtomicDataDict.NODE_FEATURES_KEY: scalars}
        )
        # a buffer: the compiled graph takes it with the weights of each member
        self.register_buffer("factor", torch.tensor(max(neighbours, 1.0) ** -0.5))

    def forward(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The data with `node_features`."""
        centre = data[AtomicDataDict.EDGE_INDEX_KEY][0]
        data[AtomicDataDict.NODE_FEATURES_KEY] = self.factor * scatter(
            data[AtomicDataDict.EDGE_FEATURES_KEY],
            centre,
            dim=0,
            dim_size=AtomicDataDict.num_nodes(data),
        )
        return data


@model_builder
def AllegroHessianModel(**options: Any) -> HessianVectorOutput:  # named like a class
    """The stock Allegro energy model under `HessianVectorOutput`; same options as the stock one."""
    network = AllegroModel(**options).func
    features = AtomFeatures(float(options["avg_num_neighbors"]), network.irreps_out)
    network.append("atom_features", features)
    return HessianVectorOutput(network)


def is_allegro(model: torch.nn.Module) -> bool:
    """Whether a NequIP graph model has Allegro's layers."""
    return any(isinstance(module, Allegro_Module) for module in model.modules())


def options(settings: config.Potential, *shared: Any) -> dict[str, Any]:
    """Arguments of `AllegroHessianModel`; `shared` as for `nequip.model.options`."""
    own = settings.allegro
    embedding = f"{allegro.nn.__name__}.{allegro.nn.TwoBodyBesselScalarEmbed.__name__}"
    return {
        **shared_options(settings, *shared),
        "radial_chemical_embed": {"_target_": embedding, "num_bessels": settings.bessel},
        "scalar_embed_mlp_hidden_layers_width": settings.radial_width,
        "num_scalar_features": own.scalar_features,
        "num_tensor_features": own.tensor_features,
        "allegro_mlp_hidden_layers_width": own.latent_width,
        "readout_mlp_hidden_layers_width": own.readout_width,
    }
