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
from ase import Atoms

from umklapp.crystals import sites
from umklapp.learning.sampling import health
from umklapp.learning.sampling.kinetics import Barostat
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.learning.sampling.replicas import Replica, Replicas, Snapshot
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
        Replica.of(index, start, target, len(committee), own)
        for index, (start, target, own) in enumerate(
            zip(starts, temperatures, generator.spawn(len(starts)), strict=True)
        )
    ]
    alive, neighbours = Replicas(replicas), committee.neighbours(starts, SKIN)
    alive.velocities = alive.thermal()
    last: Snapshot | None = None
    for step in range(scheme.steps + 1):
        if step:
            alive.move(scheme.timestep, scheme.friction, scheme.barostat)
        numbers = [replica.index for replica in alive.replicas]
        near = None if neighbours is None else neighbours.select(numbers)
        prediction = _evaluate(committee, alive, near, recorder, scheme, step)
        if step:
            alive.kick(0.5 * scheme.timestep)
        temperature, distance = alive.temperature(), _shortest(alive, near)
        spread = np.zeros(len(alive))
        if prediction is not None:
            spread = alive.largest(np.concatenate(prediction.spread))
        free = scheme.barostat is None and scheme.bias == 0
        states = alive.states(temperature, distance, spread, free)
        stay = []
        for place, (replica, state) in enumerate(zip(alive.replicas, states, strict=True)):
            problem = health.complaint(state, limits(replica.trajectory.target))
            if not problem:
                stay.append(place)
                continue
            replica.trajectory.ended = f"stopped at step {step}: {problem}"
            log.info(f"replica {replica.index}: {replica.trajectory.ended}")
            if last is not None and not last.recorded:
                last.keep(replica, recorder)
        if prediction is not None:
            last = Snapshot(alive, prediction, step * scheme.timestep, temperature, distance)
            if step and step % scheme.every == 0:
                last.recorded = True
                for place in stay:
                    last.keep(alive.replicas[place], recorder)
        if not stay:
            log.info("all replicas have ended early")
            break
        if len(stay) < len(alive):
            alive = alive.select(stay)
        if step and step % max(1, scheme.steps // 10) == 0:
            log.info(f"step {step}/{scheme.steps}: {len(alive)}/{len(replicas)} replicas alive")
    return [replica.trajectory for replica in replicas]


def _evaluate(
    committee: Committee,
    alive: Replicas,
    near: Neighbours | None,
    recorder: Recorder,
    scheme: Scheme,
    step: int,
) -> CommitteePrediction | None:
    """Forces, stresses and energies that move the replicas; what all members say, where asked."""
    frames = [replica.atoms for replica in alive.replicas]
    drivers, stress = [replica.member for replica in alive.replicas], scheme.barostat is not None
    if scheme.driver == "members" and step % scheme.every:
        own = committee.evaluate_each(frames, drivers, near, stress)
        alive.potential, alive.stress = own.energy, own.stress
        alive.forces = np.concatenate(own.forces)
        return None
    prediction = committee.evaluate_members(frames, near, stress)
    if scheme.driver == "members":
        places = range(len(frames))
        alive.potential = prediction.energy[drivers, places]
        alive.stress = prediction.stress[drivers, places]
        forces = [prediction.forces[place][driver] for place, driver in enumerate(drivers)]
        alive.forces = np.concatenate(forces)
        return prediction
    alive.potential, alive.stress = prediction.energy.mean(axis=0), prediction.stress.mean(axis=0)
    if scheme.bias:
        energies = prediction.energy.T - np.outer(alive.sizes, recorder.reference_energy)
        pairs = zip(energies, prediction.forces, strict=True)
        alive.forces = np.concatenate([biased_forces(*pair, scheme.bias) for pair in pairs])
    else:
        alive.forces = np.concatenate(prediction.forces, axis=1).mean(axis=0)
    return prediction


def _shortest(alive: Replicas, near: Neighbours | None) -> np.ndarray:
    """Shortest distances (n,) Å of the evaluated frames."""
    if near is not None:
        return near.shortest()
    return np.array([sites.shortest_distance(replica.atoms) for replica in alive.replicas])
