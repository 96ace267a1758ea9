"""Heat flux of NequIP's own modules: the folded form, and the forms it is checked against.

    J_pot = Σ_i∈cell Σ_j (r_i − r_j) (∂U_i/∂r_j · v_j),   j over all images,

after Fan et al. (2015) and, for message passing, Langer et al. (PRB 108, L100302, 2023).
docs/heat_flux.md derives the folded form. The convective part Σ_i (U_i + K_i) v_i is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from ase import Atoms
from matscipy.neighbours import neighbour_list
from nequip.data import AtomicDataDict
from nequip.nn._tp_scatter_base import TensorProductScatter
from torch.func import jvp

from umklapp.potentials.nequip.inference import NequipPotential


class _Gather(torch.nn.Module):
    """NequIP's convolution whose gathered features can be recorded and moved along a tangent."""

    def __init__(self, stock: torch.nn.Module) -> None:
        super().__init__()
        self.stock = stock
        self.seen: torch.Tensor | None = None
        self.move: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(
        self,
        x: torch.Tensor,
        edge_attr: torch.Tensor,
        edge_weight: torch.Tensor,
        edge_dst: torch.Tensor,
        edge_src: torch.Tensor,
    ) -> torch.Tensor:
        self.seen = x
        gathered = x[edge_src]
        if self.move is not None:
            moment, tangent = self.move
            gathered = gathered + moment[:, None] * tangent[edge_src]
        messages = self.stock.tp(gathered, edge_attr, edge_weight)
        return torch.zeros(len(x), messages.size(1), dtype=x.dtype, device=x.device).index_add(
            0, edge_dst, messages
        )


@contextmanager
def _opened(network: torch.nn.Module) -> Iterator[list[_Gather]]:
    """The network with its gathers open, in the order of its layers."""
    gathers: list[tuple[torch.nn.Module, str, _Gather]] = []
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, TensorProductScatter):
                gathers.append((module, name, _Gather(child)))
    for module, name, gather in gathers:
        setattr(module, name, gather)
    try:
        yield [gather for _, _, gather in gathers]
    finally:
        for module, name, gather in gathers:
            setattr(module, name, gather.stock)


def _graph(potential: NequipPotential, atoms: Atoms) -> tuple[torch.Tensor, torch.Tensor]:
    """Edge vectors (E, 3) Å from centre to neighbour, and edges (2, E)."""
    i, j, vectors = neighbour_list("ijD", atoms, potential.cutoff)
    edges = torch.tensor(np.array([i, j], np.int64), device=potential.device)
    return torch.tensor(vectors, device=potential.device), edges


def _energies(
    potential: NequipPotential, vectors: torch.Tensor, edges: torch.Tensor, types: torch.Tensor
) -> torch.Tensor:
    data = {
        AtomicDataDict.EDGE_VECTORS_KEY: vectors,
        AtomicDataDict.EDGE_INDEX_KEY: edges,
        AtomicDataDict.ATOM_TYPE_KEY: types,
        AtomicDataDict.POSITIONS_KEY: vectors.new_zeros(len(types), 3),
    }
    return potential.model.model.func(data)[AtomicDataDict.PER_ATOM_ENERGY_KEY].view(-1)


def _types(potential: NequipPotential, atoms: Atoms) -> torch.Tensor:
    return torch.tensor(
        [potential.types[symbol] for symbol in atoms.get_chemical_symbols()],
        device=potential.device,
    )


def folded(potential: NequipPotential, atoms: Atoms, velocities: np.ndarray) -> np.ndarray:
    """J_pot (3,) without replicas: first moments of the tangents go through every gather.

    Args:
        velocities: (N, 3); J has their unit times eV.
    """
    vectors, edges = _graph(potential, atoms)
    types = _types(potential, atoms)
    velocity = torch.tensor(velocities, device=potential.device)
    centre, other = edges
    with _opened(potential.model.model.func) as gathers:

        def features(at: torch.Tensor) -> tuple[torch.Tensor, ...]:
            _energies(potential, at, edges, types)
            return tuple(gather.seen for gather in gathers if gather.seen is not None)

        tangents: tuple[torch.Tensor, ...] = ()
        if gathers:  # a pair potential has none
            with torch.no_grad():
                _, tangents = jvp(features, (vectors,), (velocity[other] - velocity[centre],))
        moment = torch.zeros(len(vectors), dtype=vectors.dtype, device=potential.device)
        moment.requires_grad_(True)
        for gather, tangent in zip(gathers, tangents, strict=True):
            gather.move = moment.to(tangent.dtype), tangent.detach()
        moved = vectors + moment[:, None] * velocity[other]
        energy = _energies(potential, moved, edges, types).sum()
        (work,) = torch.autograd.grad(energy, moment)
    return -(vectors * work[:, None]).sum(0).cpu().numpy()


