"""The heat flux against its definition, a closed formula, and the motion of the barycentre."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, make_supercell
from backends import needs, small
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SMALL, frames, potential

from umklapp import config
from umklapp.errors import CalculationError
from umklapp.potentials.architectures import untrained
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import engine, heat_flux
from umklapp.potentials.nequip.flux import FluxMembers
from umklapp.potentials.nequip.flux_network import FluxNetwork


def network(layers=2, dtype="float64", seed=1):
    shape = config.Potential(
        cutoff=4.0, l_max=1, features=[8, 4], radial_width=16, layers=layers, dtype=dtype
    )
    return potential(seed, shape)


def velocities(atoms, seed=0):
    return np.random.default_rng(seed).normal(scale=0.01, size=(len(atoms), 3))


def crystals():
    """Small, skewed and two other lattices; all smaller than the range of the networks."""
    zincblende = bulk("NaCl", "zincblende", a=5.2)
    caesium = make_supercell(
        bulk("NaCl", "cesiumchloride", a=3.5), [[1, 0, 0], [1, 1, 0], [0, 0, 2]]
    )
    for number, atoms in enumerate((zincblende, caesium)):
        atoms.rattle(0.1, seed=number)
    return [*frames()[1:3], zincblende, caesium]


# the folded form


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_folded_is_unfolded(layers):
    model = network(layers)
    for atoms in crystals():
        speed = velocities(atoms)
        wanted = heat_flux.unfolded(model, atoms, speed)
        found = heat_flux.folded(model, atoms, speed)
        np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(wanted).max(), rtol=1e-12)


def test_both_are_the_double_sum():
    model, atoms = network(2), frames()[2]
    speed = velocities(atoms)
    wanted = heat_flux.double_sum(model, atoms, speed)
    for form in (heat_flux.folded, heat_flux.unfolded):
        np.testing.assert_allclose(form(model, atoms, speed), wanted, rtol=1e-11)


def test_the_edge_formula_is_for_one_layer_only():
    atoms = frames()[2]
    speed = velocities(atoms)
    one, two = network(1), network(2)
    np.testing.assert_allclose(
        heat_flux.edge_formula(one, atoms, speed), heat_flux.folded(one, atoms, speed), rtol=1e-12
    )
    wanted = heat_flux.folded(two, atoms, speed)
    wrong = heat_flux.edge_formula(two, atoms, speed) - wanted
    assert np.linalg.norm(wrong) > 1e-4 * np.linalg.norm(wanted)


@settings(max_examples=10, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-10, 10)] * 3),
    images=st.lists(st.integers(-2, 2), min_size=12, max_size=12),
)
def test_origin_and_wrapping_change_nothing(shift, images):
    model, atoms = network(2), frames()[2]
    speed = velocities(atoms)
    wanted = heat_flux.folded(model, atoms, speed)
    moved = atoms.copy()
    moved.positions += np.array(shift) + np.reshape(images, (4, 3)) @ atoms.cell.array
    np.testing.assert_allclose(heat_flux.folded(model, moved, speed), wanted, rtol=1e-9, atol=1e-11)


def test_it_is_linear_in_the_velocities_and_turns_with_the_crystal():
    model, atoms = network(2), frames()[2]
    one, two = velocities(atoms, 1), velocities(atoms, 2)
    parts = heat_flux.folded(model, atoms, one) - 3 * heat_flux.folded(model, atoms, two)
    np.testing.assert_allclose(heat_flux.folded(model, atoms, one - 3 * two), parts, rtol=1e-10)
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn, scale_atoms=False)
    turned.positions = atoms.positions @ turn
    np.testing.assert_allclose(
        heat_flux.folded(model, turned, one @ turn),
        heat_flux.folded(model, atoms, one) @ turn,
        rtol=1e-8,
        atol=1e-12,
    )


# independent sources


class Pairs(torch.nn.Module):
    """U_i = ½ Σ_j φ(r_ij) with φ smooth at the cutoff, behind NequIP's interface."""

    cutoff = 4.0

    @staticmethod
    def phi(r):
        x = 1 - r / Pairs.cutoff
        return x**4 * (30 * x**2 - 8 * torch.exp(-r))

    def forward(self, data):
        r = data["edge_vectors"].norm(dim=1)
        energy = torch.zeros(len(data["atom_types"]), dtype=r.dtype)
        energy = energy.index_add(0, data["edge_index"][0], 0.5 * self.phi(r))
        return {"atomic_energy": energy[:, None]}


def pair_potential():
    return SimpleNamespace(
        model=SimpleNamespace(model=SimpleNamespace(func=Pairs())),
        cutoff=Pairs.cutoff,
        device="cpu",
        types={"Cl": 0, "Na": 1},
    )


def closed_formula(atoms, speed):
    """−½ Σ_pairs r_ab (φ'(r)/r) (r_ab · v_b), the textbook pair formula without convection."""
    _i, j, vectors = heat_flux.neighbour_list("ijD", atoms, Pairs.cutoff)
    r = torch.tensor(np.linalg.norm(vectors, axis=1), requires_grad=True)
    (slope,) = torch.autograd.grad(Pairs.phi(r).sum(), r)
    work = (0.5 * slope / r).detach().cpu().numpy() * np.einsum("ec,ec->e", vectors, speed[j])
    return -(vectors * work[:, None]).sum(axis=0)


