"""NVT Langevin dynamics of several replicas at once on the committee mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units

from umklapp.potentials.committee import Committee
from umklapp.sampling import health, uncertainty


@dataclass
class Trajectory:
    """What is kept of one replica: n frames of N atoms.

    time: (n,) fs; positions: (n, N, 3) Å; forces: (n, N, 3) eV/Å, committee mean;
    spread: (n, N) eV/Å, u_I; energy: (n,) eV per atom above R0; temperature: (n,) K;
    energy_spread: (n,) eV per atom, U_E; ended: why, in words.
    """

    atoms: Atoms
    target: float
    time: list[float] = field(default_factory=list)
    positions: list[np.ndarray] = field(default_factory=list)
    forces: list[np.ndarray] = field(default_factory=list)
    spread: list[np.ndarray] = field(default_factory=list)
    energy: list[float] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    energy_spread: list[float] = field(default_factory=list)
    ended: str = health.BOUND_REACHED


def maxwell_boltzmann(
    masses: np.ndarray, temperature: float, generator: np.random.Generator
) -> np.ndarray:
    """Velocities (N, 3) Å/fs at T with the centre of mass at rest; masses: (N,) u."""
    width = np.sqrt(units.kB * temperature / masses)[:, None] * units.fs
    velocities = generator.normal(size=(len(masses), 3)) * width
    drift = (masses[:, None] * velocities).sum(axis=0) / masses.sum()
    return np.asarray(velocities - drift)


def kinetic_temperature(masses: np.ndarray, velocities: np.ndarray) -> float:
    """Temperature (K) of velocities (N, 3) Å/fs with 3N − 3 degrees of freedom."""
    kinetic = 0.5 * float((masses[:, None] * (velocities / units.fs) ** 2).sum())
    return 2 * kinetic / ((3 * len(masses) - 3) * units.kB)


def run_langevin(
    committee: Committee,
    starts: Sequence[Atoms],
    temperatures: Sequence[float],
    reference_energy: np.ndarray,
    generator: np.random.Generator,
    *,
    timestep: float,
    friction: float,
    steps: int,
    every: int,
    limits: Callable[[float], health.Limits],
    say: Callable[[str], None] = print,
) -> list[Trajectory]:
    """BAOAB Langevin dynamics (Leimkuhler & Matthews 2013), all replicas in one batch.

    Args:
        committee: drives with its mean; its spread is recorded at every kept step.
        starts: one starting frame per replica. temperatures: K, one per replica.
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
        timestep: fs. friction: 1/fs. steps: bound per replica. every: keep each n-th step.
        limits: health limits for a target temperature; a replica beyond them ends with its
            reason and its siblings go on; the frame that broke them is not kept.

    Returns:
        One trajectory per replica, with the reason it ended.
    """
    replicas = [
        Trajectory(start.copy(), target) for start, target in zip(starts, temperatures, strict=True)
    ]
    masses = [start.get_masses() for start in starts]
    velocities = [
        maxwell_boltzmann(mass, target, generator)
        for mass, target in zip(masses, temperatures, strict=True)
    ]
    decay = np.exp(-friction * timestep)
    alive = list(range(len(replicas)))
    forces = dict(zip(alive, committee.evaluate([r.atoms for r in replicas]).forces, strict=True))

    def kick(number: int) -> None:
        acceleration = forces[number] / masses[number][:, None] * units.fs**2  # Å/fs²
        velocities[number] += 0.5 * timestep * acceleration

    for step in range(1, steps + 1):
        for number in alive:
            replica = replicas[number]
            kick(number)
            replica.atoms.positions += 0.5 * timestep * velocities[number]
            noise = maxwell_boltzmann(masses[number], replica.target, generator)
            velocities[number] = decay * velocities[number] + np.sqrt(1 - decay**2) * noise
            replica.atoms.positions += 0.5 * timestep * velocities[number]
        prediction = committee.evaluate_members([replicas[number].atoms for number in alive])
        forces.update(zip(alive, prediction.mean.forces, strict=True))
        spread = uncertainty.measure(prediction, reference_energy)
        energy = uncertainty.relative_energy(prediction, reference_energy)
        for position, number in enumerate(list(alive)):
            kick(number)
            replica = replicas[number]
            temperature = kinetic_temperature(masses[number], velocities[number])
            problem = health.complaint(
                replica.atoms, forces[number], temperature, limits(replica.target)
            )
            if problem:
                replica.ended = f"stopped at step {step}: {problem}"
                say(f"replica {number}: {replica.ended}")
                alive.remove(number)
            elif step % every == 0:
                replica.time.append(step * timestep)
                replica.positions.append(replica.atoms.positions.copy())
                replica.forces.append(forces[number])
                replica.spread.append(spread.per_atom[position])
                replica.energy.append(float(energy[position]))
                replica.temperature.append(temperature)
                replica.energy_spread.append(float(spread.energy[position]))
        if not alive:
            break
        if step % max(1, steps // 10) == 0:
            say(f"step {step}/{steps}: {len(alive)}/{len(replicas)} replicas alive")
    return replicas
