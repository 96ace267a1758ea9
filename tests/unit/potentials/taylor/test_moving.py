"""A Taylor expansion in dynamics: its gradient, its sum rules, its flux against explicit replicas.

The crystals: one of two atoms without any symmetry, and rock salt's caesium-chloride sibling. The
force constants are random draws from the prior.
"""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st

from umklapp import config
from umklapp.crystals import sites
from umklapp.errors import InputError
from umklapp.potentials.nequip.heat_flux import replicas
from umklapp.potentials.taylor import unfolding
from umklapp.potentials.taylor.moving import LEFT, STAYS, MovingExpansion, leaving
from umklapp.potentials.taylor.prior import Knowledge, Prior

LOW = Atoms(
    "NaCl",
    cell=[[3.1, 0.2, 0], [0.3, 3.4, 0.4], [-0.5, 0.6, 3.8]],
    scaled_positions=[[0, 0, 0], [0.47, 0.52, 0.45]],
    pbc=True,
)
SKEWED = [[3, 0, 1], [0, 2, 0], [1, 0, 2]]
"""A supercell of the dynamics that is no multiple of the one of the fit."""


def random_model(primitive, scale):
    perfect = make_supercell(primitive, np.diag(scale))
    cutoff = unfolding.closing_cutoff(perfect)
    prior = Prior(perfect, Knowledge(), config.Taylor(cubic_cutoff=cutoff))
    z = np.random.default_rng(0).normal(size=prior.n_free)
    return prior.model(z, 0.0)


@pytest.fixture(scope="module")
def low():
    return random_model(LOW, [3, 2, 2])


@pytest.fixture(scope="module")
def cubic():
    return random_model(bulk("CsCl", "cesiumchloride", a=4.1), [2, 2, 2])


@pytest.fixture(scope="module")
def moving(low):
    """The low-symmetry crystal in another supercell than that of its fit."""
    return MovingExpansion(unfolding.unfold(low), make_supercell(LOW, SKEWED))


def shaken(expansion, seed=0, amplitude=0.05):
    """Displacements (N, 3) Å, the centre of mass at rest."""
    u = np.random.default_rng(seed).normal(scale=amplitude, size=expansion.sites.positions.shape)
    return u - (expansion.masses * u).sum(axis=0)


def leaving_atom(expansion, part=0.5, seed=0):
    """Displacements with one atom between the radii where the expansion holds and where it ends."""
    u = shaken(expansion, seed)
    r = expansion.start + part * (expansion.end - expansion.start)
    u[1] = r * np.array([0.6, 0.0, 0.8])
    return u - (expansion.masses * u).sum(axis=0)


def rest(expansion, seed=5):
    """Velocities (N, 3) Å/fs, the centre of mass at rest."""
    return shaken(expansion, seed, 0.01)


# --- the same expansion --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["low", "cubic"])
def test_in_its_own_cell_it_is_the_taylor_model(name, request):
    model = request.getfixturevalue(name)
    expansion = MovingExpansion(unfolding.unfold(model), model.perfect)
    u = shaken(expansion)
    energies, forces = expansion.forces(model.perfect.positions + u)
    energy, wanted = model.expand(u[None])
    assert energies.sum() == pytest.approx(energy[0], abs=1e-12)
    np.testing.assert_allclose(forces, wanted[0], atol=1e-11 * np.abs(wanted).max())
    harmonic = np.abs(model.harmonic).max()
    np.testing.assert_allclose(expansion.harmonic, model.harmonic, atol=1e-12 * harmonic)
    assert (np.array([one.gradient.nnz for one in expansion.orders]) > 0).all()


def test_a_pattern_of_the_fitted_cell_is_the_same_in_a_multiple_of_it(low):
    model = unfolding.unfold(low)
    small = MovingExpansion(model, low.perfect)
    large = MovingExpansion(model, make_supercell(low.perfect, np.diag([1, 2, 2])))
    n, u = len(low.perfect), shaken(small)
    one = small.forces(small.sites.positions + u)
    found = large.forces(large.sites.positions + np.tile(u, (4, 1)))
    for copy in np.split(np.arange(4 * n), 4):
        np.testing.assert_allclose(found[0][copy], one[0], atol=1e-12)
        np.testing.assert_allclose(found[1][copy], one[1], atol=1e-12 * np.abs(one[1]).max())


