"""Replicas in common arrays against each of them alone."""

import numpy as np
import pytest
from ase.build import bulk

from umklapp.learning.sampling import kinetics
from umklapp.learning.sampling.replicas import Replica, Replicas

TARGETS = (300.0, 900.0, 600.0)


def three():
    """Replicas of other sizes, species and temperatures, with forces and velocities."""
    starts = [bulk("NaCl", "rocksalt", a=5.6, cubic=True), bulk("Si"), bulk("LiI", "rocksalt", a=6)]
    generators = np.random.default_rng(0).spawn(3)
    found = Replicas(
        [Replica.of(n, start, TARGETS[n], 2, generators[n]) for n, start in enumerate(starts)]
    )
    found.velocities = found.thermal()
    found.forces = np.random.default_rng(1).normal(size=found.positions.shape)
    return found


def rows(replicas, place):
    return slice(replicas.starts[place], replicas.starts[place] + replicas.sizes[place])


def test_thermal_velocities_are_those_of_every_replica_alone():
    found = three()
    for place, generator in enumerate(np.random.default_rng(0).spawn(3)):
        masses = found.replicas[place].atoms.get_masses()
        alone = kinetics.maxwell_boltzmann(masses, TARGETS[place], generator)
        np.testing.assert_array_equal(found.velocities[rows(found, place)], alone)


def test_energies_and_temperatures_are_of_one_replica_each():
    found = three()
    for place, replica in enumerate(found.replicas):
        own, masses = found.velocities[rows(found, place)], replica.atoms.get_masses()
        assert found.kinetic()[place] == pytest.approx(kinetics.kinetic_energy(masses, own))
        warmth = kinetics.kinetic_temperature(masses, own)
        assert found.temperature()[place] == pytest.approx(warmth)
        largest = np.linalg.norm(found.forces[rows(found, place)], axis=1).max()
        state = found.states(np.zeros(3), np.ones(3), np.zeros(3), free=True)[place]
        assert (state.force, state.finite, state.drift) == (largest, True, 0.0)


def test_forces_that_are_no_numbers_are_seen_where_they_are():
    found = three()
    found.forces[found.starts[1]] = np.nan
    states = found.states(np.zeros(3), np.ones(3), np.zeros(3), free=False)
    assert [state.finite for state in states] == [True, False, True]


@pytest.mark.parametrize("barostat", [None, kinetics.Barostat(anisotropic=True)])
def test_those_that_stay_go_on_as_they_were(barostat):
    """Bit by bit, whoever was beside them; their frames follow."""
    together, fewer = three(), three().select([0, 2])
    for replicas in (together, fewer):
        for _ in range(3):
            replicas.move(2.0, 0.02, barostat)
    for place, number in enumerate((0, 2)):
        atoms, same = fewer.replicas[place].atoms, together.replicas[number].atoms
        np.testing.assert_array_equal(atoms.positions, same.positions)
        np.testing.assert_array_equal(atoms.cell.array, same.cell.array)
        np.testing.assert_array_equal(atoms.positions, fewer.positions[rows(fewer, place)])
        assert np.abs(atoms.positions - three().replicas[number].atoms.positions).max() > 1e-3
        np.testing.assert_array_equal(
            fewer.velocities[rows(fewer, place)], together.velocities[rows(together, number)]
        )
        assert fewer.heat[place] == together.heat[number] != 0
