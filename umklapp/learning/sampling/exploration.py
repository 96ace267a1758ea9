"""The record of an exploration on disk, and the frames in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from ase import Atoms, units

from umklapp import hdf5
from umklapp.config import MdExploration
from umklapp.crystals import sites
from umklapp.errors import InputError
from umklapp.learning.sampling import dynamics, health, uncertainty
from umklapp.learning.sampling.candidates import Candidates
from umklapp.learning.sampling.dynamics import Scheme
from umklapp.learning.sampling.kinetics import Barostat
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.potentials.committee import Committee

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from umklapp.lattice.harmonic_reference import HarmonicReference

COLUMNS = ("time", "energy", "temperature", "shortest_distance", "sigma")
CRYSTAL, HOPPED = "crystal", "hopped"
"""How a replica started: every atom at its site, or an atom away from it."""

UNITS = "time fs, positions and cells Å, energy eV/atom above R0, forces and spread eV/Å, T K"


@dataclass(frozen=True)
class Explored:
    """All kept frames of an exploration, replica after replica.

    frames: n unlabelled frames; forces: n arrays (N, 3) eV/Å, committee mean; spread: n arrays
    (N,) eV/Å, u_I; replica, target_temperature (K, NaN without dynamics): (n,); measures: name
    (`uncertainty.NAMES`) → (n,); descriptors: (n, d) what makes frames different; the other
    arrays (n,) as in `recording.Trajectory`; ended, starts: why each replica ended, and how it
    started (`CRYSTAL`, `HOPPED`; empty where that is not known).
    """

    frames: list[Atoms]
    forces: list[np.ndarray]
    spread: list[np.ndarray]
    replica: np.ndarray
    target_temperature: np.ndarray
    time: np.ndarray
    energy: np.ndarray
    temperature: np.ndarray
    shortest_distance: np.ndarray
    sigma: np.ndarray
    measures: dict[str, np.ndarray]
    descriptors: np.ndarray
    ended: list[str]
    starts: list[str]

    @property
    def stopped(self) -> int:
        """Replicas that ended early because they had exploded or the committee was lost."""
        return sum(reason.startswith("stopped") for reason in self.ended)

    @property
    def dynamics(self) -> bool:
        """Whether this is molecular dynamics, not the frames of a pool."""
        return any(self.starts) or bool(np.isfinite(self.target_temperature).any())


def write(path: Path, replicas: Sequence[Trajectory], identity: str = "") -> None:
    """Write hdf5 atomically: a group per replica, units in the attributes of the file.

    What makes the frames different is added by `descriptors.add`: it can run out of memory, and
    then the dynamics are on disk.

    Args:
        identity: hash of all inputs, for `was_written`.
    """
    with hdf5.writing(path) as file:
        file.attrs.update(units=UNITS, identity=identity)
        for replica_index, replica in enumerate(replicas):
            group = file.create_group(f"replica_{replica_index:05d}")
            group.attrs.update(ended=replica.ended, target_temperature=replica.target)
            group.attrs["start"] = replica.start
            group["numbers"] = replica.atoms.numbers
            group["start_positions"] = replica.atoms.positions
            group["start_cell"] = replica.atoms.cell.array
            shape = (len(replica.time), len(replica.atoms), 3)
            group["cells"] = np.reshape(np.array(replica.cells, float), (shape[0], 3, 3))
            for vectors in ("positions", "forces"):
                group[vectors] = np.reshape(np.array(getattr(replica, vectors), float), shape)
            group["spread"] = np.reshape(np.array(replica.spread, float), shape[:2])
            for column in COLUMNS:
                group[column] = np.array(getattr(replica, column), float)
            for name, values in replica.measures.items():
                group[f"measures/{name}"] = np.array(values, float)


def was_written(path: Path, identity: str) -> bool:
    """Whether the dynamics of these inputs are on disk already, whole."""
    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("identity", "")) == identity
    except OSError:  # none, or one that was cut
        return False


def read(path: Path) -> Explored:
    """All frames of an exploration; (n, 0) descriptors where none were added."""
    frames: list[Atoms] = []
    lists: dict[str, list[np.ndarray]] = {"forces": [], "spread": []}
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in ("replica", "target_temperature", *COLUMNS)
    }
    measures: dict[str, list[np.ndarray]] = {name: [] for name in uncertainty.NAMES}
    descriptors: list[np.ndarray] = []
    ended: list[str] = []
    starts: list[str] = []
    with h5py.File(path) as file:
        for replica_index, name in enumerate(sorted(file)):
            group = file[name]
            ended.append(str(group.attrs["ended"]))
            starts.append(str(group.attrs.get("start", "")))
            for positions, cell in zip(group["positions"][()], group["cells"][()], strict=True):
                atoms = Atoms(group["numbers"][()], cell=cell, pbc=True)
                atoms.positions = positions
                frames.append(atoms)
            for key, arrays in lists.items():
                arrays.extend(group[key][()])
            count = len(group["time"])
            columns["replica"].append(np.full(count, replica_index))
            columns["target_temperature"].append(
                np.full(count, group.attrs["target_temperature"], float)
            )
            for column in COLUMNS:
                columns[column].append(group[column][()])
            for key, values in measures.items():
                values.append(group[f"measures/{key}"][()])
            if count and "descriptors" in group:
                descriptors.append(group["descriptors"][()])
    joined = {name: np.concatenate([np.empty(0), *parts]) for name, parts in columns.items()}
    return Explored(
        frames=frames,
        ended=ended,
        starts=starts,
        measures={name: np.concatenate([np.empty(0), *parts]) for name, parts in measures.items()},
        descriptors=np.concatenate(descriptors) if descriptors else np.empty((len(frames), 0)),
        forces=lists["forces"],
        spread=lists["spread"],
        replica=joined["replica"],
        target_temperature=joined["target_temperature"],
        time=joined["time"],
        energy=joined["energy"],
        temperature=joined["temperature"],
        shortest_distance=joined["shortest_distance"],
        sigma=joined["sigma"],
    )


def candidates(explored: Explored, measure: str, factor: float | None) -> Candidates:
    """The explored frames as acquisition sees them.

    Args:
        measure: the uncertainty, a name in `uncertainty.NAMES`.
        factor: calibration factor of the committee, None where it has none.
    """
    return Candidates(
        uncertainty=explored.measures[measure],
        expected=(np.nan if factor is None else factor) * explored.measures["force_max"],
        energy=explored.energy,
        atoms=np.array([len(frame) for frame in explored.frames]),
        target=explored.target_temperature,
        shortest=explored.shortest_distance,
        replica=explored.replica,
        time=explored.time,
        descriptors=explored.descriptors,
    )


def starting_frames(
    perfect: Atoms, labelled: Sequence[Atoms], count: int, generator: np.random.Generator
) -> list[Atoms]:
    """Random labelled frames in the cell of the perfect crystal; that crystal where there are none.

    The first half is drawn of frames in which every atom is at its site, so that rounds can be
    compared; the second half of all frames, hopped ones too. Cells that were relaxed with other
    settings (`sites.SAME_CELL`) are brought to its cell.
    """
    same_cell = [frame for frame in labelled if sites.in_cell(frame, perfect, sites.SAME_CELL)]
    quiet = [frame for frame in same_cell if start_of(frame, perfect) == CRYSTAL]
    pools = [quiet or [perfect]] * (count - count // 2) + [same_cell or [perfect]] * (count // 2)
    chosen = [pool[int(generator.integers(len(pool)))] for pool in pools]
    return [_in_cell(frame, perfect.cell.array) for frame in chosen]


def start_of(frame: Atoms, perfect: Atoms) -> str:
    """`CRYSTAL` or `HOPPED`: whether an atom has left its site of the perfect cell."""
    hopped = sites.hopped(sites.of_frames([frame], perfect), perfect)
    return HOPPED if hopped[0] else CRYSTAL


def _in_cell(frame: Atoms, cell: np.ndarray) -> Atoms:
    if np.allclose(frame.cell.array, cell):
        return frame
    moved = frame.copy()
    moved.set_cell(cell, scale_atoms=True)
    return moved


def scheme_of(settings: MdExploration) -> Scheme:
    """The configured dynamics in eV, Å and fs (pressure is given in GPa)."""
    barostat = None
    if settings.ensemble == "npt":
        chosen = settings.barostat
        barostat = Barostat(
            pressure=chosen.pressure * units.GPa,
            time=chosen.time,
            compressibility=chosen.compressibility / units.GPa,
            anisotropic=chosen.anisotropic,
        )
    return Scheme(
        settings.timestep,
        settings.friction,
        settings.steps,
        settings.every,
        settings.driver,
        settings.bias,
        barostat,
    )


def limits_of(settings: MdExploration, perfect: Atoms) -> Callable[[float], health.Limits]:
    """Health limits as a function of the target temperature (K)."""
    bond = sites.bond_length(perfect)

    def limits(target: float) -> health.Limits:
        return health.Limits(
            temperature=settings.max_temperature * target,
            distance=settings.min_distance * bond,
            force=settings.max_force,
            uncertainty=settings.max_uncertainty,
            drift=settings.max_drift,
        )

    return limits


def run(
    committee: Committee,
    perfect: Atoms,
    labelled: Sequence[Atoms],
    reference_energy: np.ndarray,
    settings: MdExploration,
    generator: np.random.Generator,
    harmonic: HarmonicReference | None = None,
) -> list[Trajectory]:
    """Exploration from several labelled frames, bounded in steps and watched.

    Args:
        perfect: the perfect sampling supercell.
        labelled: frames to start from.
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
        harmonic: for σᴬ and the uncertainty `sigma`.
    """
    count = settings.replicas
    starts = starting_frames(perfect, labelled, count, generator)
    arguments = (
        committee,
        starts,
        [settings.temperatures[n % len(settings.temperatures)] for n in range(count)],
        Recorder(reference_energy, harmonic),
        generator,
        scheme_of(settings),
        limits_of(settings, perfect),
    )
    trajectories = _integrator(settings.backend)(*arguments)
    for trajectory, start in zip(trajectories, starts, strict=True):
        trajectory.start = start_of(start, perfect)
    return trajectories


def _integrator(backend: str) -> Callable[..., list[Trajectory]]:
    if backend == "own":
        return dynamics.run
    try:
        from umklapp.learning.sampling import torchsim
    except ImportError as error:
        raise InputError(
            f"exploration.backend is torchsim, but it cannot be loaded ({error}): "
            "pip install 'umklapp[torchsim]', or set backend to 'own'"
        ) from None
    return torchsim.run


def judge_pool(
    committee: Committee,
    pool: Sequence[Atoms],
    reference_energy: np.ndarray,
    harmonic: HarmonicReference | None = None,
) -> list[Trajectory]:
    """The same record for a pool of frames: each frame is a replica of one frame, without time.

    Args:
        pool: frames that can be labelled but have not been.
        reference_energy: (K,) eV per atom of every member on the perfect crystal.
        harmonic: for σᴬ and the uncertainty `sigma`.
    """
    if not pool:
        return []
    recorder = Recorder(reference_energy, harmonic)
    trajectories, prediction = [], committee.evaluate_members(pool, stress=False)
    for frame_index, frame in enumerate(pool):
        trajectory = Trajectory(frame, float("nan"), ended="frame of the pool")
        shortest = sites.shortest_distance(frame, search=8.0)
        recorder.keep(trajectory, frame, prediction.frame(frame_index), 0.0, float("nan"), shortest)
        trajectories.append(trajectory)
    return trajectories
