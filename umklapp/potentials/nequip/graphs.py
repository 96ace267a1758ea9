"""Which compiled graph belongs to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from umklapp.potentials.nequip.engine import SlotNetwork
from umklapp.potentials.nequip.flux import FluxNetwork


def graph_of(backend: str, flux: bool = False) -> type[SlotNetwork]:
    """Network that is compiled for a backend: for forces alone, or with the heat flux."""
    if backend != "allegro":
        return FluxNetwork if flux else SlotNetwork
    from umklapp.potentials.allegro.engine import AllegroFlux, AllegroSlots

    return AllegroFlux if flux else AllegroSlots


def backend_of(models: Sequence[Any]) -> str:
    """Backend of some `NequipPotential`s."""
    named = any(type(each).__module__.startswith("allegro.") for each in models[0].model.modules())
    return "allegro" if named else "nequip"
