"""A wrong potential of argon, corrected by labels of the right one, moves a larger crystal."""

import numpy as np
import pytest
from ase.build import bulk

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.frames import labelled
from umklapp.errors import InputError
from umklapp.lattice import harmonic_reference
from umklapp.potentials.committee import Committee
from umklapp.potentials.heat_transport import CorrectedSource, LennardJones
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.taylor import dynamics
from umklapp.potentials.taylor.correction import Corrected
from umklapp.potentials.taylor.moving import MovingExpansion
from umklapp.transport import nve

CUTOFF, CUBE = 5.2, np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
PRIMITIVE = bulk("Ar", "fcc", a=5.3)
TAYLOR = config.Taylor(
    noise=1e-7, harmonic_range=0.1, cubic_width=0.3, cubic_nearest=1.0, quartic_width=1.0
)


def potential(epsilon, sites):
    """A crystal with the same lattice constant, softer or stiffer."""
    return LennardJones(epsilon, 3.405, CUTOFF, sites)


def shaken(perfect, truth, count, amplitude, seed=0):
    generator, frames = np.random.default_rng(seed), []
    for _ in range(count):
        atoms = perfect.copy()
        atoms.positions += generator.normal(scale=amplitude, size=atoms.positions.shape)
        found = truth.evaluate([atoms])
        frames.append(labelled(atoms, float(found.energy[0]), found.forces[0]))
    return frames


@pytest.fixture(scope="module")
def perfect():
    return phonopy_cells.supercell(PRIMITIVE, (2 * CUBE).tolist())


@pytest.fixture(scope="module")
def truth(perfect):
    return potential(0.0104, perfect)


@pytest.fixture(scope="module")
def fitted(perfect, truth):
    """A member that is a fifth too soft and one that is a tenth too stiff."""
    members = [potential(0.8 * 0.0104, perfect), potential(1.1 * 0.0104, perfect)]
    labels = shaken(perfect, truth, 8, 0.06)
    return members, dynamics.fit(members, labels, perfect, TAYLOR)


@pytest.fixture(scope="module")
def large():
    """48 atoms: another supercell than that of the labels."""
    return phonopy_cells.supercell(PRIMITIVE, (np.array([[2], [2], [3]]) * CUBE).tolist())


def source(fitted, large, member=0):
    soft = potential((0.8, 1.1)[member] * 0.0104, large)
    return CorrectedSource(soft, MovingExpansion(fitted[1].models[member], large))


def test_the_correction_is_right_in_a_cell_that_no_label_has_seen(fitted, large):
    truth = potential(0.0104, large)
    unseen = shaken(large, truth, 3, 0.06, seed=9)
    raw = Committee([potential(factor * 0.0104, large) for factor in (0.8, 1.1)])
    moved = dynamics.moved(raw, fitted[1].models, large)
    assert all(isinstance(member, Corrected) for member in moved.members)
    exact = np.array([frame.get_forces() for frame in unseen])
    for before, after, left in zip(raw.members, moved.members, (0.2, 0.1), strict=True):
        one = np.array(before.evaluate(unseen).forces) - exact
        two = np.array(after.evaluate(unseen).forces) - exact
        assert one.std() == pytest.approx(left * exact.std(), rel=1e-6)
        assert two.std() < 0.1 * one.std()
    assert dynamics.moved(raw, [], large) is raw


def test_force_constants_of_the_dynamics_are_those_of_the_truth(fitted, large):
    truth, raw = potential(0.0104, large), potential(0.8 * 0.0104, large)
    exact, wrong = (
        harmonic_reference.of_potential(one, PRIMITIVE, large, 0.01) for one in (truth, raw)
    )
    found = wrong + dynamics.harmonic(fitted[1].models[:1], large)
    assert np.abs(found - exact).max() < 0.05 * np.abs(wrong - exact).max()
    assert (dynamics.harmonic([], large) == 0).all()


