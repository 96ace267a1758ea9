"""The record of an exploration on disk, and the frames in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms

from umklapp.config import MdExploration
from umklapp.potentials.committee import Committee
from umklapp.sampling import health, uncertainty
from umklapp.sampling.dynamics import Trajectory, run_langevin

COLUMNS = ("time", "energy", "temperature", "energy_spread")


@dataclass(frozen=True)
class Explored:
    """All kept frames of an exploration, replica after replica.

    frames: n unlabelled frames; forces: n arrays (N, 3) eV/Å, committee mean; spread: n arrays
    (N,) eV/Å, u_I; replica: (n,); the other arrays (n,) as in `dynamics.Trajectory`;
    ended: why each replica ended.
    """

    frames: list[Atoms]
    forces: list[np.ndarray]
    spread: list[np.ndarray]
    replica: np.ndarray
    time: np.ndarray
    energy: np.ndarray
    temperature: np.ndarray
    energy_spread: np.ndarray
    ended: list[str]

    def uncertainty(self, kind: str) -> np.ndarray:
        """U named as in the configuration, (n,): eV/Å, or eV per atom for `energy`."""
        if kind == "energy":
            return self.energy_spread
        reduce = np.max if kind == "force_max" else np.mean
        return np.array([reduce(each) for each in self.spread])


def write(path: Path, replicas: Sequence[Trajectory]) -> None:
    """Write hdf5 atomically: a group per replica, units in the attributes of the file."""
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w") as file:
        file.attrs["units"] = "time fs, positions Å, energy eV/atom above R0, forces eV/Å, T K"
        for number, replica in enumerate(replicas):
            group = file.create_group(f"replica_{number:03d}")
            group.attrs.update(ended=replica.ended, target_temperature=replica.target)
            group["numbers"] = replica.atoms.numbers
            group["cell"] = replica.atoms.cell.array
            shape = (len(replica.time), len(replica.atoms), 3)
            for vectors in ("positions", "forces"):
                group[vectors] = np.reshape(np.array(getattr(replica, vectors), float), shape)
            group["spread"] = np.reshape(np.array(replica.spread, float), shape[:2])
            for column in COLUMNS:
                group[column] = np.array(getattr(replica, column), float)
    part.replace(path)


def read(path: Path) -> Explored:
    """All frames of an exploration."""
    frames: list[Atoms] = []
    forces: list[np.ndarray] = []
    spread: list[np.ndarray] = []
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("replica", *COLUMNS)}
    ended: list[str] = []
    with h5py.File(path) as file:
        for number, name in enumerate(sorted(file)):
            group = file[name]
            ended.append(str(group.attrs["ended"]))
            for positions in group["positions"][()]:
                atoms = Atoms(group["numbers"][()], cell=group["cell"][()], pbc=True)
                atoms.positions = positions
                frames.append(atoms)
            forces.extend(group["forces"][()])
            spread.extend(group["spread"][()])
            columns["replica"].append(np.full(len(group["time"]), number))
            for column in COLUMNS:
                columns[column].append(group[column][()])
    joined = {name: np.concatenate([np.empty(0), *parts]) for name, parts in columns.items()}
    return Explored(frames=frames, forces=forces, spread=spread, ended=ended, **joined)


def starting_frames(
    perfect: Atoms, known: Sequence[Atoms], count: int, generator: np.random.Generator
) -> list[Atoms]:
    """Random known frames in the cell of the perfect crystal; that crystal where there are none."""
    same_cell = [
        frame
        for frame in known
        if len(frame) == len(perfect) and np.allclose(frame.cell.array, perfect.cell.array)
    ]
    pool = same_cell or [perfect]
    return [pool[number] for number in generator.integers(len(pool), size=count)]


def run(
    committee: Committee,
    perfect: Atoms,
    known: Sequence[Atoms],
    reference_energy: np.ndarray,
    settings: MdExploration,
    generator: np.random.Generator,
) -> list[Trajectory]:
    """NVT exploration from several known frames, bounded in steps and watched.

    Args:
        perfect: the perfect sampling supercell.
        known: labelled frames to start from.
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
    """
    bond = health.shortest_distance(perfect, search=8.0)

    def limits(target: float) -> health.Limits:
        return health.Limits(
            temperature=settings.max_temperature * target,
            distance=settings.min_distance * bond,
            force=settings.max_force,
        )

    count = settings.replicas
    return run_langevin(
        committee,
        starting_frames(perfect, known, count, generator),
        [settings.temperatures[n % len(settings.temperatures)] for n in range(count)],
        reference_energy,
        generator,
        timestep=settings.timestep,
        friction=settings.friction,
        steps=settings.steps,
        every=settings.every,
        limits=limits,
    )


def judge_pool(
    committee: Committee, pool: Sequence[Atoms], reference_energy: np.ndarray
) -> list[Trajectory]:
    """The same record for a pool of frames: each frame is a replica of one frame, without time.

    Args:
        pool: frames that can be labelled but have not been.
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
    """
    if not pool:
        return []
    prediction = committee.evaluate_members(pool)
    spread = uncertainty.measure(prediction, reference_energy)
    energy = uncertainty.relative_energy(prediction, reference_energy)
    return [
        Trajectory(
            atoms=frame,
            target=float("nan"),
            time=[0.0],
            positions=[frame.positions],
            forces=[prediction.mean.forces[i]],
            spread=[spread.per_atom[i]],
            energy=[float(energy[i])],
            temperature=[float("nan")],
            energy_spread=[float(spread.energy[i])],
            ended="frame of the pool",
        )
        for i, frame in enumerate(pool)
    ]


def descriptors(frames: Sequence[Atoms], perfect: Atoms) -> np.ndarray:
    """Displacements from the sites of the perfect cell, (n, 3N) Å, nearest image."""
    rows = []
    for frame in frames:
        fractional = np.linalg.solve(frame.cell.array.T, (frame.positions - perfect.positions).T).T
        rows.append(((fractional - np.rint(fractional)) @ frame.cell.array).ravel())
    return np.array(rows)
