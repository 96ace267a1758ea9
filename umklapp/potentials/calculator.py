"""Any potential as an ASE calculator, for what ASE drives: relaxation, strain, labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from umklapp import provenance
from umklapp.errors import CalculationError, InputError
from umklapp.potentials import loading
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
        """One evaluation gives everything.

        Raises:
            CalculationError: a stress is asked of a potential that has none.
        """
        super().calculate(atoms, properties, system_changes)
        prediction = self.potential.evaluate([self.atoms])
        self.results = {"energy": float(prediction.energy[0]), "forces": prediction.forces[0]}
        if np.all(np.isfinite(prediction.stress[0])):
            self.results["stress"] = prediction.stress[0]
        elif "stress" in properties:
            raise CalculationError(
                f"{type(self.potential).__name__} has no stress: elastic constants and cell "
                "relaxation need a potential without a Taylor baseline"
            )


class CheckpointCalculator(PotentialCalculator):
    """A trained model by its file, for `reference: {engine: ase}` and for ASE's own tools.

    Args:
        path: of a model that `loading.load` knows.
        digest: `provenance.file_digest` of that file. Settings are part of the identity of every
            label; a path alone would stay the same when another model is put there.

    Raises:
        InputError: there is no such file, it has another digest, or it is no model.
    """

    def __init__(self, path: str | Path, digest: str | None = None) -> None:
        if not Path(path).is_file():
            raise InputError(f"{path}: there is no such model")
        if digest is not None and (own := provenance.file_digest(Path(path))) != digest:
            raise InputError(
                f"{path}: its digest is {own}, not {digest}: another model than the one that was "
                "named; put that one back, or name this one's digest"
            )
        super().__init__(loading.load(Path(path)))
