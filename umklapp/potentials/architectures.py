"""Builders of graph networks by backend, and untrained models of an architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from ase.data import chemical_symbols

from umklapp import config
from umklapp.potentials.allegro import model as allegro
from umklapp.potentials.nequip import model as nequip


def architecture(
    settings: config.Potential,
) -> tuple[Callable[..., torch.nn.Module], Callable[..., dict[str, Any]]]:
    """Builder of the configured backend, and what gives its arguments (as `options`)."""
    if settings.backend == "allegro":
        return allegro.AllegroHessianModel, allegro.options
    return nequip.NequIPHessianModel, nequip.options


def untrained(settings: config.Potential, species: int) -> torch.nn.Module:
    """A model of the architecture with some weights and some species: only shapes matter."""
    builder, arguments = architecture(settings)
    return nequip.build(arguments(settings, 0, chemical_symbols[1 : species + 1]), builder)
