"""Frames from dynamics on a cheap surface: heated through melting and quenched, stage by stage.

Where the reference would need months, an empirical potential, tight binding or another model walks
through solid, molten, strained and defective configurations in minutes; what is learned from them
are the reference's labels, not the cheap ones (Jung, APL Mach. Learn. 2, 046102 (2024)).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units

from umklapp.config import LowFidelitySeed
from umklapp.crystals import frame_info, frames, sites
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.errors import CalculationError
from umklapp.learning.sampling import dynamics, health, kinetics, recording
from umklapp.learning.sampling.order import CrystallineOrder, OrderBiased
from umklapp.learning.seeds import defects
from umklapp.potentials import surfaces
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Potential
from umklapp.records import Part, Record

log = logging.getLogger(__name__)

CHUNK = 256
"""Frames labelled in one call of the surface."""


class StageNumbers(Part):
    """Of a temperature stage: T (K), kept frames, mean order O, mean energy (eV per atom)."""

    T: float
    frames: int
    order: float
    energy: float


class PoolRecord(Record):
    """low_fidelity/pool_n.json: what a cheap surface gave (`Sample`), with settings and seed."""

    settings: dict[str, Any]
    counts: dict[str, int]
    ended: list[str]
    notes: list[str]
    seed: int
    stages: list[StageNumbers]


@dataclass(frozen=True)
class Sample:
    """What a cheap surface gave.

    frames: labelled by it, replica after replica in random order, in time order within a replica;
    `FrameInfo` has replica, stage, time (fs), order (O) and place (number in this list).
    counts: frames made, kept, and dropped by reason. ended: why each replica ended.
    notes: what should be known about the surface.
    """

    frames: list[Atoms]
    counts: dict[str, int]
    ended: list[str]
    notes: list[str]


def sample(
    perfect: Atoms,
    potential: Potential,
    settings: LowFidelitySeed,
    generator: np.random.Generator,
    origin: Origin,
) -> Sample:
    """Dynamics of all replicas through all stages, labelled by the surface and sifted.

    A replica that explodes keeps the frames before it and takes no part in later stages. Every
    stage begins where the one before ended, with new velocities.

    Args:
        perfect: perfect supercell; replicas start from it, strained and with defects as asked.
        potential: the cheap surface.
        origin: written to the frames.

    Raises:
        InputError: the surface cannot be used for this crystal (`surfaces.check`).
        CalculationError: fewer good frames than are to be labelled.
    """
    notes = surfaces.check(potential, perfect, settings.ensemble == "npt")
    for note in notes:
        log.info(f"note: {note}")
    order = CrystallineOrder(perfect, settings.bias.shells if settings.bias else 1)
    zero = potential.evaluate([perfect]).energy / len(perfect)
    replicas = starts(perfect, settings, generator)
    ended, made = [health.BOUND_REACHED] * len(replicas), []
    alive = list(range(len(replicas)))
    for stage, temperature in enumerate(settings.temperatures):
        trajectories = dynamics.run(
            Committee([_driver(potential, order, settings, stage)]),
            [replicas[replica] for replica in alive],
            [temperature] * len(alive),
            recording.Recorder(zero),
            generator,
            _scheme(settings),
            lambda target: _limits(settings, perfect),
        )
        for replica, trajectory in zip(list(alive), trajectories, strict=True):
            times = [stage * settings.steps * settings.timestep + time for time in trajectory.time]
            for atoms, time in zip(recording.kept_frames([trajectory]), times, strict=True):
                frame_info.mark(atoms, replica=replica, stage=stage, time=time)
                made.append(atoms)
                replicas[replica] = atoms
            if trajectory.ended != health.BOUND_REACHED:
                ended[replica] = f"{temperature:g} K: {trajectory.ended}"
                alive.remove(replica)
                log.info(f"replica {replica}, {ended[replica]}")
        log.info(
            f"{temperature:g} K: {len(made)} frames, {len(alive)}/{len(replicas)} replicas alive"
        )
        if not alive:
            break
    good, counts = sift(made, potential, settings, perfect)
    if len(good) < settings.count:
        raise CalculationError(
            f"{origin}: {len(good)} good frames ({dict(counts)}), {settings.count} are to be "
            f"labelled; replicas: {'; '.join(sorted(set(ended)))}; lower the timestep or the "
            "temperatures, or allow more replicas"
        )
    shuffled = generator.permutation(len(replicas)).tolist()
    good.sort(key=lambda atoms: _position(FrameInfo.of(atoms), shuffled))
    for place, atoms in enumerate(good):
        frame_info.inherit(atoms, perfect)
        identity, crystalline = frames.frame_id(atoms), order.value(atoms)
        frame_info.mark(atoms, origin=origin, place=place, order=crystalline, frame_id=identity)
    return Sample(good, dict(counts), ended, notes)


def _position(info: FrameInfo, shuffled: Sequence[int]) -> tuple[int, float]:
    assert info.replica is not None, "the dynamics marks every frame"
    assert info.time is not None, "the dynamics marks every frame"
    return shuffled.index(info.replica), info.time


def stages(pool: Sequence[Atoms], temperatures: Sequence[float]) -> list[StageNumbers]:
    """Of every stage: temperature (K), kept frames, mean order O, mean energy (eV per atom)."""
    rows = []
    for stage, temperature in enumerate(temperatures):
        frames_of_stage = [atoms for atoms in pool if FrameInfo.of(atoms).stage == stage]
        if frames_of_stage:
            energies = [atoms.get_potential_energy() / len(atoms) for atoms in frames_of_stage]
            orders = [FrameInfo.of(atoms).order or 0.0 for atoms in frames_of_stage]
            rows.append(
                StageNumbers(
                    T=temperature,
                    frames=len(frames_of_stage),
                    order=float(np.mean(orders)),
                    energy=float(np.mean(energies)),
                )
            )
    return rows


def starts(
    perfect: Atoms, settings: LowFidelitySeed, generator: np.random.Generator
) -> list[Atoms]:
    """A starting configuration per replica: every strain with every defect, in turn."""
    made = []
    for replica in range(settings.replicas):
        strain = settings.strains[replica % len(settings.strains)]
        kind = settings.defects[(replica // len(settings.strains)) % len(settings.defects)]
        atoms = defects.make(kind, perfect, generator)
        atoms.set_cell(atoms.cell.array * (1 + strain), scale_atoms=True)
        made.append(atoms)
    return made


def sift(
    made: Sequence[Atoms], potential: Potential, settings: LowFidelitySeed, perfect: Atoms
) -> tuple[list[Atoms], Counter[str]]:
    """Frames with the surface's own labels (no bias), without what is not physical or repeated.

    Args:
        made: frames with the `FrameInfo` of the dynamics.
    """
    counts = Counter({"made": len(made)})
    closest = settings.min_distance * sites.bond_length(perfect)
    apart = []
    for atoms in made:
        if not np.isfinite(atoms.positions).all():
            counts["positions not finite"] += 1
        elif not sites.shortest_distance(atoms) >= closest:
            counts["atoms too close"] += 1
        else:
            apart.append(frames.strip(atoms))
    good = []
    for first in range(0, len(apart), CHUNK):
        chunk = apart[first : first + CHUNK]
        prediction = potential.evaluate(chunk)
        for atoms, energy, forces, stress in zip(
            chunk, prediction.energy, prediction.forces, prediction.stress, strict=True
        ):
            if not (np.isfinite(energy) and np.isfinite(forces).all()):
                counts["labels not finite"] += 1
            elif np.linalg.norm(forces, axis=1).max() > settings.max_force:
                counts["forces too large"] += 1
            else:
                label_stress = stress if np.isfinite(stress).all() else None
                label = frames.labelled(atoms, energy, forces, label_stress, engine="cheap surface")
                good.append(label)
    kept = frames.unique(good)
    counts["repeated"] += len(good) - len(kept)
    counts["kept"] = len(kept)
    return kept, counts


def to_label(kept: Sequence[Atoms]) -> list[Atoms]:
    """The frames without their cheap labels: what the reference engine is asked for."""
    bare = [frames.strip(atoms) for atoms in kept]
    for atoms in bare:
        frame_info.mark(atoms, engine=None)
    return bare


def draw(pool: Sequence[Atoms], count: int, generator: np.random.Generator) -> list[int]:
    """Numbers of `count` random frames of a pool (all, where it is smaller), in its order."""
    return sorted(generator.permutation(len(pool))[:count].tolist())


def _driver(
    potential: Potential, order: CrystallineOrder, settings: LowFidelitySeed, stage: int
) -> Potential:
    if settings.bias is None:
        return potential
    return OrderBiased(potential, order, settings.bias.stiffness, settings.bias.targets[stage])


def _scheme(settings: LowFidelitySeed) -> dynamics.Scheme:
    barostat = None
    if settings.ensemble == "npt":
        chosen = settings.barostat
        barostat = kinetics.Barostat(
            chosen.pressure * units.GPa,
            chosen.time,
            chosen.compressibility / units.GPa,
            chosen.anisotropic,
        )
    return dynamics.Scheme(
        settings.timestep, settings.friction, settings.steps, settings.every, barostat=barostat
    )


def _limits(settings: LowFidelitySeed, perfect: Atoms) -> health.Limits:
    """New velocities at low T on a hot configuration heat up: the hottest stage is what counts."""
    return health.Limits(
        temperature=settings.max_temperature * max(settings.temperatures),
        distance=settings.min_distance * sites.bond_length(perfect),
        force=settings.max_force,
    )
