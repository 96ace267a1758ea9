"""Any ASE calculator as a potential: exact models for checks, foundation models, the reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError

from umklapp.potentials.contract import Prediction


class AsePotential:
    """Evaluates frames one after the other with one calculator."""

    def __init__(self, calculator: Calculator) -> None:
        self.calculator = calculator

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames."""
        energy, forces, stress = [], [], []
        for frame in frames:
            atoms = Atoms(frame.numbers, cell=frame.cell, positions=frame.positions, pbc=True)
            atoms.calc = self.calculator
            energy.append(atoms.get_potential_energy())
            forces.append(atoms.get_forces())
            try:
                stress.append(atoms.get_stress())
            except PropertyNotImplementedError:
                stress.append(np.full(6, np.nan))
        return Prediction(np.array(energy), forces, np.array(stress).reshape(-1, 6))
