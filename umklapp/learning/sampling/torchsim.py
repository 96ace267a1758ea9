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
from torch_sim.neighbors import torch_nl_linked_cell
from torch_sim.transforms import compute_cell_shifts, pbc_wrap_batched

from umklapp.errors import InputError
from umklapp.learning.sampling import health
from umklapp.learning.sampling.dynamics import Scheme
from umklapp.learning.sampling.recording import Recorder, Trajectory
from umklapp.potentials import edge_sums
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction

log = logging.getLogger(__name__)


class CommitteeModel(ModelInterface):
    """The committee mean as torch-sim sees a model; the members' own answers are kept.

    After a call: energy (K, n) eV, member_forces (K, N, 3) eV/Å, shortest (n,) Å for n systems
    with N atoms in all.

    Raises:
        InputError: the committee has no compiled graph.
    """

    def __init__(self, committee: Committee) -> None:
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

    def forward(self, state: torch_sim.SimState, **_: object) -> dict[str, torch.Tensor]:
        """Mean energies (n,) eV and forces (N, 3) eV/Å."""
        vectors, source, types = self._slots(state)
        systems = state.n_systems
        graph = self.engine.graph(vectors, source, types)
        energies, forces = [], []
        for member in range(len(self.engine.members)):
            energy, gradient, _features = self.engine.call(graph, member)
            forces.append(edge_sums.forces(gradient.to(self.dtype), source))
            atomic = energy[:, 0].to(self.dtype)
            energies.append(edge_sums.of_frames(atomic, state.system_idx, systems))
        self.energy, self.member_forces = torch.stack(energies), torch.stack(forces)
        nearest = vectors.norm(dim=2).amin(dim=1)
        self.shortest = torch.full((systems,), torch.inf, dtype=self.dtype, device=self.device)
        self.shortest.scatter_reduce_(0, state.system_idx, nearest, "amin")
        return {"energy": self.energy.mean(dim=0), "forces": self.member_forces.mean(dim=0)}

    def _slots(self, state: torch_sim.SimState) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        cutoff, n_atoms = self.engine.cutoff, state.n_atoms
        cells = state.row_vector_cell
        pairs, system, shifts = torch_nl_linked_cell(
            cutoff,
            state.positions,
            cells.reshape(-1, 3),
            torch.ones(state.n_systems, 3, dtype=torch.bool, device=self.device),
            state.system_idx,
        )
        order = torch.argsort(pairs[0], stable=True)
        centre, other = pairs[:, order]
        shift = compute_cell_shifts(cells.reshape(-1, 3), shifts[order], system[order])
        count = torch.bincount(centre, minlength=n_atoms)
        slot = torch.arange(len(centre), device=self.device) - (count.cumsum(0) - count)[centre]
        width = max(2, int(count.max()))
        vectors = torch.zeros(n_atoms, width, 3, dtype=self.dtype, device=self.device)
        vectors[..., 0] = 2 * cutoff  # slots without a neighbour
        vectors[centre, slot] = state.positions[other] - state.positions[centre] + shift
        source = torch.arange(n_atoms, device=self.device)[:, None].repeat(1, width)
        source[centre, slot] = other
        return vectors, source, self.engine.types_of(state.atomic_numbers.cpu().numpy())


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
        index, systems = self.state.system_idx, self.state.n_systems
        mean, spread = self.forces.mean(dim=0), edge_sums.spread(self.forces)

        def largest(values: torch.Tensor) -> torch.Tensor:
            return torch.zeros(systems, dtype=values.dtype, device=values.device).scatter_reduce(
                0, index, values, "amax"
            )

        finite = mean.isfinite().all(dim=1) & self.positions.isfinite().all(dim=1)
        kinetic = 0.5 * self.state.masses * self.velocities.square().sum(dim=1)
        count = torch.bincount(index)
        total = torch.zeros_like(self.shortest).index_add_(0, index, kinetic)
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
    model = CommitteeModel(committee)
    trajectories = [Trajectory(s.copy(), t) for s, t in zip(starts, temperatures, strict=True)]
    alive = list(range(len(starts)))
    thermal = torch.tensor(temperatures, dtype=model.dtype, device=model.device) * units.kB
    seed = int(generator.integers(2**31))
    torch.manual_seed(seed)  # the integrator's noise has no generator of its own
    state = torch_sim.io.atoms_to_state(list(starts), model.device, model.dtype)
    state.positions = pbc_wrap_batched(state.positions, state.cell, state.system_idx)
    begin, advance = torch_sim.nvt_langevin(
        model,
        dt=scheme.timestep * units.fs,
        kT=thermal,
        gamma=scheme.friction / units.fs,
        seed=seed,
    )
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
            model(state)
            last = _Snapshot.of(now.time, state, model), [seen[place] for place in stay]
        if step and step % max(1, scheme.steps // 10) == 0:
            log.info(f"step {step}/{scheme.steps}: {len(alive)}/{len(starts)} replicas alive")
    return trajectories
