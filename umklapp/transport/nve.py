"""Constant-energy dynamics whose heat flux is recorded: what Green–Kubo starts from.

A trajectory is equilibrated by Langevin dynamics and goes on by velocity Verlet. It is written in
chunks; each chunk ends with all that the next one needs, and neighbours are searched anew there, so
a run that was killed goes on bit for bit as if it had not been.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms, units

from umklapp import hdf5, provenance
from umklapp.config import GreenKubo
from umklapp.config.green_kubo import MOVES
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing
from umklapp.learning.sampling.dynamics import SKIN
from umklapp.learning.sampling.kinetics import (
    kinetic_energy,
    kinetic_temperature,
    maxwell_boltzmann,
)
from umklapp.potentials.heat_transport import Source
from umklapp.potentials.neighbours import Neighbours

log = logging.getLogger(__name__)

CHUNK = 500
"""Steps between two writes."""

HOTTEST = 5.0
"""Times the target temperature: beyond it nothing is crystal dynamics any more."""

SERIES = {
    "flux_lattice": "eV Å/fs",
    "flux_potential": "eV Å/fs",
    "flux_convective": "eV Å/fs",
    "temperature": "K",
    "energy": "eV",
}
FRAMES = {"displacements": "Å", "velocities": "Å/fs"}


@dataclass
class State:
    """Where a trajectory is: step counts from the start of the equilibration; positions (N, 3) Å,
    unwrapped; velocities (N, 3) Å/fs."""

    step: int
    positions: np.ndarray
    velocities: np.ndarray
    generator: np.random.Generator


@dataclass(frozen=True)
class Segment:
    """What is recorded of some steps, in the units of `SERIES` and `FRAMES`.

    flux_*: (n, 3); temperature, energy: (n,); displacements, velocities: (n_frames, N, 3).
    """

    flux_lattice: np.ndarray
    flux_potential: np.ndarray
    flux_convective: np.ndarray
    temperature: np.ndarray
    energy: np.ndarray
    displacements: np.ndarray
    velocities: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Steps: of equilibration, of the recorded run, between fluxes and between frames."""

    equilibration: int
    production: int
    flux_every: int
    frames_every: int

    @classmethod
    def of(cls, settings: GreenKubo) -> Plan:
        """Times in fs and ps as steps; the run has a whole number of intervals."""
        step = settings.timestep
        block = settings.flux_every * settings.frames_every
        production = round(1000 * settings.length / step / block) * block
        return cls(
            round(1000 * settings.equilibration / step),
            max(block, production),
            settings.flux_every,
            block,
        )


def run(
    source: Source,
    sites: Atoms,
    settings: GreenKubo,
    seed: int,
    workdir: Path,
    out: Path,
    **facts: object,
) -> None:
    """One trajectory, from the lattice sites with velocities of twice the temperature, to hdf5.

    A trajectory that explodes is a result too: what there was before it, and the reason.

    Args:
        sites: perfect crystal; the lattice flux refers to it.
        workdir: for chunks; an earlier run of the same crystal, settings and seed goes on there.
        facts: written as attributes.
    """
    plan = Plan.of(settings)
    crystal = [sites.numbers.tolist(), sites.cell.array.tolist(), sites.positions.tolist()]
    moves = settings.model_dump(mode="json", include=set(MOVES))
    identity = provenance.digest([crystal, moves, seed, facts], 16)
    folder = workdir / identity
    folder.mkdir(parents=True, exist_ok=True)
    state = _resume(folder, sites, settings, seed)
    if state.step:
        log.info(f"going on at step {state.step}")
    total, ended = plan.equilibration + plan.production, ""
    while state.step < total and not ended:
        try:
            segment = advance(source, sites, state, settings, plan, min(CHUNK, total - state.step))
        except CalculationError as error:
            ended = str(error)
            log.info(ended)
            break
        _write_chunk(folder, state, segment)
        warmth = kinetic_temperature(sites.get_masses(), state.velocities)
        log.info(f"step {state.step}/{total}: {warmth:.0f} K")
    _collect(folder, sites, settings, plan, out, ended, {"seed": seed, **facts})


def advance(
    source: Source, sites: Atoms, state: State, settings: GreenKubo, plan: Plan, steps: int
) -> Segment:
    """Move `state` by some steps; what is recorded of them.

    Raises:
        CalculationError: forces are not finite, or the crystal has become far too hot.
    """
    atoms = sites.copy()
    atoms.positions = state.positions
    masses, near = atoms.get_masses(), Neighbours(source.cutoff, [len(atoms)], SKIN)
    series: dict[str, list[np.ndarray]] = {name: [] for name in (*SERIES, *FRAMES)}
    decay = np.exp(-settings.friction * settings.timestep)
    _, forces = source.forces(atoms, near)
    for _ in range(steps):
        production = state.step >= plan.equilibration
        if not production:
            noise = maxwell_boltzmann(masses, settings.temperature, state.generator)
            state.velocities = decay * state.velocities + np.sqrt(1 - decay**2) * noise
        half = 0.5 * settings.timestep / masses[:, None] * units.fs**2
        state.velocities = state.velocities + half * forces
        atoms.positions += settings.timestep * state.velocities
        energy, forces = source.forces(atoms, near)
        state.velocities = state.velocities + half * forces
        state.step += 1
        warmth = kinetic_temperature(masses, state.velocities)
        if not np.isfinite(forces).all() or warmth > HOTTEST * settings.temperature:
            raise CalculationError(
                f"step {state.step}: {warmth:.0f} K, the trajectory has exploded; learn more of "
                "this crystal (more rounds, exploration at this temperature and size), or lower "
                "green_kubo.timestep"
            )
        recorded = state.step - plan.equilibration
        if production and recorded % plan.flux_every == 0:
            flux = source.flux(atoms, state.velocities, near)
            series["flux_lattice"].append(flux.lattice[0])
            series["flux_potential"].append(flux.potential[0])
            series["flux_convective"].append(flux.convective[0])
            series["temperature"].append(np.array(warmth))
            series["energy"].append(np.array(energy + kinetic_energy(masses, state.velocities)))
        if production and recorded % plan.frames_every == 0:
            series["displacements"].append((atoms.positions - sites.positions).astype(np.float32))
            series["velocities"].append(state.velocities.astype(np.float32))
    state.positions = atoms.positions.copy()
    return Segment(**{name: np.array(values) for name, values in series.items()})


