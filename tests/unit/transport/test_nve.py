"""Recorded constant-energy dynamics on Lennard-Jones argon."""

import h5py
import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.lj import LennardJones as AseLennardJones
from ase.md.verlet import VelocityVerlet

from umklapp import config
from umklapp.errors import InputError
from umklapp.potentials.heat_transport import LennardJones
from umklapp.potentials.neighbours import Neighbours
from umklapp.transport import nve

EPSILON, SIGMA, CUTOFF = 0.0104, 3.405, 6.5


@pytest.fixture(scope="module")
def sites():
    return bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)


@pytest.fixture(scope="module")
def argon(sites):
    return LennardJones(EPSILON, SIGMA, CUTOFF, sites)


def settings(**changes):
    values = {
        "temperature": 30.0, "timestep": 4.0, "equilibration": 0.4, "length": 2.4,
        "flux_every": 2, "frames_every": 3, "friction": 0.02,
    }  # fmt: skip
    return config.GreenKubo(**(values | changes))


def record(argon, sites, folder, seed=1, out="run.h5", **changes):
    nve.run(argon, sites, settings(**changes), seed, folder / "work", folder / out, member=2)
    return nve.read(folder / out)


def test_forces_and_fluxes_are_derivatives(argon, sites):
    """Forces against ASE's own potential (shifted differently: forces by differences of energy)."""
    atoms = sites.copy()
    atoms.rattle(0.1, seed=1)
    _, forces = argon.forces(atoms, Neighbours(CUTOFF, [len(atoms)]))
    step = 1e-4
    for index in ((0, 0), (7, 2)):
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[index] += sign * step
            ends.append(argon.forces(moved, Neighbours(CUTOFF, [len(moved)]))[0])
        assert forces[index] == pytest.approx(-(ends[0] - ends[1]) / (2 * step), abs=1e-8)
    pair = bulk("Ar", "fcc", a=5.3)
    pair.set_cell(30 * np.eye(3))
    pair = pair.repeat((2, 1, 1))
    pair.set_cell(30 * np.eye(3))
    pair.positions[1] = pair.positions[0] + [3.6, 0.5, 0]
    pair.calc = AseLennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF)
    mine = LennardJones(EPSILON, SIGMA, CUTOFF, pair)
    _, force = mine.forces(pair, Neighbours(CUTOFF, [len(pair)]))
    constant = mine.slope * (pair.positions[1] - pair.positions[0]) / pair.get_distance(0, 1)
    np.testing.assert_allclose(force[0] + constant, pair.get_forces()[0], atol=1e-12)


def test_the_lattice_flux_is_the_rate_of_the_site_weighted_energy(argon, sites):
    """J⁰ = d/dt Σ R⁰_i E_i on an open cluster along ASE's velocity Verlet trajectory."""
    cluster = sites[:8]
    cluster.set_cell(60 * np.eye(3))
    source = LennardJones(EPSILON, SIGMA, CUTOFF, cluster)
    atoms = cluster.copy()
    atoms.rattle(0.1, seed=2)
    velocities = np.random.default_rng(0).normal(scale=2e-3, size=(8, 3))
    energies = []
    found = source.flux(atoms, velocities, Neighbours(CUTOFF, [len(atoms)]))
    near = Neighbours(CUTOFF, [len(atoms)])
    _, forces = source.forces(atoms, near)
    acceleration = forces / atoms.get_masses()[:, None] * units.fs**2
    for h in (0.5, -0.5):
        moved, speed = atoms.copy(), velocities + h * acceleration
        moved.positions += h * velocities + 0.5 * h**2 * acceleration
        atomic, _ = source._edges(source._pairs(moved))
        kinetic = 0.5 * atoms.get_masses() * (speed**2).sum(axis=1) / units.fs**2
        energies.append(cluster.positions.T @ (atomic + kinetic))
    rate = energies[0] - energies[1]
    np.testing.assert_allclose(found.lattice[0], rate, rtol=1e-3, atol=1e-4 * np.abs(rate).max())


