"""Which compiled graph belongs to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from umklapp.potentials.allegro.engine import AllegroFlux, AllegroSlots
from umklapp.potentials.allegro.model import is_allegro
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.slot_network import SlotNetwork


def graph_of(backend: str, flux: bool = False) -> type[SlotNetwork]:
    """Network that is compiled for a backend: for forces alone, or with the heat flux."""
    if backend == "allegro":
        return AllegroFlux if flux else AllegroSlots
    return FluxNetwork if flux else SlotNetwork


def backend_of(models: Sequence[Any]) -> str:
    """Backend of some `NequipPotential`s."""
    return "allegro" if is_allegro(models[0].model) else "nequip"