def test_numbers_and_range_are_recorded(fitted, perfect):
    members, correction = fitted
    assert len(correction.models) == len(correction.numbers) == len(members)
    assert correction.numbers[0]["labels"] == 8
    assert correction.cutoff == pytest.approx(
        5.3 / np.sqrt(2)
    )  # pairs half a cell away have two images
    with pytest.raises(InputError, match="phonon_supercell"):
        dynamics.fit(members, [], perfect, TAYLOR)


def settings(timestep, **changes):
    values = {
        "temperature": 40.0, "timestep": timestep, "equilibration": 0.2, "length": 0.8,
        "flux_every": round(16 / timestep), "frames_every": 1, "friction": 0.02,
    }  # fmt: skip
    return config.GreenKubo(**(values | changes)).model_copy(update=changes)


def energies(source, state, timestep, steps):
    """Total energies (eV) along constant-energy dynamics from a state, every 16 fs."""
    start = nve.State(0, state.positions.copy(), state.velocities.copy(), None)
    chosen = settings(timestep, temperature=4000.0)  # nothing counts as an explosion
    plan = nve.Plan(0, steps, chosen.flux_every, chosen.flux_every)
    return nve.advance(source, source.expansion.sites, start, chosen, plan, steps).energy


@pytest.mark.parametrize("leaves", [False, True])
def test_energy_is_conserved_also_when_an_atom_leaves(fitted, perfect, leaves):
    """What the energy varies by is of velocity Verlet: it falls with the square of the step."""
    moved = source(fitted, perfect)
    generator = np.random.default_rng(4)
    positions = perfect.positions + generator.normal(scale=0.08, size=perfect.positions.shape)
    if leaves:  # between neighbours, from within the fading region
        positions[0] = perfect.positions[0] + [1.3, 0.6, 0.2]
        away = np.linalg.norm(moved.expansion._held(positions)[0], axis=1)
        assert moved.expansion.start < away[0] < moved.expansion.end
    state = nve.State(0, positions, np.zeros_like(positions), None)
    coarse, fine = energies(moved, state, 4.0, 40), energies(moved, state, 2.0, 80)
    assert np.std(coarse) / np.std(fine) == pytest.approx(4, rel=0.35)


def test_a_recorded_run_conserves_energy_and_momentum(fitted, perfect, tmp_path):
    chosen = settings(4.0)
    moved = source(fitted, perfect)
    nve.run(moved, perfect, chosen, 1, tmp_path / "work", tmp_path / "run.h5", member=0)
    run = nve.read(tmp_path / "run.h5")
    assert not run.ended
    assert abs(run.drift) < 1e-6
    displacements, velocities = nve.read_frames(tmp_path / "run.h5")
    assert np.abs(displacements.mean(axis=1)).max() < 1e-5
    assert np.abs(velocities.mean(axis=1)).max() < 1e-8
    # flux and energy are sums of both parts
    atoms, speed = perfect.copy(), velocities[-1]
    atoms.positions += displacements[-1]
    near = Neighbours(CUTOFF, [len(atoms)])
    whole, bare = moved.flux(atoms, speed, near), moved.source.flux(atoms, speed, near)
    more = moved.expansion.flux(atoms.positions, speed)
    np.testing.assert_allclose(whole.lattice[0], bare.lattice[0] + more.lattice, rtol=1e-12)
    np.testing.assert_allclose(whole.potential[0], bare.potential[0] + more.potential, rtol=1e-12)
    np.testing.assert_allclose(whole.convective[0], bare.convective[0] + more.convective)
    alone = (more.energies[:, None] * speed).sum(axis=0)  # the kinetic energy is in the other part
    np.testing.assert_allclose(more.convective, alone, rtol=1e-12)
    np.testing.assert_allclose(whole.forces[0], moved.forces(atoms, near)[1], atol=1e-12)
    assert np.abs(more.lattice).max() > 0.01 * np.abs(bare.lattice).max()
