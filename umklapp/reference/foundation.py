"""A foundation model as the reference: a rehearsal of a campaign without any DFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from umklapp.config import FoundationReference, Section
from umklapp.reference import calculators, foundation_weights
from umklapp.reference.ase import CalculatorEngine

CALCULATOR = "umklapp.potentials.foundation:calculator"
"""By its import path, as every ASE calculator: potentials are built on this room."""


class FoundationEngine(CalculatorEngine):
    """Labels of a foundation model, by one calculator for the whole process.

    The hash of its weights is part of the identity of every label.

    Raises:
        InputError: the weights are missing, or not what the configuration says.
    """

    def __init__(self, settings: FoundationReference) -> None:
        self.settings = settings
        self.model_identity = foundation_weights.identify(settings.model)
        own = self.model_identity
        self.name = f"foundation {own.name} {own.sha256[:12]}"  # in every label
        self._kept: Calculator | None = None
        super().__init__(settings)

    def identity(self, settings: Section) -> dict[str, Any]:
        """The weights; where they lie and where they run make no other label."""
        own = self.model_identity
        return {"engine": "foundation", "package": own.package, "sha256": own.sha256}

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """The calculator of this process; made again for a second attempt."""
        if self._kept is None or attempt > 1:
            make = calculators.calculator_class(CALCULATOR, "reference")
            self._kept = make(self.settings.model)
        return self._kept