def test_a_run_has_what_it_says(argon, sites, tmp_path):
    run = record(argon, sites, tmp_path)
    assert run.step == 8.0
    assert run.frame_step == 24.0
    assert run.member == 2
    assert run.flux.shape == (300, 3)
    assert run.full.shape == run.flux.shape
    displacements, velocities = nve.read_frames(tmp_path / "run.h5")
    assert displacements.shape == velocities.shape == (100, 32, 3)
    np.testing.assert_allclose(run.sites.positions, sites.positions)
    assert abs(run.drift) < 1e-6
    assert run.temperature.mean() == pytest.approx(30, rel=0.4)
    # velocities are those of the displacements
    speed = (displacements[2:] - displacements[:-2]) / (2 * run.frame_step)
    assert np.corrcoef(speed.ravel(), velocities[1:-1].ravel())[0, 1] > 0.99


def test_it_is_the_trajectory_of_another_code(argon, sites, tmp_path):
    """From the frame where production begins ASE's velocity Verlet gives the same energies."""
    record(argon, sites, tmp_path, length=3.2)
    displacements, velocities = nve.read_frames(tmp_path / "run.h5")
    atoms = sites.copy()
    atoms.positions += displacements[0]
    atoms.set_velocities(velocities[0] / units.fs)

    class Calculator(AseLennardJones):
        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            energy, forces = argon.forces(atoms, Neighbours(CUTOFF, [len(atoms)]))
            self.results = {"energy": energy, "forces": forces}

    atoms.calc = Calculator()
    dynamics = VelocityVerlet(atoms, 4.0 * units.fs)
    for number in (1, 2, 3):
        dynamics.run(6)
        np.testing.assert_allclose(
            atoms.positions - sites.positions, displacements[number], atol=2e-6
        )


def test_a_killed_run_goes_on_bit_for_bit(argon, sites, tmp_path, monkeypatch):
    monkeypatch.setattr(nve, "CHUNK", 90)
    whole = record(argon, sites, tmp_path / "whole")
    calls = 0
    stock = argon.forces

    def dying(atoms, near):
        nonlocal calls
        calls += 1
        if calls == 400:
            raise KeyboardInterrupt
        return stock(atoms, near)

    monkeypatch.setattr(argon, "forces", dying)
    with pytest.raises(KeyboardInterrupt):
        record(argon, sites, tmp_path / "killed")
    assert not (tmp_path / "killed" / "run.h5").exists()
    again = record(argon, sites, tmp_path / "killed")
    with h5py.File(tmp_path / "whole/run.h5") as one, h5py.File(tmp_path / "killed/run.h5") as two:
        for name in (*nve.SERIES, *nve.FRAMES):
            np.testing.assert_array_equal(one[name][()], two[name][()], err_msg=name)
    np.testing.assert_array_equal(whole.flux, again.flux)


def test_other_seeds_and_settings_are_other_runs(argon, sites, tmp_path):
    one = record(argon, sites, tmp_path)
    two = record(argon, sites, tmp_path, seed=2, out="two.h5")
    assert np.abs(one.flux - two.flux).max() > 1e-6
    assert len(list((tmp_path / "work").iterdir())) == 2
    # the analysis may change without another trajectory
    record(argon, sites, tmp_path, out="three.h5", gauge="full")
    assert len(list((tmp_path / "work").iterdir())) == 2


def test_an_explosion_is_named_and_what_was_computed_stays(argon, sites, tmp_path, monkeypatch):
    monkeypatch.setattr(nve, "CHUNK", 50)
    stock, calls = argon.forces, 0

    def broken(atoms, near):
        nonlocal calls
        calls += 1
        energy, forces = stock(atoms, near)
        return energy, forces * (np.nan if calls == 220 else 1)

    monkeypatch.setattr(argon, "forces", broken)
    run = record(argon, sites, tmp_path)
    assert "exploded" in run.ended
    assert "green_kubo.timestep" in run.ended
    assert len(run.flux) == 50  # whole chunks before it: 200 steps, 100 of equilibration
    assert len(list((tmp_path / "work").glob("*/*.npz"))) == 4


def test_an_explosion_at_once_leaves_an_empty_record(argon, sites, tmp_path, monkeypatch):
    stock = argon.forces
    monkeypatch.setattr(argon, "forces", lambda *a: (0.0, stock(*a)[1] * 1e4))
    run = record(argon, sites, tmp_path)
    assert run.ended
    assert run.flux.shape == (0, 3)
    assert run.drift == 0.0


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"nothing")
    with pytest.raises(InputError, match="green_kubo_trajectory"):
        nve.read(tmp_path / "x.h5")


def test_too_short_a_run_is_refused():
    with pytest.raises(ValueError, match="raise length"):
        settings(length=0.1)