def test_sum_rules_hold_in_any_cell(moving):
    """The expansion itself, without the centre of mass: nothing changes along a translation."""
    for one in moving.orders:
        u = shaken(moving).ravel()
        shifted = u + np.tile([0.03, -0.05, 0.02], len(moving.sites))
        before, after = (one.gradient @ one.products(x) for x in (u, shifted))
        np.testing.assert_allclose(after, before, atol=1e-11 * np.abs(before).max())
        assert np.abs(before.reshape(-1, 3).sum(axis=0)).max() < 1e-11 * np.abs(before).max()


def test_third_derivatives_may_be_taken_in_any_order(moving):
    cubic = moving.orders[1]
    one, two, three = (shaken(moving, seed).ravel() for seed in (1, 2, 3))

    def mixed(a, b, c):
        return c @ (cubic.gradient @ cubic.rates(a, b))

    assert mixed(one, two, three) == pytest.approx(mixed(three, one, two), rel=1e-9)


# --- forces --------------------------------------------------------------------------------------


@pytest.mark.parametrize("displaced", [shaken, leaving_atom])
def test_forces_are_the_gradient(moving, displaced):
    place, step = moving.sites.positions + displaced(moving), 1e-4
    _, forces = moving.forces(place)
    for atom, axis in ((0, 0), (1, 0), (1, 1), (1, 2), (7, 1)):
        ends = []
        for sign in (1, -1):
            moved = place.copy()
            moved[atom, axis] += sign * step
            ends.append(moving.forces(moved)[0].sum())
        assert forces[atom, axis] == pytest.approx(
            -(ends[0] - ends[1]) / (2 * step), abs=2e-6, rel=1e-6
        )


@settings(max_examples=10, deadline=None)
@given(shift=st.tuples(*[st.floats(-5, 5)] * 3), part=st.floats(0.0, 1.5))
def test_a_translation_changes_nothing_even_when_an_atom_leaves(moving, shift, part):
    place = moving.sites.positions + leaving_atom(moving, part)
    one, two = moving.forces(place), moving.forces(place + np.array(shift))
    np.testing.assert_allclose(two[0], one[0], atol=1e-11)
    np.testing.assert_allclose(two[1], one[1], atol=1e-10)
    np.testing.assert_allclose(one[1].sum(axis=0), 0, atol=1e-11)


def test_the_order_of_the_atoms_does_not_matter(low, moving):
    order = np.random.default_rng(3).permutation(len(moving.sites))
    other = MovingExpansion(unfolding.unfold(low), moving.sites[order])
    place, speed = moving.sites.positions + leaving_atom(moving), rest(moving)
    one, two = moving.flux(place, speed), other.flux(place[order], speed[order])
    np.testing.assert_allclose(two.energies, one.energies[order], atol=1e-12)
    np.testing.assert_allclose(two.forces, one.forces[order], atol=1e-11)
    np.testing.assert_allclose(two.lattice, one.lattice, atol=1e-12)
    np.testing.assert_allclose(two.potential, one.potential, atol=1e-12)


def test_atoms_that_have_left_feel_nothing_and_nobody_feels_where_they_are(moving):
    """Two of one element on opposite sides, so that the centre of mass and all others stay."""
    first, second = np.flatnonzero(moving.sites.numbers == 17)[:2]
    rest_of = shaken(moving)
    rest_of[[first, second]] = 0
    others = np.setdiff1d(np.arange(len(rest_of)), [first, second])
    rest_of[others] -= (moving.masses * rest_of).sum(axis=0) / moving.masses[others].sum()
    found = []
    for distance in (1.01, 1.5, 4.0):
        u = rest_of.copy()
        u[first] = distance * moving.end * np.array([0.6, 0.0, 0.8])
        u[second] = -u[first]
        found.append(moving.forces(moving.sites.positions + u))
    recoil = found[0][1][first]
    np.testing.assert_allclose(found[0][1][second], recoil, atol=1e-12)
    assert np.abs(recoil).max() < 0.1 * np.abs(found[0][1]).max()
    assert found[0][0][first] == 0
    for energies, forces in found[1:]:
        np.testing.assert_allclose(energies, found[0][0], atol=1e-12)
        np.testing.assert_allclose(forces, found[0][1], atol=1e-11)