def _resume(folder: Path, sites: Atoms, settings: GreenKubo, seed: int) -> State:
    generator = np.random.default_rng(seed)
    velocities = maxwell_boltzmann(sites.get_masses(), 2 * settings.temperature, generator)
    chunks = sorted(folder.glob("[0-9]*.npz"))
    if not chunks:
        return State(0, sites.positions.copy(), velocities, generator)
    with np.load(chunks[-1]) as last:
        generator.bit_generator.state = json.loads(str(last["generator"]))
        return State(int(last["step"]), last["positions"], last["speed"], generator)


def _write_chunk(folder: Path, state: State, segment: Segment) -> None:
    arrays: dict[str, Any] = {
        "step": state.step,
        "positions": state.positions,
        "speed": state.velocities,
        "generator": json.dumps(state.generator.bit_generator.state),
        **vars(segment),
    }
    with replacing(folder / f"{state.step:012d}.npz") as part:
        np.savez(part, **arrays)


def _collect(
    folder: Path,
    sites: Atoms,
    settings: GreenKubo,
    plan: Plan,
    out: Path,
    ended: str,
    facts: dict[str, object],
) -> None:
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*SERIES, *FRAMES)}
    for path in sorted(folder.glob("[0-9]*.npz")):
        with np.load(path) as chunk:
            for name, values in parts.items():
                if len(chunk[name]):
                    values.append(chunk[name])
    with hdf5.writing(out) as file:
        file.attrs.update(
            timestep_fs=settings.timestep * plan.flux_every,
            frame_step_fs=settings.timestep * plan.frames_every,
            target_temperature_K=settings.temperature,
            volume_A3=sites.cell.volume,
            ended=ended,
            record=json.dumps(provenance.record(**facts)),
        )
        for name, unit in (SERIES | FRAMES).items():
            shape = (0, 3) if name.startswith("flux") else (0, len(sites), 3)
            empty = np.empty(0) if name in ("temperature", "energy") else np.empty(shape)
            file[name] = np.concatenate(parts[name] or [empty])
            file[name].attrs["unit"] = unit
        file["numbers"], file["cell"] = sites.numbers, sites.cell.array
        file["sites"], file["masses"] = sites.positions, sites.get_masses()


@dataclass(frozen=True)
class Run:
    """A recorded trajectory: time step (fs) of the flux and of the frames; flux (n, 3) eV Å/fs of
    the lattice gauge, and `full` = potential + convective; temperature (n,) K; energy (n,) eV;
    ended: why it broke off, empty where it did not."""

    step: float
    frame_step: float
    flux: np.ndarray
    full: np.ndarray
    temperature: np.ndarray
    energy: np.ndarray
    sites: Atoms
    member: int
    ended: str = ""

    @property
    def drift(self) -> float:
        """Change of the total energy over the run by a straight line, eV per atom."""
        if len(self.energy) < 2:
            return 0.0
        time = np.linspace(0, 1, len(self.energy))
        return float(np.polyfit(time, self.energy, 1)[0]) / len(self.sites)


def read(path: Path) -> Run:
    """The series of a trajectory.

    Raises:
        InputError: the file is not one that `run` wrote, or broke off.
    """
    try:
        with h5py.File(path) as file:
            sites = Atoms(
                file["numbers"][()], positions=file["sites"][()], cell=file["cell"][()], pbc=True
            )
            sites.set_masses(file["masses"][()])
            return Run(
                float(file.attrs["timestep_fs"]),
                float(file.attrs["frame_step_fs"]),
                file["flux_lattice"][()],
                file["flux_potential"][()] + file["flux_convective"][()],
                file["temperature"][()],
                file["energy"][()],
                sites,
                int(json.loads(file.attrs["record"]).get("member", 0)),
                str(file.attrs["ended"]),
            )
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path}: no complete record of a heat-flux trajectory ({error}); delete it and run "
            "the rule green_kubo_trajectory again"
        ) from None


def read_frames(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (n, N, 3) Å and velocities (n, N, 3) Å/fs of a trajectory."""
    with h5py.File(path) as file:
        return file["displacements"][()].astype(float), file["velocities"][()].astype(float)
