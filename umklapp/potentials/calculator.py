"""Any potential as an ASE calculator, for what ASE drives: relaxation, strain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from umklapp.errors import CalculationError
from umklapp.potentials.contract import Potential


class PotentialCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³, ASE sign and order) of one potential.

    Raises:
        CalculationError: on asking for the stress of a potential that has none.
    """

    implemented_properties: ClassVar[Any] = ["energy", "forces", "stress"]

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """One evaluation gives everything."""
        super().calculate(atoms, properties, system_changes)
        found = self.potential.evaluate([self.atoms])
        self.results = {"energy": float(found.energy[0]), "forces": found.forces[0]}
        if np.all(np.isfinite(found.stress[0])):
            self.results["stress"] = found.stress[0]
        elif "stress" in properties:
            raise CalculationError(
                f"{type(self.potential).__name__} has no stress: elastic constants and cell "
                "relaxation need a potential without a Taylor baseline"
            )