def test_a_pair_potential_has_its_closed_formula():
    for atoms in crystals():
        speed = velocities(atoms)
        wanted = closed_formula(atoms, speed)
        for form in (heat_flux.folded, heat_flux.edge_formula):
            np.testing.assert_allclose(form(pair_potential(), atoms, speed), wanted, rtol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_barycentre_of_a_cluster_moves_with_the_flux(layers):
    """J_pot = d/dt Σ r_i U_i − Σ v_i U_i + Σ r_i F_i·v_i; central differences, second order."""
    model = network(layers)
    cluster = bulk("NaCl", "rocksalt", a=5.6).repeat((2, 2, 1))
    cluster.rattle(0.15, seed=4)
    cluster.set_cell(80 * np.eye(3))
    speed = velocities(cluster) / 0.01

    def energies(positions):
        moved = Atoms(cluster.numbers, positions=positions, cell=cluster.cell, pbc=True)
        vectors, edges = heat_flux._graph(model, moved)
        return heat_flux._energies(model, vectors, edges, heat_flux._types(model, moved))

    at_rest = energies(cluster.positions).detach().cpu().numpy()
    forces = model.evaluate([cluster]).forces[0]
    flux = heat_flux.folded(model, cluster, speed)

    def residual(step):
        ahead, behind = cluster.positions + step * speed, cluster.positions - step * speed
        barycentre = [p.T @ energies(p).detach().cpu().numpy() for p in (ahead, behind)]
        moved = (barycentre[0] - barycentre[1]) / (2 * step) - speed.T @ at_rest
        wanted = moved + cluster.positions.T @ (forces * speed).sum(axis=1)
        return np.linalg.norm(wanted - flux) / np.linalg.norm(flux)

    coarse, fine = residual(4e-3), residual(1e-3)
    assert fine < 2e-4
    assert coarse / fine == pytest.approx(16, rel=0.15)


# the compiled graph


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flux")
    engine.prepare(SMALL, 2, "compiled", folder, network=FluxNetwork)
    members = [potential(seed) for seed in range(2)]
    return members, FluxMembers(folder, members)


def test_the_compiled_flux_is_the_folded_one(compiled):
    members, fast = compiled
    for atoms in frames():
        speed = velocities(atoms)
        for number, member in enumerate(members):
            found = fast.flux(
                [atoms], [speed], atoms.positions, number, [Neighbours(SMALL.cutoff, [len(atoms)])]
            )
            wanted = heat_flux.folded(member, atoms, speed)
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(found.potential[0], wanted, atol=2e-5 * scale)
            np.testing.assert_allclose(found.lattice[0], found.potential[0], atol=1e-12 * scale)
            plain = member.evaluate([atoms])
            np.testing.assert_allclose(found.forces[0], plain.forces[0], atol=2e-6)
            assert found.energy[0] == pytest.approx(plain.energy[0], abs=1e-4)


def test_the_lattice_flux_is_the_rate_of_the_site_weighted_energy():
    """J⁰ = d/dt Σ R⁰_i (U_i + K_i) along a trajectory, on an open cluster (uncompiled, float64)."""
    model = network(2)
    cluster = bulk("NaCl", "rocksalt", a=5.6).repeat((2, 1, 1))
    sites = cluster.positions.copy()
    cluster.rattle(0.1, seed=5)
    cluster.set_cell(60 * np.eye(3))
    masses, speed = cluster.get_masses(), velocities(cluster)
    fast = FluxMembers.__new__(FluxMembers)
    shape = FluxNetwork(model.model)
    fast.engine = engine.Engine(shape, [shape], model.types, "cpu")

    def state(positions, speed):
        moved = Atoms(cluster.numbers, positions=positions, cell=cluster.cell, pbc=True)
        near = [Neighbours(model.cutoff, [len(moved)])]
        found = fast.flux([moved], [speed], sites, 0, near)
        vectors, edges = heat_flux._graph(model, moved)
        atomic = heat_flux._energies(model, vectors, edges, heat_flux._types(model, moved))
        kinetic = 0.5 * masses * (speed**2).sum(axis=1) / units.fs**2
        return found, sites.T @ (atomic.detach().cpu().numpy() + kinetic)

    found, _ = state(cluster.positions, speed)
    force = model.evaluate([cluster]).forces[0]
    acceleration = force / masses[:, None] * units.fs**2
    step = 0.1
    ends = [
        state(cluster.positions + h * speed + 0.5 * h**2 * acceleration, speed + h * acceleration)[
            1
        ]
        for h in (step, -step)
    ]
    rate = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(found.lattice[0], rate, atol=1e-3 * np.abs(rate).max())
    whole = found.potential[0] - found.lattice[0]
    assert np.linalg.norm(whole) > 1e-3 * np.linalg.norm(found.lattice[0])


@needs("allegro")
def test_without_messages_the_work_of_an_edge_is_along_its_own_force():
    from umklapp.potentials.allegro.engine import AllegroFlux, AllegroSlots

    model = untrained(small("allegro"), 2)
    plain, flux = AllegroSlots(model), AllegroFlux(model)
    generator = torch.Generator().manual_seed(0)
    vectors = 2 * torch.randn(5, 3, 3, generator=generator, dtype=torch.float64)
    source = torch.randint(5, (5, 3), generator=generator)
    speed = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    graph = vectors, source, torch.tensor([0, 1, 0, 1, 1]), source, vectors[..., 0]
    energy, gradient, _ = plain(*graph, *plain.weights)
    found = flux(*graph, speed, *flux.weights)
    torch.testing.assert_close(found[:2], (energy, gradient))
    torch.testing.assert_close(found[2], (gradient * speed[source]).sum(-1))
    assert found[2].abs().max() > 1e-6


def test_without_a_compiled_engine_it_says_so(tmp_path):
    engine.prepare(SMALL, 2, "eager", tmp_path, network=FluxNetwork)
    with pytest.raises(CalculationError, match="needs the compiled graph"):
        FluxMembers(tmp_path, [potential()])