def test_the_function_that_leaves_is_smooth():
    r = np.linspace(0, 2, 2001)
    s, slope = leaving(r, 0.6, 1.1)
    assert (s[r <= 0.6] == 1).all()
    assert (s[r >= 1.1] == 0).all()
    assert (np.diff(s) <= 0).all()
    np.testing.assert_allclose(np.gradient(s, r), slope, atol=2e-4)
    assert np.abs(np.diff(slope)).max() < 0.03  # no step in the force
    assert 0 < STAYS < LEFT == sites.LEFT


# --- heat flux -----------------------------------------------------------------------------------


def atomic_energies(model, sites_of, parents, place, own, expansion):
    """E_i of the first `own` atoms of an open cluster, from the definition; place: (n, 3) Å."""
    u = place - torch.tensor(sites_of)
    r = u.norm(dim=1)
    x = ((r - expansion.start) / (expansion.end - expansion.start)).clamp(0, 1)
    held = (1 - x**3 * (10 - 15 * x + 6 * x**2))[:, None] * u
    rows = place.new_tensor(parents, dtype=torch.long)
    energies = []
    for atom in range(own):
        total = place.new_zeros(())
        for clusters in model.clusters:
            chosen = clusters.rows == int(rows[atom])
            term = torch.tensor(clusters.values[chosen])
            term = term * held[atom][torch.tensor(clusters.axes[chosen, 0])]
            for other in range(clusters.order - 1):
                where = sites_of[atom] + clusters.reach[chosen, other]
                distance = np.linalg.norm(where[:, None] - sites_of[None], axis=2)
                assert distance.min(axis=1).max() < 1e-6
                index = torch.tensor(distance.argmin(axis=1))
                term = term * held[index, torch.tensor(clusters.axes[chosen, other + 1])]
            total = total + term.sum() / np.prod(np.arange(1, clusters.order + 1))
        energies.append(total)
    return energies


def unfolded(model, expansion, u, speed):
    """Σ_i Σ_j (r_i − r_j)(∂E_i/∂r_j · v_j) with explicit replicas: distances as they are, of sites.

    The definition itself: one backward pass per atom of the cell.
    """
    cell = expansion.sites
    reach = max(clusters.longest for clusters in model.clusters)
    sites_of, parents = replicas(cell, reach)
    rows = np.array([0 if number == 11 else 1 for number in cell.numbers])[parents]
    place = torch.tensor(sites_of + u[parents], requires_grad=True)
    velocity = torch.tensor(speed[parents])
    energies = atomic_energies(model, sites_of, rows, place, len(cell), expansion)
    flux, lattice = np.zeros(3), np.zeros(3)
    for atom, energy in enumerate(energies):
        (gradient,) = torch.autograd.grad(energy, place, retain_graph=True)
        work = (gradient * velocity).sum(dim=1).numpy()
        positions = place.detach().numpy()
        flux += ((positions[atom] - positions) * work[:, None]).sum(axis=0)
        lattice += ((sites_of[atom] - sites_of) * work[:, None]).sum(axis=0)
    convective = sum(energy.item() * v for energy, v in zip(energies, speed, strict=True))
    return flux, lattice, convective


@pytest.mark.parametrize("displaced", [shaken, leaving_atom])
@pytest.mark.parametrize(
    "matrix", [[[1, 0, 0], [0, 2, 0], [1, 0, 1]], [[2, 0, 1], [0, 1, 1], [0, 0, 2]]]
)
def test_folded_is_unfolded(low, matrix, displaced):
    """Also in a cell of four atoms, which is smaller than the clusters."""
    model = unfolding.unfold(low)
    expansion = MovingExpansion(model, make_supercell(LOW, matrix))
    u, speed = displaced(expansion), rest(expansion)
    found = expansion.flux(expansion.sites.positions + u, speed)
    flux, lattice, convective = unfolded(model, expansion, u, speed)
    size = np.abs(flux).max()
    np.testing.assert_allclose(found.potential, flux, atol=1e-12 * size, rtol=1e-12)
    np.testing.assert_allclose(found.lattice, lattice, atol=1e-12 * size, rtol=1e-12)
    np.testing.assert_allclose(found.convective, convective, atol=1e-12 * np.abs(convective).max())
    assert np.abs(found.lattice - found.potential).max() > 1e-3 * size


