"""Sections about foundation models: which one, and what is asked of it before the first label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from umklapp.config.base import Positive, Section

ENVIRONMENT = ".venv-foundation"
"""Folder of the Python environment that `make foundation-env` fills."""


class NequixModel(Section):
    """A model of the package nequix, in the environment of foundation models."""

    package: Literal["nequix"] = "nequix"
    name: Literal[
        "nequix-oam-1-pft", "nequix-oam-1", "nequix-omat-1", "nequix-mp-1", "nequix-mp-1-pft"
    ] = Field(
        "nequix-oam-1-pft",
        description="published weights; downloaded once into ~/.cache/nequix/models, where nequix "
        "itself looks for them; not read where there is a path",
    )
    path: Path | None = Field(None, description="file of weights (.nqx); none: those of `name`")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of the weights; others are refused"
    )
    environment: str = Field(ENVIRONMENT, description="folder of its Python environment")
    functional: str = Field(
        "PBE", min_length=1, description="functional of its training, said beside every number"
    )


class CalculatorModel(Section):
    """Any ASE calculator by import path: SevenNet, MACE, an empirical potential, a test."""

    package: Literal["ase"] = "ase"
    calculator: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description="`module:Class` or a function that gives a calculator, for example "
        "`sevenn.calculator:SevenNetCalculator`",
    )
    parameters: dict[str, Any] = Field({}, description="its keyword arguments")
    environment: str | None = Field(
        None, description="folder of the Python environment it is imported in; none: this one"
    )
    functional: str = Field(
        "not stated", min_length=1, description="functional of its training, said with each number"
    )


FoundationModel = Annotated[NequixModel | CalculatorModel, Field(discriminator="package")]


class Foundation(Section):
    """κ, σᴬ and stability of every material by a foundation model, without any label."""

    model: FoundationModel = Field(description="which model, and where it is")
    own_lattice: bool = Field(
        True, description="κ at the lattice that the model relaxes to, too, beside the campaign's"
    )
    unknowns: int = Field(
        3000,
        ge=1,
        description="free numbers of the fit of fc2 and fc3; pairs are cut off where there are "
        "more (`phonons.pair_cutoff` cuts earlier)",
    )
    oversampling: Positive = Field(
        4.0, ge=1.5, description="random supercells, as a multiple of the least that can be fitted"
    )
    thermal_frames: int = Field(
        8, ge=2, description="cells of the model's harmonic crystal at 300 K that give σᴬ"
    )
    correction: bool = Field(
        True,
        description="also κ of the model with the Taylor correction (prior `potential.taylor`) by "
        "the training labels in the phonon supercell, as soon as there are any",
    )
