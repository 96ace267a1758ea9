"""A Taylor expansion as a potential for dynamics: per-atom energies, forces, its own heat flux.

Every element of order q is counted with its first atom, so that all atoms of a cluster share its
energy alike,

    E_i = Σ_q 1/q! Σ_{j,k,…} Φ_ijk… ũ_i ũ_j ũ_k … ,

with ũ = u s(|u|) the displacement u from the site, about the crystal's centre of mass, times a
function that falls from one to zero as the atom leaves its site (`leaving`). An atom that has left
counts as one on its site: it feels nothing of the expansion, its neighbours feel the others, and no
atom far away feels anything. Forces are −∂E/∂r, the centre of mass included: their sum is zero.

Heat flux (docs/heat_flux.md): with ṽ = dũ/dt and distances of the sites,

    J⁰ = Σ_ij (R_i − R_j) ∂E_i/∂r_j · v_j
       = Σ_q 1/q! Σ_i ṽ_i · Σ_{j,k,…} Φ_ijk… Σ_m (R_m − R_i) ũ_j ũ_k … ,      m = j, k, … .

The centre of mass rests in dynamics. While every |u| is below the radius where `leaving` starts,
sum rules make the expansion independent of it, and nothing is left out; beyond, the recoil of the
whole crystal (which no local flux can carry) is left out of J.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from ase import Atoms
from scipy import sparse
from scipy.spatial import cKDTree

from umklapp.crystals import sites as crystal_sites
from umklapp.errors import InputError
from umklapp.potentials.contract import Prediction
from umklapp.potentials.taylor.basis import TOLERANCE
from umklapp.potentials.taylor.unfolding import Clusters, UnfoldedModel

STAYS, LEFT = 0.3, crystal_sites.LEFT
"""Of a bond: the expansion holds in full up to the first, and not at all from the second on, from
where on labels are no displacements any more and have not been fitted."""


def leaving(r: np.ndarray, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """s(r): 1 below `start`, 0 above `end` (Å), twice differentiable; and s′(r) in 1/Å.

    s = 1 − x³(10 − 15x + 6x²), x = (r − start)/(end − start).
    """
    x = np.clip((r - start) / (end - start), 0.0, 1.0)
    return 1 - x**3 * (10 - 15 * x + 6 * x**2), -30 * x**2 * (1 - x) ** 2 / (end - start)


@dataclass(frozen=True)
class _Order:
    """One order q in a supercell of N atoms, as sparse operators on M products of ũ.

    factors: (q − 1, M) numbers of the components of ũ (3 atom + axis) that are multiplied;
    gradient: (3N, M) Φ/(q−1)!, so that ∂E_q/∂ũ = gradient · products; moments: three (3N, M)
    Φ Σ_m (R_m − R_i)/q!.
    """

    order: int
    factors: np.ndarray
    gradient: sparse.csr_matrix
    moments: tuple[sparse.csr_matrix, ...]

    def products(self, u: np.ndarray) -> np.ndarray:
        """(M,) products of components of u (3N,)."""
        return np.asarray(u[self.factors].prod(axis=0))

    def rates(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(M,) d/dt of the products with du/dt = v."""
        total = np.zeros(self.factors.shape[1])
        for place in range(len(self.factors)):
            others = np.delete(self.factors, place, axis=0)
            total += v[self.factors[place]] * u[others].prod(axis=0)
        return total


@dataclass(frozen=True)
class ExpansionFlux:
    """Energies (N,) eV, forces (N, 3) eV/Å and fluxes (3,) eV Å/fs, as `nequip.flux.Flux`."""

    energies: np.ndarray
    forces: np.ndarray
    potential: np.ndarray
    lattice: np.ndarray
    convective: np.ndarray