def test_it_is_the_rate_of_the_energy_weighted_positions(low):
    """d/dt Σ R_i E_i and d/dt Σ r_i E_i of a crystal in which one region moves and the rest rests.

    What moves is so far from the borders of the cell that no cluster with it crosses them.
    """
    model = unfolding.unfold(low)
    large = MovingExpansion(model, make_supercell(LOW, np.diag([7, 6, 5])))
    place, masses = large.sites.positions, large.sites.get_masses()
    distance = np.linalg.norm(place - place.mean(axis=0), axis=1)
    middle = distance < 2.9
    reach = distance[middle].max() + max(clusters.longest for clusters in model.clusters)
    assert middle.sum() >= 3
    assert reach < 0.5 / np.linalg.norm(np.linalg.inv(large.sites.cell.array), axis=0).max()
    weights = (masses * middle)[:, None] / masses[middle].sum()
    u, speed = (
        shaken(large, seed, size) * middle[:, None] for seed, size in ((1, 0.06), (2, 0.01))
    )
    u, speed = (x - middle[:, None] * (weights * x).sum(axis=0) for x in (u, speed))
    found, h = large.flux(place + u, speed), 1e-3
    ends = [large.forces(place + u + sign * h * speed)[0] for sign in (1, -1)]
    rates = (ends[0] - ends[1]) / (2 * h) + (found.forces * speed).sum(axis=1)
    lattice = (rates[:, None] * place).sum(axis=0)
    np.testing.assert_allclose(found.lattice, lattice, atol=1e-7 * np.abs(lattice).max())
    full = (rates[:, None] * (place + u) + found.energies[:, None] * speed).sum(axis=0)
    whole = found.potential + found.convective
    np.testing.assert_allclose(whole, full, atol=1e-7 * np.abs(full).max())
    assert rates.sum() == pytest.approx(0, abs=1e-7 * np.abs(rates).max())


# --- what cannot be unfolded ---------------------------------------------------------------------


def test_a_range_beyond_the_images_of_the_cell_is_refused():
    perfect = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    prior = Prior(perfect, Knowledge(), config.Taylor())
    z = np.ones(prior.n_free)
    with pytest.raises(InputError, match="shorter cubic_cutoff"):
        unfolding.unfold(prior.model(z, 0.0))


def test_a_cell_too_small_is_named():
    with pytest.raises(InputError, match="phonon_supercell"):
        unfolding.closing_cutoff(bulk("NaCl", "rocksalt", a=5.6, cubic=True))


def test_the_closing_cutoff_is_below_half_the_cell_and_obeys_a_shorter_wish():
    perfect = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(2)
    cutoff = unfolding.closing_cutoff(perfect)
    assert 4.85 < cutoff < 5.6  # the third shell at √3 a/2; the fourth is half the cell
    assert 2.8 < unfolding.closing_cutoff(perfect, 3.5) < 3.5


def test_another_crystal_is_refused(low):
    other = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    with pytest.raises(InputError, match="another crystal"):
        MovingExpansion(unfolding.unfold(low), other)


def test_written_clusters_are_the_same_when_they_are_read(low, tmp_path):
    model = unfolding.unfold(low)
    unfolding.write(tmp_path / "correction.h5", [model, model])
    one, two = unfolding.read(tmp_path / "correction.h5")
    expansion = MovingExpansion(model, make_supercell(LOW, SKEWED))
    place = expansion.sites.positions + shaken(expansion)
    for again in (one, two):
        found = MovingExpansion(again, expansion.sites).forces(place)
        np.testing.assert_array_equal(found[1], expansion.forces(place)[1])
