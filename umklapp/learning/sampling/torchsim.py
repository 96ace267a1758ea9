"""NVT exploration by torch-sim: positions, neighbours and networks stay on the device.

An adapter between `Committee` and torch-sim's batched Langevin integrator (BAOAB, like our own),
for GPUs. The committee mean moves all replicas; what is kept of them is as in `dynamics.run`. The
noise comes from one stream: a replica's path depends on its siblings, and frames are wrapped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch_sim
from ase import Atoms, units
from torch_sim.integrators import MDState
from torch_sim.models.interface import ModelInterface
from torch_sim.transforms import pbc_wrap_batched

from umklapp.errors import InputError
from umklapp.learning.sampling import health
from umklapp.learning.sampling.dynamics import SKIN, Scheme
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.potentials import edge_sums
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.neighbours import Neighbours

log = logging.getLogger(__name__)


class CommitteeModel(ModelInterface):
    """The committee mean as torch-sim sees a model; the members' own answers are kept.

    After a call: energy (K, n) eV, member_forces (K, N, 3) eV/Å, shortest (n,) Å for n systems
    with N atoms in all.

    Args:
        frames: systems that it will be asked about, in their order.

    Raises:
        InputError: the committee has no compiled graph.
        CalculationError: a frame has a species that the members were not trained on.
    """

    def __init__(self, committee: Committee, frames: Sequence[Atoms]) -> None:
        super().__init__()
        engine = getattr(committee.batched, "engine", None)
        if engine is None:
            raise InputError(
                "exploration.backend torchsim needs the compiled graph: NequIP or Allegro members "
                "without a baseline, committee.engine 'compiled' and a C++ compiler"
            )
        self.engine = engine
        self._device, self._dtype = torch.device(self.engine.device), torch.float64
        self._compute_stress, self._compute_forces = False, True
        self.energy = self.member_forces = self.shortest = torch.empty(0)
        self.neighbours = Neighbours(engine.cutoff, [len(frame) for frame in frames], SKIN)
        self._follow([frame.numbers for frame in frames])

    def keep(self, systems: Sequence[int]) -> None:
        """From now on it is asked about some of the systems alone, by their numbers."""
        self.neighbours = self.neighbours.select(systems)
        self._follow([self.species[system] for system in systems])

    def _follow(self, species: list[np.ndarray]) -> None:
        self.species = species
        self.types = self.engine.types_of(np.concatenate(species))

    def forward(self, state: torch_sim.SimState, **_: object) -> dict[str, torch.Tensor]:
        """Mean energies (n,) eV and forces (N, 3) eV/Å."""
        slots = self.neighbours.update(state.positions, state.row_vector_cell)
        graph, systems = self.engine.graph(slots, self.types), len(self.species)
        energies, forces = [], []
        for member in range(len(self.engine.members)):
            energy, gradient, _features = self.engine.call(graph, member)
            forces.append(edge_sums.forces(gradient.to(self.dtype), slots.source))
            atomic = energy[:, 0].to(self.dtype)
            energies.append(edge_sums.of_frames(atomic, slots.frame_of, systems))
        self.energy, self.member_forces = torch.stack(energies), torch.stack(forces)
        self.shortest = slots.shortest
        return {"energy": self.energy.mean(dim=0), "forces": self.member_forces.mean(dim=0)}


@dataclass(frozen=True)
class _Snapshot:
    """All replicas that are alive after a step; torch-sim replaces tensors, so this is no copy."""

    time: float
    state: MDState
    positions: torch.Tensor
    velocities: torch.Tensor
    energy: torch.Tensor
    forces: torch.Tensor
    shortest: torch.Tensor

    @classmethod
    def of(cls, time: float, state: MDState, model: CommitteeModel) -> _Snapshot:
        parts = (model.energy, model.member_forces, model.shortest)
        return cls(time, state, state.positions, state.velocities, *parts)

    def states(self) -> list[health.State]:
        """What the monitor looks at, one transfer for all replicas."""
        index, systems = self.state.system_idx, len(self.shortest)
        mean, spread = self.forces.mean(dim=0), edge_sums.spread(self.forces)

        def largest(values: torch.Tensor) -> torch.Tensor:
            return torch.zeros(systems, dtype=values.dtype, device=values.device).scatter_reduce(
                0, index, values, "amax"
            )

        finite = mean.isfinite().all(dim=1) & self.positions.isfinite().all(dim=1)
        kinetic = 0.5 * self.state.masses * self.velocities.square().sum(dim=1)
        count = edge_sums.of_frames(torch.ones_like(kinetic), index, systems)
        total = edge_sums.of_frames(kinetic, index, systems)
        columns = (
            1 - largest((~finite).to(kinetic.dtype)),
            2 * total / ((3 * count - 3) * units.kB),
            self.shortest,
            largest(mean.norm(dim=1)),
            largest(spread),
        )
        table = torch.stack(columns, dim=1).cpu().numpy()
        return [health.State(bool(row[0]), *map(float, row[1:])) for row in table]

    def keep(
        self, place: int, trajectory: Trajectory, recorder: Recorder, seen: health.State
    ) -> None:
        """Record the replica at a place among those alive."""
        of_replica = self.state.system_idx == place
        atoms = trajectory.atoms.copy()
        forces = self.forces[:, of_replica]
        atoms.positions, energy, own_forces, spread = edge_sums.on_host(
            self.positions[of_replica], self.energy[:, [place]], forces, edge_sums.spread(forces)
        )
        nothing = np.full((len(energy), 1, 6), np.nan)  # no stress is asked for
        prediction = CommitteePrediction(energy, [own_forces], nothing, [spread])
        recorder.keep(trajectory, atoms, prediction, self.time, seen.temperature, seen.distance)


def integrator(
    model: CommitteeModel, scheme: Scheme, thermal: torch.Tensor, seed: int
) -> tuple[Callable[..., MDState], Callable[..., MDState]]:
    """Start and step of torch-sim's Langevin dynamics.

    Releases since 0.4, which need Python 3.12, have two functions where older ones made a pair.

    Args:
        thermal: (n,) eV, kT of every system.
    """
    times = {"dt": scheme.timestep * units.fs, "gamma": scheme.friction / units.fs}
    if hasattr(torch_sim, "nvt_langevin"):
        pair: tuple[Callable[..., MDState], Callable[..., MDState]] = torch_sim.nvt_langevin(
            model, kT=thermal, seed=seed, **times
        )
        return pair

    def begin(state: torch_sim.SimState) -> MDState:
        state.rng = seed
        return torch_sim.nvt_langevin_init(state, model, kT=thermal)

    def advance(state: MDState, kT: torch.Tensor) -> MDState:
        return torch_sim.nvt_langevin_step(state, model, kT=kT, **times)

    return begin, advance


def run(
    committee: Committee,
    starts: Sequence[Atoms],
    temperatures: Sequence[float],
    recorder: Recorder,
    generator: np.random.Generator,
    scheme: Scheme,
    limits: Callable[[float], health.Limits],
) -> list[Trajectory]:
    """As `dynamics.run`, by torch-sim on the device of the graph.

    Raises:
        InputError: what torch-sim's integrator cannot do here (constant pressure, bias, members
            as drivers), or a committee without compiled graph.
    """
    if scheme.barostat is not None or scheme.bias or scheme.driver != "mean":
        raise InputError("exploration.backend torchsim runs NVT by the committee mean, unbiased")
    model = CommitteeModel(committee, starts)
    trajectories = [Trajectory(s.copy(), t) for s, t in zip(starts, temperatures, strict=True)]
    alive = list(range(len(starts)))
    thermal = torch.tensor(temperatures, dtype=model.dtype, device=model.device) * units.kB
    seed = int(generator.integers(2**31))
    torch.manual_seed(seed)  # the integrator's noise has no generator of its own
    state = torch_sim.io.atoms_to_state(list(starts), model.device, model.dtype)
    state.positions = pbc_wrap_batched(state.positions, state.cell, state.system_idx)
    begin, advance = integrator(model, scheme, thermal, seed)
    state = begin(state)
    last: tuple[_Snapshot, list[health.State]] | None = None
    for step in range(scheme.steps + 1):
        if step:
            state = advance(state, kT=thermal[alive])
        now = _Snapshot.of(step * scheme.timestep, state, model)
        seen = now.states()
        ended = []
        for place, replica in enumerate(alive):
            trajectory = trajectories[replica]
            problem = health.complaint(seen[place], limits(trajectory.target))
            if problem:
                trajectory.ended = f"stopped at step {step}: {problem}"
                log.info(f"replica {replica}: {trajectory.ended}")
                ended.append(place)
                if last is not None and (step - 1) % scheme.every:
                    last[0].keep(place, trajectory, recorder, last[1][place])
            elif step and step % scheme.every == 0:
                now.keep(place, trajectory, recorder, seen[place])
        last = now, seen
        if ended:
            stay = [place for place in range(len(alive)) if place not in ended]
            alive = [alive[place] for place in stay]
            if not alive:
                log.info("all replicas have ended early")
                break
            state = state[stay]
            model.keep(stay)
            model(state)
            last = _Snapshot.of(now.time, state, model), [seen[place] for place in stay]
        if step and step % max(1, scheme.steps // 10) == 0:
            log.info(f"step {step}/{scheme.steps}: {len(alive)}/{len(starts)} replicas alive")
    return trajectories
