"""Potentials as sources of forces and heat flux for Green–Kubo dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from umklapp.errors import InputError
from umklapp.potentials import edge_sums, loading
from umklapp.potentials.compiled_graphs import backend_of, graph_of
from umklapp.potentials.contract import Prediction
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip.batched import BatchedMembers
from umklapp.potentials.nequip.flux import INERTIA, Flux, FluxMembers
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.taylor.moving import MovingExpansion


class Source(Protocol):
    """A potential that gives forces and the heat flux of one crystal."""

    cutoff: float

    def forces(self, atoms: Atoms, near: Neighbours) -> tuple[float, np.ndarray]:
        """Energy (eV) and forces (N, 3) eV/Å."""

    def flux(self, atoms: Atoms, velocities: np.ndarray, near: Neighbours) -> Flux:
        """Energy, forces and fluxes; velocities (N, 3) Å/fs."""


class CorrectedSource:
    """A source with a Taylor expansion on top: forces and fluxes are sums of both.

    Args:
        source: of the potential alone. expansion: of the same supercell.
    """

    def __init__(self, source: Source, expansion: MovingExpansion) -> None:
        self.source, self.expansion, self.cutoff = source, expansion, source.cutoff

    def forces(self, atoms: Atoms, near: Neighbours) -> tuple[float, np.ndarray]:
        """Energy (eV) and forces (N, 3) eV/Å."""
        energy, forces = self.source.forces(atoms, near)
        energies, more = self.expansion.forces(atoms.positions)
        return energy + float(energies.sum()), forces + more

    def flux(self, atoms: Atoms, velocities: np.ndarray, near: Neighbours) -> Flux:
        """Energy, forces and fluxes; velocities (N, 3) Å/fs."""
        first = self.source.flux(atoms, velocities, near)
        second = self.expansion.flux(atoms.positions, velocities)
        return Flux(
            first.energy + second.energies.sum(),
            [first.forces[0] + second.forces],
            first.potential + second.potential,
            first.lattice + second.lattice,
            first.convective + second.convective,
        )


class NequipSource:
    """One trained network on its compiled graphs.

    Args:
        path: of the model. sites: perfect crystal, (N,) atoms. plain, flux: folders of the graphs
            for forces alone and for forces with flux.

    Raises:
        InputError: the model is not a NequIP network alone.
        CalculationError: there is no compiled graph.
    """

    def __init__(self, path: Path, sites: Atoms, plain: Path, flux: Path) -> None:
        model = loading.load(path, loading.device_of(plain))
        if not isinstance(model, NequipPotential):
            raise InputError(
                f"{path}: the heat flux is known for NequIP and Allegro networks only; set "
                "potential.baseline to 'none' and potential.backend to one of these, or leave out "
                "green_kubo"
            )
        self.cutoff, self.sites = model.cutoff, sites
        self.moving = FluxMembers(flux, [model], graph_of(backend_of([model]), flux=True))
        near_plain = loading.batched([model], plain)
        self.plain = near_plain if isinstance(near_plain, BatchedMembers) else self.moving
        near, still = Neighbours(self.cutoff, [len(sites)]), np.zeros((len(sites), 3))
        self.zero = self.moving.atomic_energies(sites, still, near)

    def forces(self, atoms: Atoms, near: Neighbours) -> tuple[float, np.ndarray]:
        """Energy (eV) and forces (N, 3) eV/Å."""
        prediction = self.plain.evaluate([atoms], near, stress=False)
        return float(prediction.energy[0, 0]), prediction.forces[0][0]

    def flux(self, atoms: Atoms, velocities: np.ndarray, near: Neighbours) -> Flux:
        """Energy, forces and fluxes; velocities (N, 3) Å/fs."""
        return self.moving.flux([atoms], [velocities], self.sites.positions, 0, [near], self.zero)


@dataclass(frozen=True)
class _Pairs:
    """`Slots` of one frame as arrays."""

    vectors: np.ndarray
    lengths: np.ndarray
    source: np.ndarray


class LennardJones:
    """4ε[(σ/r)¹² − (σ/r)⁶] with energy and force shifted to zero at the cutoff: known answers.

    Args:
        epsilon: eV. sigma, cutoff: Å. sites: perfect crystal.
    """

    def __init__(self, epsilon: float, sigma: float, cutoff: float, sites: Atoms) -> None:
        self.epsilon, self.sigma, self.cutoff, self.sites = epsilon, sigma, cutoff, sites
        self.edge, self.slope = self._bare(np.array(cutoff))
        slots = self._pairs(sites)
        self.zero = 0.5 * self._pair(slots.lengths)[0].sum(axis=1)

    def forces(self, atoms: Atoms, near: Neighbours) -> tuple[float, np.ndarray]:
        """Energy (eV) and forces (N, 3) eV/Å."""
        slots = self._pairs(atoms, near)
        energy, gradient = self._edges(slots)
        return float(energy.sum()), _forces(gradient, slots.source)

    def flux(self, atoms: Atoms, velocities: np.ndarray, near: Neighbours) -> Flux:
        """Energy, forces and fluxes by the pair formula; velocities (N, 3) Å/fs."""
        slots = self._pairs(atoms, near)
        energy, gradient = self._edges(slots)
        work = np.einsum("nmc,nmc->nm", gradient, velocities[slots.source])
        away = atoms.positions - self.sites.positions
        at_rest = slots.vectors - (away[slots.source] - away[:, None])
        kinetic = 0.5 * atoms.get_masses() * (velocities**2).sum(axis=1) / INERTIA
        carried = ((energy - self.zero + kinetic)[:, None] * velocities).sum(axis=0)
        return Flux(
            np.array([energy.sum()]),
            [_forces(gradient, slots.source)],
            -np.einsum("nmc,nm->c", slots.vectors, work)[None],
            -np.einsum("nmc,nm->c", at_rest, work)[None],
            carried[None],
        )

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """As any potential: energies (n,) eV, forces, stresses (n, 6) eV/Å³."""
        energy, forces, stress = [], [], []
        for frame in frames:
            slots = self._pairs(frame)
            atomic, gradient = self._edges(slots)
            energy.append(atomic.sum())
            forces.append(_forces(gradient, slots.source))
            virial = np.einsum("nma,nmb->ab", slots.vectors, gradient) / frame.cell.volume
            stress.append(full_3x3_to_voigt_6_stress(virial))
        return Prediction(np.array(energy), forces, np.array(stress))

    def _pairs(self, atoms: Atoms, near: Neighbours | None = None) -> _Pairs:
        slots = (near or Neighbours(self.cutoff, [len(atoms)])).of([atoms])
        return _Pairs(slots.vectors.numpy(), slots.lengths.numpy(), slots.source.numpy())

    def _bare(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        six = (self.sigma / r) ** 6
        energy = 4 * self.epsilon * (six**2 - six)
        return energy, -24 * self.epsilon * (2 * six**2 - six) / r

    def _pair(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energy, slope = self._bare(r)
        energy = energy - self.edge - (r - self.cutoff) * self.slope
        inside = r < self.cutoff
        return np.where(inside, energy, 0.0), np.where(inside, slope - self.slope, 0.0)

    def _edges(self, slots: _Pairs) -> tuple[np.ndarray, np.ndarray]:
        energy, slope = self._pair(slots.lengths)
        gradient = 0.5 * (slope / slots.lengths)[..., None] * slots.vectors
        return 0.5 * energy.sum(axis=1), gradient


def _forces(gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
    """`edge_sums.forces` of arrays."""
    return edge_sums.forces(torch.from_numpy(gradient), torch.from_numpy(source)).numpy()
