"""NVT and NPT dynamics of several replicas at once, driven by a committee.

BAOAB Langevin dynamics (Leimkuhler & Matthews 2013); at constant pressure with stochastic cell
rescaling (isotropic: Bernetti & Bussi 2020; anisotropic: del Tatto, Raiteri, Bernetti & Bussi
2022). Every replica has its own random generator: its path does not depend on its siblings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms, units

from umklapp.crystals import sites
from umklapp.learning.sampling import health
from umklapp.learning.sampling.kinetics import (
    Barostat,
    kinetic_energy,
    kinetic_temperature,
    maxwell_boltzmann,
    rescale,
)
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.neighbours import Neighbours

log = logging.getLogger(__name__)


SKIN = 0.4
"""Å; neighbours are searched again after atoms have moved by half of it."""


@dataclass(frozen=True)
class Scheme:
    """How to run: timestep fs; friction 1/fs; steps: bound per replica; every: uncertainty and a
    kept frame each n-th step.

    driver: `mean` moves every replica with the committee mean (all members every step); `members`
    moves replica r with member r mod K, and asks the others only for kept frames.
    bias: strength of the uncertainty bias relative to the mean force (needs driver `mean`).
    """

    timestep: float
    friction: float
    steps: int
    every: int
    driver: Literal["mean", "members"] = "mean"
    bias: float = 0.0
    barostat: Barostat | None = None


def biased_forces(energy: np.ndarray, forces: np.ndarray, strength: float) -> np.ndarray:
    """Mean forces (N, 3) eV/Å pushed towards disagreement.

    E = ⟨E⟩ − τ σ_E with σ_E the standard deviation of the members' energies above R0
    (hyperactive learning, van der Oord et al. 2023); τ makes the bias force `strength` times the
    mean force (rms).

    Args:
        energy: (K,) eV above R0. forces: (K, N, 3) eV/Å.
    """
    mean, deviation = forces.mean(axis=0), energy - energy.mean()
    sigma = float(energy.std())
    if sigma < 1e-12:
        return np.asarray(mean)
    push = -np.einsum("k,kna->na", deviation, forces - mean) / (len(energy) * sigma)
    size = float(np.sqrt((push**2).mean()))
    tau = strength * float(np.sqrt((mean**2).mean())) / size if size > 1e-12 else 0.0
    return np.asarray(mean + tau * push)


class Replica:
    """One trajectory on its way."""

    def __init__(
        self,
        start: Atoms,
        target: float,
        member: int,
        generator: np.random.Generator,
    ) -> None:
        self.atoms = start.copy()
        self.masses = start.get_masses()
        self.member, self.generator = member, generator
        self.velocities = maxwell_boltzmann(self.masses, target, generator)
        self.forces = np.zeros((len(start), 3))
        self.stress = np.zeros(6)
        self.potential = 0.0
        self.heat = 0.0
        self.conserved: float | None = None
        self.prediction: CommitteePrediction | None = None
        self.trajectory = Trajectory(start.copy(), target)
        self.unkept: tuple[Atoms, CommitteePrediction, float, float, float] | None = None

    def kick(self, time: float) -> None:
        """Velocities by the forces for some fs."""
        self.velocities += time * self.forces / self.masses[:, None] * units.fs**2

    def move(self, scheme: Scheme) -> None:
        """The part BAOA of a step, and the barostat; forces must be evaluated after it."""
        half, target = 0.5 * scheme.timestep, self.trajectory.target
        decay = np.exp(-scheme.friction * scheme.timestep)
        self.kick(half)
        self.atoms.positions += half * self.velocities
        before = kinetic_energy(self.masses, self.velocities)
        noise = maxwell_boltzmann(self.masses, target, self.generator)
        self.velocities = decay * self.velocities + np.sqrt(1 - decay**2) * noise
        self.heat += kinetic_energy(self.masses, self.velocities) - before
        self.atoms.positions += half * self.velocities
        if scheme.barostat is not None:
            self.velocities = rescale(
                self.atoms,
                self.velocities,
                self.stress,
                target,
                scheme.timestep,
                scheme.barostat,
                self.generator,
            )

    def take(self, prediction: CommitteePrediction, scheme: Scheme) -> None:
        """Forces of a judged step: of the driving member or the mean, biased where asked."""
        self.prediction = prediction
        driver = self.member if scheme.driver == "members" else slice(None)
        energy = np.atleast_1d(prediction.energy[driver, 0])
        self.potential = float(energy.mean())
        self.stress = np.atleast_2d(prediction.stress[driver, 0]).mean(axis=0)
        forces = prediction.forces[0]
        self.forces = forces[driver] if scheme.driver == "members" else forces.mean(axis=0)

    def state(self, scheme: Scheme, distance: float) -> health.State:
        """What the health monitor looks at."""
        spread = 0.0
        if self.prediction is not None:
            spread = float(self.prediction.spread[0].max())
        free = scheme.barostat is None and scheme.bias == 0
        return health.State.of(
            self.atoms.positions,
            self.forces,
            kinetic_temperature(self.masses, self.velocities),
            distance,
            spread,
            self.drift() if free else 0.0,
        )

    def keep(self, recorder: Recorder) -> None:
        """Record the last good frame, unless it is recorded already."""
        if self.unkept is not None:
            recorder.keep(self.trajectory, *self.unkept)
            self.unkept = None

    def drift(self) -> float:
        """Change of the energy that Langevin dynamics conserves, eV per atom since the start."""
        now = self.potential + kinetic_energy(self.masses, self.velocities) - self.heat
        if self.conserved is None:
            self.conserved = now
        return (now - self.conserved) / len(self.atoms)


def run(
    committee: Committee,
    starts: Sequence[Atoms],
    temperatures: Sequence[float],
    recorder: Recorder,
    generator: np.random.Generator,
    scheme: Scheme,
    limits: Callable[[float], health.Limits],
) -> list[Trajectory]:
    """Dynamics of all replicas, in one batch per step.

    Args:
        starts: one starting frame per replica. temperatures: K, one per replica.
        recorder: what is kept of a frame.
        limits: health limits for a target temperature. A replica beyond them ends with its
            reason and its siblings go on; its last good frame is kept.

    Returns:
        One trajectory per replica, with the reason it ended.
    """
    replicas = [
        Replica(start, target, replica_index % len(committee), own)
        for replica_index, (start, target, own) in enumerate(
            zip(starts, temperatures, generator.spawn(len(starts)), strict=True)
        )
    ]
    alive, neighbours = list(replicas), committee.neighbours(starts, SKIN)
    for step in range(scheme.steps + 1):
        for replica in alive if step else ():
            replica.move(scheme)
        numbers = [replicas.index(replica) for replica in alive]
        near = None if neighbours is None else neighbours.select(numbers)
        _evaluate(committee, alive, near, recorder, scheme, step)
        shortest = _shortest(alive, near)
        for place, replica_index in enumerate(numbers):
            replica = replicas[replica_index]
            if step:
                replica.kick(0.5 * scheme.timestep)
            state = replica.state(scheme, float(shortest[place]))
            problem = health.complaint(state, limits(replica.trajectory.target))
            if problem:
                replica.trajectory.ended = f"stopped at step {step}: {problem}"
                log.info(f"replica {replica_index}: {replica.trajectory.ended}")
                alive.remove(replica)
                replica.keep(recorder)
            elif replica.prediction is not None:
                frame, time = replica.atoms.copy(), step * scheme.timestep
                measured = (time, state.temperature, state.distance)
                replica.unkept = (frame, replica.prediction, *measured)
                if step and step % scheme.every == 0:
                    replica.keep(recorder)
        if not alive:
            log.info("all replicas have ended early")
            break
        if step and step % max(1, scheme.steps // 10) == 0:
            log.info(f"step {step}/{scheme.steps}: {len(alive)}/{len(replicas)} replicas alive")
    return [replica.trajectory for replica in replicas]


def _evaluate(
    committee: Committee,
    replicas: Sequence[Replica],
    near: Neighbours | None,
    recorder: Recorder,
    scheme: Scheme,
    step: int,
) -> None:
    frames = [replica.atoms for replica in replicas]
    stress = scheme.barostat is not None
    if scheme.driver == "members" and step % scheme.every:
        drivers = [replica.member for replica in replicas]
        own = committee.evaluate_each(frames, drivers, near, stress)
        for replica_index, replica in enumerate(replicas):
            replica.prediction = None
            replica.forces, replica.stress = own.forces[replica_index], own.stress[replica_index]
            replica.potential = float(own.energy[replica_index])
        return
    prediction = committee.evaluate_members(frames, near, stress)
    for replica_index, replica in enumerate(replicas):
        alone = prediction.frame(replica_index)
        replica.take(alone, scheme)
        if scheme.bias:
            zero = recorder.reference_energy * len(replica.atoms)
            replica.forces = biased_forces(alone.energy[:, 0] - zero, alone.forces[0], scheme.bias)


def _shortest(replicas: Sequence[Replica], near: Neighbours | None) -> np.ndarray:
    """Shortest distances (n,) Å of the evaluated frames."""
    if near is not None:
        return near.shortest()
    return np.array([sites.shortest_distance(replica.atoms) for replica in replicas])
