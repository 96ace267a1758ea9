"""Second derivatives of a perfect supercell as one label: what it holds, its file, its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms

from umklapp import hdf5
from umklapp.records import Part, Record

OTHER_UNITS = {"Ry/bohr²": 48.587, "Hartree/bohr²": 97.174, "mRy/bohr²": 0.048587}
"""In eV/Å²; what programs other than VASP write."""


@dataclass(frozen=True)
class CurvatureLabel:
    """Second derivatives of a perfect supercell of N atoms.

    perfect: the supercell; force_constants: (N, N, 3, 3) eV/Å²; representatives: atoms from whose
    columns translations make all others; forces: (N, 3) eV/Å; energy: eV or None; stress: (6,)
    eV/Å³ or None; labels: reference calculations behind it; source: in words.
    """

    perfect: Atoms
    force_constants: np.ndarray
    representatives: np.ndarray
    forces: np.ndarray
    energy: float | None
    stress: np.ndarray | None
    labels: int
    source: str

    def product(self, vector: np.ndarray) -> np.ndarray:
        """Φ v, (N, 3) eV/Å² times the vector (N, 3)."""
        return np.einsum("ijab,jb->ia", self.force_constants, vector)

    def write(self, path: Path) -> None:
        """Write hdf5 atomically."""
        with hdf5.writing(path) as file:
            file.attrs.update(source=self.source, labels=self.labels, units="eV, Å")
            file["numbers"], file["cell"] = self.perfect.numbers, self.perfect.cell.array
            for name in ("force_constants", "representatives", "forces"):
                file[name] = getattr(self, name)
            file["positions"] = self.perfect.positions
            for name in ("energy", "stress"):
                if getattr(self, name) is not None:
                    file[name] = getattr(self, name)


def read(path: Path) -> CurvatureLabel:
    """The label of a file of `CurvatureLabel.write`."""
    with h5py.File(path) as file:
        perfect = Atoms(file["numbers"][()], cell=file["cell"][()], pbc=True)
        perfect.positions = file["positions"][()]
        array, representatives, forces = (
            file[name][()] for name in ("force_constants", "representatives", "forces")
        )
        energy = float(file["energy"][()]) if "energy" in file else None
        stress = file["stress"][()] if "stress" in file else None
        count, source = int(file.attrs["labels"]), str(file.attrs["source"])
        return CurvatureLabel(
            perfect, array, representatives, forces, energy, stress, count, source
        )


class CurvatureNumbers(Part):
    """Of second derivatives by themselves: what was spent, and how good the array is (eV/Å²).

    labels: reference calculations. atoms: of the supercell. The residuals are the largest
    |Σ_j Φ_ij| (acoustic sum rule) and the largest |Φ_ij − Φ_jiᵀ|.
    """

    source: str
    labels: int
    atoms: int
    largest_eV_per_A2: float
    mean_eV_per_A2: float
    acoustic_sum_residual_eV_per_A2: float
    asymmetry_eV_per_A2: float


class CurvatureRecord(Record, CurvatureNumbers):
    """curvature/labels.json."""


def describe(label: CurvatureLabel) -> CurvatureNumbers:
    """The numbers of a label."""
    array = label.force_constants
    return CurvatureNumbers(
        source=label.source,
        labels=label.labels,
        atoms=len(label.perfect),
        largest_eV_per_A2=float(np.abs(array).max()),
        mean_eV_per_A2=float(np.abs(array).mean()),
        acoustic_sum_residual_eV_per_A2=float(np.abs(array.sum(axis=1)).max()),
        asymmetry_eV_per_A2=float(np.abs(array - array.transpose(1, 0, 3, 2)).max()),
    )
