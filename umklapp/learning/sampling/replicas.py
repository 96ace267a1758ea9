"""Replicas of molecular dynamics in common arrays: one operation moves the atoms of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from umklapp.learning.sampling import health
from umklapp.learning.sampling.kinetics import Barostat, rescale
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.potentials.contract import CommitteePrediction


@dataclass
class Replica:
    """One trajectory on its way.

    index: among all replicas; member: that drives it; generator: its own noise.
    """

    index: int
    atoms: Atoms
    member: int
    generator: np.random.Generator
    trajectory: Trajectory

    @classmethod
    def of(
        cls,
        index: int,
        start: Atoms,
        target: float,
        members: int,
        generator: np.random.Generator,
    ) -> Replica:
        """From a starting frame; target: K, members: of the committee."""
        trajectory = Trajectory(start.copy(), target)
        return cls(index, start.copy(), index % members, generator, trajectory)


class Replicas:
    """n replicas that are alive, with N atoms in all.

    velocities: (N, 3) Å/fs; forces: (N, 3) eV/Å; stress: (n, 6) eV/Å³; potential, heat: (n,) eV;
    conserved: (n,) eV, what Langevin dynamics conserves at the start, NaN before it. The positions
    of `replicas[r].atoms` are views of `positions` (N, 3) Å.
    """

    OF_ATOMS = ("velocities", "forces")
    OF_REPLICAS = ("stress", "potential", "heat", "conserved")

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.replicas = list(replicas)
        self.sizes = np.array([len(replica.atoms) for replica in replicas])
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.of_replica = np.repeat(np.arange(len(replicas)), self.sizes)
        self.masses = np.concatenate([replica.atoms.get_masses() for replica in replicas])[:, None]
        self.total = np.array([own.sum() for own in self._split(self.masses)])[:, None]
        self.positions = np.concatenate([replica.atoms.positions for replica in replicas])
        for replica, own in zip(replicas, self._split(self.positions), strict=True):
            replica.atoms.arrays["positions"] = own
        target = np.array([replica.trajectory.target for replica in replicas])
        self.width = np.sqrt(units.kB * target[self.of_replica][:, None] / self.masses) * units.fs
        self.velocities = np.zeros_like(self.positions)
        self.forces = np.zeros_like(self.positions)
        self.stress = np.zeros((len(replicas), 6))
        self.potential, self.heat = np.zeros(len(replicas)), np.zeros(len(replicas))
        self.conserved = np.full(len(replicas), np.nan)

    def __len__(self) -> int:
        return len(self.replicas)

    def select(self, places: Sequence[int]) -> Replicas:
        """Some of them, which go on as they are."""
        chosen = Replicas([self.replicas[place] for place in places])
        rows = np.isin(self.of_replica, places)
        for name in self.OF_ATOMS:
            setattr(chosen, name, getattr(self, name)[rows])
        for name in self.OF_REPLICAS:
            setattr(chosen, name, getattr(self, name)[list(places)])
        return chosen

    def thermal(self) -> np.ndarray:
        """Velocities (N, 3) Å/fs at the targets, every replica by its own generator, as
        `maxwell_boltzmann`."""
        noise = [r.generator.normal(size=(len(r.atoms), 3)) for r in self.replicas]
        velocities = np.concatenate(noise) * self.width
        drift = self._sums(self.masses * velocities) / self.total
        return velocities - drift[self.of_replica]

    def kick(self, time: float) -> None:
        """Velocities by the forces for some fs."""
        self.velocities += time * self.forces / self.masses * units.fs**2

    def move(self, timestep: float, friction: float, barostat: Barostat | None) -> None:
        """The part BAOA of a step, and the barostat; forces must be evaluated after it.

        Args:
            timestep: fs. friction: 1/fs.
        """
        half, decay = 0.5 * timestep, np.exp(-friction * timestep)
        self.kick(half)
        self.positions += half * self.velocities
        before = self.kinetic()
        self.velocities = decay * self.velocities + np.sqrt(1 - decay**2) * self.thermal()
        self.heat += self.kinetic() - before
        self.positions += half * self.velocities
        if barostat is not None:
            own_velocities = self._split(self.velocities)
            for replica, own, stress in zip(
                self.replicas, own_velocities, self.stress, strict=True
            ):
                target = replica.trajectory.target
                own[:] = rescale(
                    replica.atoms, own, stress, target, timestep, barostat, replica.generator
                )

    def kinetic(self) -> np.ndarray:
        """Kinetic energies (n,) eV."""
        return 0.5 * self._sums((self.masses * (self.velocities / units.fs) ** 2).sum(axis=1))

    def temperature(self) -> np.ndarray:
        """Temperatures (n,) K with 3N − 3 degrees of freedom each."""
        return 2 * self.kinetic() / ((3 * self.sizes - 3) * units.kB)

    def drift(self) -> np.ndarray:
        """Change of the energy that Langevin dynamics conserves, (n,) eV per atom, since the
        start."""
        now = self.potential + self.kinetic() - self.heat
        self.conserved = np.where(np.isnan(self.conserved), now, self.conserved)
        return (now - self.conserved) / self.sizes

    def states(
        self, temperature: np.ndarray, distance: np.ndarray, spread: np.ndarray, free: bool
    ) -> list[health.State]:
        """What the health monitor looks at.

        Args:
            temperature: (n,) K. distance: (n,) Å, shortest. spread: (n,) eV/Å, largest u_I.
            free: whether there is a conserved energy.
        """
        finite = np.isfinite(self.forces).all(axis=1) & np.isfinite(self.positions).all(axis=1)
        drift = self.drift() if free else np.zeros(len(self))
        columns = (
            np.logical_and.reduceat(finite, self.starts),
            temperature,
            distance,
            self.largest(np.linalg.norm(self.forces, axis=1)),
            spread,
            drift,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [health.State(*row) for row in rows]

    def largest(self, values: np.ndarray) -> np.ndarray:
        """Largest value of every replica; (N,) → (n,)."""
        return np.maximum.reduceat(values, self.starts)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self.starts)

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        return np.split(values, self.starts[1:])


class Snapshot:
    """All replicas at the last judged step, until they are recorded.

    Args:
        time: fs. temperature: (n,) K. distance: (n,) Å.
    """

    def __init__(
        self,
        replicas: Replicas,
        prediction: CommitteePrediction,
        time: float,
        temperature: np.ndarray,
        distance: np.ndarray,
    ) -> None:
        self.numbers = [replica.index for replica in replicas.replicas]
        self.positions = np.split(replicas.positions.copy(), replicas.starts[1:])
        self.cells = [replica.atoms.cell.array.copy() for replica in replicas.replicas]
        self.prediction, self.time = prediction, time
        self.temperature, self.distance = temperature, distance
        self.recorded = False

    def keep(self, replica: Replica, recorder: Recorder) -> None:
        """Append the frame of a replica to its trajectory."""
        place = self.numbers.index(replica.index)
        frame = Atoms(replica.atoms.numbers, cell=self.cells[place], pbc=True)
        frame.positions = self.positions[place]
        recorder.keep(
            replica.trajectory,
            frame,
            self.prediction.frame(place),
            self.time,
            float(self.temperature[place]),
            float(self.distance[place]),
        )
