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
        description="published weights. They are downloaded once into ~/.cache/nequix/models, "
        "where nequix itself looks for them; `path` has precedence",
    )
    path: Path | None = Field(None, description="file of weights (.nqx); none: those of `name`")
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="expected hash of the weights; other weights are refused",
    )
    environment: str = Field(ENVIRONMENT, description="folder of its Python environment")
    functional: str = Field(
        "PBE",
        min_length=1,
        description="functional of the model's training data; stated beside every number",
    )


class CalculatorModel(Section):
    """Any ASE calculator by import path: SevenNet, MACE, an empirical potential, a test."""

    package: Literal["ase"] = "ase"
    calculator: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description="`module:Class` or a function that gives a calculator, for example "
        "`sevenn.calculator:SevenNetCalculator`",
    )
    parameters: dict[str, Any] = Field({}, description="keyword arguments of the calculator")
    environment: str | None = Field(
        None,
        description="folder of the Python environment that has the calculator; none: umklapp's own",
    )
    functional: str = Field(
        "not stated",
        min_length=1,
        description="functional of the model's training data; stated beside every number",
    )


FoundationModel = Annotated[NequixModel | CalculatorModel, Field(discriminator="package")]


class StopRule(Section):
    """When a nearly harmonic crystal is done without a committee (docs/foundation.md)."""

    labels: int = Field(
        2,
        ge=1,
        description="number of labels that correct the model: supercells of `phonons` in which "
        "every atom is displaced by `phonons.random_amplitude`",
    )
    check: int = Field(
        2,
        ge=2,
        description="number of further labels of the same kind, held back from the correction: "
        "they say how wrong κ is",
    )
    audit: int = Field(
        4,
        ge=4,
        description="number of labels that test the forces of the corrected model: thermal cells "
        "at `audit.temperature`, a quarter of them in pairs of opposite displacements",
    )
    sigma: Positive = Field(
        0.2,
        description="largest σᴬ(300 K) of the model at the campaign's lattice with which the rule "
        "is tried, and largest σᴬ of the labels of the audit with which it stops",
    )
    error: Positive = Field(
        0.1,
        lt=1,
        description="largest relative error of κ(300 K), by the force constants that the labels "
        "held back say are missing, with which the rule stops",
    )


class Foundation(Section):
    """κ, σᴬ and stability of every material by a foundation model, without any label."""

    model: FoundationModel = Field(description="which model, and where it is")
    own_lattice: bool = Field(
        True, description="compute κ also at the lattice to which the model relaxes the crystal"
    )
    unknowns: int = Field(
        3000,
        ge=1,
        description="largest number of free parameters of the fit of fc2 and fc3; pairs at larger "
        "distances are left out to stay below it (`phonons.pair_cutoff` has no effect here)",
    )
    oversampling: Positive = Field(
        4.0,
        ge=1.5,
        description="number of random supercells, as a multiple of the smallest number that "
        "determines the fit; at least 16",
    )
    thermal_frames: int = Field(
        8,
        ge=2,
        description="number of cells with displacements of the model's harmonic crystal at 300 K "
        "from which σᴬ is computed",
    )
    correction: bool = Field(
        True,
        description="compute also κ of the model with the Taylor correction (prior "
        "`potential.taylor`) from the training labels in the phonon supercell, as soon "
        "as there are any",
    )
    stop: StopRule | None = Field(
        None,
        description="rule by which a nearly harmonic material ends without rounds: κ of the model, "
        "corrected by a few labels and tested by a few more; absent: every material goes through "
        "the rounds",
    )