class MovingExpansion:
    """An unfolded Taylor model in one supercell, which need not be that of its fit.

    Args:
        model: clusters of the crystal. sites: perfect supercell of N atoms of that crystal; the
            cell may be smaller than the clusters.

    Raises:
        InputError: `sites` is of another crystal.
    """

    def __init__(self, model: UnfoldedModel, sites: Atoms) -> None:
        self.sites = sites
        self.masses = sites.get_masses()[:, None] / sites.get_masses().sum()
        bond = crystal_sites.bond_length(sites)
        self.start, self.end = STAYS * bond, LEFT * bond
        rows = _rows(model, sites)
        self.orders = [_order(clusters, rows, sites) for clusters in model.clusters]

    @property
    def harmonic(self) -> np.ndarray:
        """Second derivatives (3N, 3N) eV/Å² at the sites."""
        size = 3 * len(self.sites)
        dense = np.zeros((size, size))
        for one in self.orders:
            if one.order == 2:
                dense[:, one.factors[0]] = one.gradient.toarray()
        return dense

    def forces(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (N,) eV and forces (N, 3) eV/Å; positions (N, 3) Å, unwrapped."""
        u, held, response = self._held(positions)
        energies, gradient = np.zeros(len(u)), np.zeros(u.shape)
        for one in self.orders:
            slope = (one.gradient @ one.products(held.ravel())).reshape(u.shape)
            energies += (held * slope).sum(axis=1) / one.order
            gradient += slope
        return energies, self._forces(gradient, response)

    def flux(self, positions: np.ndarray, velocities: np.ndarray) -> ExpansionFlux:
        """Energies, forces and heat flux; velocities (N, 3) Å/fs, centre of mass at rest."""
        u, held, response = self._held(positions)
        speed = np.einsum("nab,nb->na", response, velocities)
        flat, flat_speed = held.ravel(), speed.ravel()
        energies, rates, gradient = np.zeros(len(u)), np.zeros(len(u)), np.zeros(u.shape)
        lattice = np.zeros(3)
        for one in self.orders:
            products = one.products(flat)
            slope = (one.gradient @ products).reshape(u.shape)
            change = (one.gradient @ one.rates(flat, flat_speed)).reshape(u.shape)
            energies += (held * slope).sum(axis=1) / one.order
            rates += (speed * slope + held * change).sum(axis=1) / one.order
            gradient += slope
            lattice += [flat_speed @ (moment @ products) for moment in one.moments]
        forces = self._forces(gradient, response)
        local = -np.einsum("nab,na->nb", response, gradient)  # without the recoil
        work = (local * velocities).sum(axis=1)
        potential = lattice + ((rates + work)[:, None] * u).sum(axis=0)
        convective = (energies[:, None] * velocities).sum(axis=0)
        return ExpansionFlux(energies, forces, potential, lattice, convective)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """As any potential: energies (n,) eV and forces of frames of this cell; stresses are NaN.

        Raises:
            InputError: a frame has other atoms or another cell.
        """
        energy, forces = [], []
        for frame in frames:
            if not crystal_sites.in_cell(frame, self.sites, crystal_sites.SAME_CELL):
                raise InputError(
                    f"a frame {frame.symbols} is of another cell than the dynamics of "
                    f"{self.sites.symbols}"
                )
            shift = crystal_sites.of_frames([frame], self.sites)[0]
            atomic, force = self.forces(self.sites.positions + shift)
            energy.append(float(atomic.sum()))
            forces.append(force)
        return Prediction(np.array(energy), forces, np.full((len(frames), 6), np.nan))

    def _held(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """u and ũ (N, 3) Å, and ∂ũ/∂u (N, 3, 3) of every atom."""
        away = positions - self.sites.positions
        u = away - (self.masses * away).sum(axis=0)
        r = np.linalg.norm(u, axis=1)
        s, slope = leaving(r, self.start, self.end)
        direction = u / np.maximum(r, 1e-12)[:, None]
        response = s[:, None, None] * np.eye(3)
        response = (
            response + (slope * r)[:, None, None] * direction[:, :, None] * direction[:, None]
        )
        return u, s[:, None] * u, response

    def _forces(self, gradient: np.ndarray, response: np.ndarray) -> np.ndarray:
        pull = np.einsum("nab,na->nb", response, gradient)
        return np.asarray(self.masses * pull.sum(axis=0) - pull)


def _rows(model: UnfoldedModel, sites: Atoms) -> np.ndarray:
    """Primitive site of every atom of a supercell, (N,)."""
    place = _find(model.perfect, sites.positions)
    if (model.perfect.numbers[place] != sites.numbers).any():
        raise InputError(_OTHER)
    return np.asarray(model.rows[place])


_OTHER = "the cell of the dynamics is of another crystal than that of the correction"


def _find(sites: Atoms, positions: np.ndarray) -> np.ndarray:
    """For positions (n, 3) Å the numbers of the sites that they are, modulo the cell.

    Raises:
        InputError: a position is no site.
    """
    inverse = np.linalg.inv(sites.cell.array)
    tree = cKDTree((sites.positions @ inverse) % 1.0 % 1.0, boxsize=1.0)
    fractional = (positions @ inverse) % 1.0 % 1.0
    place = tree.query(fractional)[1]
    off = fractional - (sites.positions @ inverse)[place]
    if np.abs((off - np.rint(off)) @ sites.cell.array).max(initial=0.0) > 10 * TOLERANCE:
        raise InputError(_OTHER)
    return np.asarray(place)


def _steps(clusters: Clusters) -> tuple[np.ndarray, np.ndarray]:
    """Different vectors (m, 3) Å of all clusters, and which of them each one has, (n, q − 1)."""
    flat = clusters.reach.reshape(-1, 3)
    _, place, which = np.unique(
        np.rint(flat / TOLERANCE).astype(int), axis=0, return_index=True, return_inverse=True
    )
    return flat[place], which.reshape(clusters.reach.shape[:2])


def _targets(clusters: Clusters, rows: np.ndarray, sites: Atoms) -> np.ndarray:
    """Atom that is each step away from every atom, (N, m); −1 where the clusters never go."""
    steps, which = _steps(clusters)
    targets = np.full((len(rows), len(steps)), -1)
    for row in np.unique(rows):
        atoms, used = np.flatnonzero(rows == row), np.unique(which[clusters.rows == row])
        where = sites.positions[atoms][:, None] + steps[used]
        ends = _find(sites, where.reshape(-1, 3)).reshape(len(atoms), len(used))
        targets[np.ix_(atoms, used)] = ends
    return targets


def _order(clusters: Clusters, rows: np.ndarray, sites: Atoms) -> _Order:
    q, size = clusters.order, 3 * len(rows)
    index, atoms = [], []
    for atom, row in enumerate(rows):
        own = np.flatnonzero(clusters.rows == row)
        index.append(own)
        atoms.append(np.full(len(own), atom))
    element, first = np.concatenate(index), np.concatenate(atoms)
    reach = clusters.reach[element]
    others = _targets(clusters, rows, sites)[first[:, None], _steps(clusters)[1][element]]
    axes, values = clusters.axes[element], clusters.values[element]
    factors = np.sort(3 * others + axes[:, 1:], axis=1)
    key = factors @ size ** np.arange(q - 1)
    _, place, column = np.unique(key, return_index=True, return_inverse=True)
    shape = size, len(place)

    def matrix(data: np.ndarray) -> sparse.csr_matrix:
        entries = sparse.coo_matrix((data, (3 * first + axes[:, 0], column.ravel())), shape)
        return entries.tocsr()

    moment = values[:, None] * reach.sum(axis=1) / factorial(q)
    return _Order(
        q,
        np.ascontiguousarray(factors[place].T),
        matrix(values / factorial(q - 1)),
        tuple(matrix(moment[:, axis]) for axis in range(3)),
    )
