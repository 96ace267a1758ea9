"""What is kept of molecular dynamics: frames, committee forces, uncertainty, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from umklapp.learning.sampling import health, uncertainty
from umklapp.potentials.contract import CommitteePrediction

if TYPE_CHECKING:
    from umklapp.lattice.harmonic_reference import HarmonicReference


@dataclass
class Trajectory:
    """What is kept of one replica: n frames of N atoms.

    atoms: the frame that it started from; target: K;
    time: (n,) fs; positions: (n, N, 3) Å; cells: (n, 3, 3) Å; forces: (n, N, 3) eV/Å, committee
    mean; spread: (n, N) eV/Å, u_I; energy: (n,) eV per atom above R0; temperature: (n,) K;
    shortest_distance: (n,) Å; sigma: (n,) σᴬ of the mean force (NaN without harmonic reference);
    measures: name → (n,), all uncertainties; ended: why, in words; start:
    `exploration.CRYSTAL`, `exploration.HOPPED`, or empty where it is not dynamics.
    """

    atoms: Atoms
    target: float
    time: list[float] = field(default_factory=list)
    positions: list[np.ndarray] = field(default_factory=list)
    cells: list[np.ndarray] = field(default_factory=list)
    forces: list[np.ndarray] = field(default_factory=list)
    spread: list[np.ndarray] = field(default_factory=list)
    energy: list[float] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    shortest_distance: list[float] = field(default_factory=list)
    sigma: list[float] = field(default_factory=list)
    measures: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in uncertainty.NAMES}
    )
    ended: str = health.BOUND_REACHED
    start: str = ""


def kept_frames(replicas: Sequence[Trajectory]) -> list[Atoms]:
    """All kept frames, replica after replica."""
    return [
        Atoms(replica.atoms.numbers, positions=positions, cell=cell, pbc=True)
        for replica in replicas
        for positions, cell in zip(replica.positions, replica.cells, strict=True)
    ]


class Recorder:
    """Turns predictions into the records of trajectories.

    Args:
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
        harmonic: for σᴬ; frames of other cells than its own have none.
    """

    def __init__(
        self, reference_energy: np.ndarray, harmonic: HarmonicReference | None = None
    ) -> None:
        self.reference_energy, self.harmonic = reference_energy, harmonic

    def keep(
        self,
        trajectory: Trajectory,
        atoms: Atoms,
        prediction: CommitteePrediction,
        time: float,
        temperature: float,
        shortest: float,
    ) -> None:
        """Append one frame; `prediction` is of this frame alone, `time` in fs."""
        harmonic = None
        if self.harmonic is not None and self.harmonic.knows(atoms):
            harmonic = list(self.harmonic.forces(atoms.positions[None], atoms.cell.array[None]))
        spread = uncertainty.measure(prediction, self.reference_energy, harmonic)
        energy = uncertainty.relative_energy(prediction, self.reference_energy)
        trajectory.time.append(time)
        trajectory.positions.append(atoms.positions.copy())
        trajectory.cells.append(atoms.cell.array.copy())
        trajectory.forces.append(prediction.mean.forces[0])
        trajectory.spread.append(spread.per_atom[0])
        trajectory.energy.append(float(energy[0]))
        trajectory.temperature.append(temperature)
        trajectory.shortest_distance.append(shortest)
        trajectory.sigma.append(float(spread.sigma[0]))
        for name, values in spread.values.items():
            trajectory.measures[name].append(float(values[0]))