def edge_formula(potential: NequipPotential, atoms: Atoms, velocities: np.ndarray) -> np.ndarray:
    """−Σ_ab r_ab (∂U/∂r_ab · v_b), (3,): exact for pair and strictly local potentials only."""
    vectors, edges = _graph(potential, atoms)
    vectors.requires_grad_(True)
    energy = _energies(potential, vectors, edges, _types(potential, atoms)).sum()
    (gradient,) = torch.autograd.grad(energy, vectors)
    work = (gradient * torch.tensor(velocities, device=potential.device)[edges[1]]).sum(1)
    return -(vectors.detach() * work[:, None]).sum(0).cpu().numpy()


def unfolded(potential: NequipPotential, atoms: Atoms, velocities: np.ndarray) -> np.ndarray:
    """J_pot (3,) with explicit replicas within layers × cutoff of the cell (Langer et al. 2023).

    Barycentre form, four backward passes; replicas move with their parents.
    """
    energies, positions, velocity, own = _unfold(potential, atoms, velocities)
    barycentre = (positions[:own].detach() * energies[:own, None]).sum(0)
    first = [
        (torch.autograd.grad(barycentre[axis], positions, retain_graph=True)[0] * velocity).sum()
        for axis in range(3)
    ]
    (gradient,) = torch.autograd.grad(energies[:own].sum(), positions)
    second = (positions.detach() * (gradient * velocity).sum(1, keepdim=True)).sum(0)
    return (torch.stack(first) - second).cpu().numpy()


def double_sum(potential: NequipPotential, atoms: Atoms, velocities: np.ndarray) -> np.ndarray:
    """The definition itself, (3,): one backward pass for every ∂U_i/∂r_j."""
    energies, positions, velocity, own = _unfold(potential, atoms, velocities)
    total = torch.zeros(3, dtype=torch.float64, device=potential.device)
    for atom in range(own):
        (gradient,) = torch.autograd.grad(energies[atom], positions, retain_graph=True)
        work = (gradient * velocity).sum(1, keepdim=True)
        total += ((positions[atom] - positions).detach() * work).sum(0)
    return total.cpu().numpy()


def _unfold(
    potential: NequipPotential, atoms: Atoms, velocities: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """Energies of all atoms of an open cluster that holds the cell and all it depends on."""
    with _opened(potential.model.model.func) as gathers:
        reach = max(1, len(gathers)) * potential.cutoff  # Allegro gathers nothing
    positions, parents = replicas(atoms, reach)
    width = np.ptp(positions, axis=0).max() + 3 * potential.cutoff
    i, j = neighbour_list(
        "ij", positions=positions, cell=width * np.eye(3), pbc=[False] * 3, cutoff=potential.cutoff
    )
    edges = torch.tensor(np.array([i, j], np.int64), device=potential.device)
    place = torch.tensor(positions, device=potential.device, requires_grad=True)
    types = _types(potential, atoms)[torch.tensor(parents, device=potential.device)]
    energies = _energies(potential, place[edges[1]] - place[edges[0]], edges, types)
    velocity = torch.tensor(velocities[parents], device=potential.device)
    return energies, place, velocity, len(atoms)


def replicas(atoms: Atoms, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, 3) Å of the atoms and all images within `reach` (Å) of the slab they fill.

    The atoms themselves come first; also the number (n,) of the atom of which each is an image.
    """
    cell = atoms.cell.array
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    fractional = atoms.positions @ np.linalg.inv(cell)
    low, high = fractional.min(axis=0), fractional.max(axis=0)
    margin = reach * 1.0001 / heights
    most = np.ceil(margin + (high - low)).astype(int)
    images, parents = [atoms.positions], [np.arange(len(atoms))]
    for shift in np.ndindex(*(2 * most + 1)):
        moved = fractional + (np.array(shift) - most)
        inside = ((moved > low - margin) & (moved < high + margin)).all(axis=1)
        if (np.array(shift) != most).any():
            images.append(moved[inside] @ cell)
            parents.append(np.flatnonzero(inside))
    return np.concatenate(images), np.concatenate(parents)
