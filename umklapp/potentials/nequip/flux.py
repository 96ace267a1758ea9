"""Energies, forces and heat flux of NequIP members in one compiled call.

The folded form (docs/heat_flux.md): with t = D_v x the tangents of the features, let every edge
vector r_ab become r_ab + s v_b and every gathered feature x_b become x_b + s t_b, with one s per
edge. Then

    J_pot = −Σ_ab r_ab w_ab,   w_ab = ∂U/∂s_ab at s = 0,

and the backward pass of the forces gives w along the way. Only the tangents, of all layers but the
last, are extra work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units

from umklapp.errors import CalculationError
from umklapp.potentials import edge_sums
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import engine
from umklapp.potentials.nequip.batched import BatchedMembers, Chunk
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.slot_network import SlotNetwork
from umklapp.potentials.training_records import CompiledGraph

INERTIA = units.fs**2
"""(Å/fs)² u in eV."""


@dataclass(frozen=True)
class Flux:
    """Of n frames, times volume, eV Å/fs.

    forces: n arrays (N, 3) eV/Å; energy: (n,) eV; potential: (n, 3) J_pot with the distances as
    they are; lattice: (n, 3) the same with the distances of the lattice sites, d/dt Σ R⁰_i E_i;
    convective: (n, 3) Σ_i (U_i − U⁰_i + K_i) v_i.
    """

    energy: np.ndarray
    forces: list[np.ndarray]
    potential: np.ndarray
    lattice: np.ndarray
    convective: np.ndarray


class FluxMembers(BatchedMembers):
    """Members with a compiled graph that gives the flux .

    Args:
        folder: of the graph that `engine.prepare(…, network=…)` wrote.
        network: what was compiled there (`compiled_graphs.graph_of`); default: NequIP's.

    Raises:
        CalculationError: evaluation there is eager, which is too slow for this.
    """

    def __init__(
        self,
        folder: Path,
        networks: Sequence[NequipPotential],
        network: type[SlotNetwork] | None = None,
    ) -> None:
        compiled = engine.load(folder, networks, network=network or FluxNetwork)
        if compiled is None:
            record = CompiledGraph.read(folder / "engine.json")
            raise CalculationError(
                f"{folder}: the heat flux needs the compiled graph, and there is none "
                f"({record.reason}; the log says more)"
            )
        super().__init__(compiled, networks)

    def flux(
        self,
        frames: Sequence[Atoms],
        velocities: Sequence[np.ndarray],
        sites: np.ndarray,
        member: int,
        neighbours: Sequence[Neighbours],
        zero: np.ndarray | float = 0.0,
    ) -> Flux:
        """Energies, forces and fluxes of frames of one crystal by one member.

        Args:
            frames: unwrapped, so that positions less sites are displacements.
            velocities: n arrays (N, 3) Å/fs.
            sites: (N, 3) Å.
            neighbours: one for every frame.
            zero: (N,) eV, energies of the atoms on their sites.
        """
        energy, forces, sums = [], [], []
        for frame, near, velocity in zip(frames, neighbours, velocities, strict=True):
            chunk, outputs = self._call(frame, velocity, near, member)
            atomic, gradient, work = (output.double() for output in outputs)
            vectors, source = chunk.graph[:2]
            speed = chunk.graph[-1]
            away = self._tensor(frame.positions - sites)
            at_rest = vectors - (away[source] - away[:, None])
            kinetic = 0.5 * frame.get_masses() * (velocity**2).sum(axis=1) / INERTIA
            carried = (atomic[:, 0] + self._tensor(kinetic - zero))[:, None] * speed
            moments = [torch.einsum("nmc,nm->c", place, work) for place in (vectors, at_rest)]
            total, force, *flux = edge_sums.on_host(
                atomic.sum(),
                edge_sums.forces(gradient, source),
                -moments[0],
                -moments[1],
                carried.sum(dim=0),
            )
            energy.append(float(total))
            forces.append(force)
            sums.append(flux)
        potential, lattice, convective = (np.array(rows) for rows in zip(*sums, strict=True))
        return Flux(np.array(energy), forces, potential, lattice, convective)

    def atomic_energies(
        self, frame: Atoms, velocity: np.ndarray, near: Neighbours, member: int = 0
    ) -> np.ndarray:
        """Energies (N,) eV of the atoms of one frame."""
        _, (atomic, _, _) = self._call(frame, velocity, near, member)
        return edge_sums.on_host(atomic[:, 0])[0]

    def _call(
        self, frame: Atoms, velocity: np.ndarray, near: Neighbours, member: int
    ) -> tuple[Chunk, Sequence[torch.Tensor]]:
        chunk = self._chunk([frame], near)
        chunk.graph.append(self._tensor(velocity))
        return chunk, self.engine.call(chunk.graph, member)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.engine.device)
