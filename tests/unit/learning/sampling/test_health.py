import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st
from models import LATTICE, silicon_cubic

from umklapp.crystals import sites
from umklapp.learning.sampling import health

LIMITS = health.Limits(temperature=1500.0, distance=1.5, force=20.0, uncertainty=3.0, drift=0.1)


def complaint(atoms, forces, temperature, **more):
    """What the monitor says of a frame."""
    distance = sites.shortest_distance(atoms)
    state = health.State.of(atoms.positions, forces, temperature, distance, **more)
    return health.complaint(state, LIMITS)


def test_a_crystal_is_fine():
    assert complaint(silicon_cubic(), np.zeros((8, 3)), 300.0) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["forces", "positions"])
def test_numbers_that_are_not_finite(bad, where):
    atoms, forces = silicon_cubic(), np.zeros((8, 3))
    (forces if where == "forces" else atoms.positions)[3, 1] = bad
    assert "not finite" in complaint(atoms, forces, 300.0)


def test_too_hot():
    assert complaint(silicon_cubic(), np.zeros((8, 3)), 1501.0) == "temperature 1501 K above 1500 K"
    assert complaint(silicon_cubic(), np.zeros((8, 3)), 1500.0) is None


def test_the_length_of_a_force_counts_not_its_components():
    forces = np.zeros((8, 3))
    forces[5] = [12.0, 12.0, 12.0]  # 20.8
    assert complaint(silicon_cubic(), forces, 300.0) == "force 20.8 eV/Å above 20.0 eV/Å"
    forces[5] = [11.5, 11.5, 11.5]  # 19.9
    assert complaint(silicon_cubic(), forces, 300.0) is None


def test_two_atoms_too_close_also_across_the_border():
    atoms = silicon_cubic()
    atoms.positions[1] = atoms.positions[0] + [0, 0, LATTICE - 1.2]
    assert complaint(atoms, np.zeros((8, 3)), 300.0) == "two atoms 1.20 Å apart, limit 1.50 Å"


def test_shortest_distance():
    assert sites.shortest_distance(silicon_cubic()) == pytest.approx(LATTICE * np.sqrt(3) / 4)
    alone = Atoms("Si", cell=[6, 6, 6], pbc=True)
    assert sites.shortest_distance(alone) == float("inf")
    assert sites.shortest_distance(alone, search=7.0) == pytest.approx(6)


@given(st.floats(0.5, 3.5), st.floats(-20, 20))
def test_shortest_distance_of_a_pair_anywhere(distance, offset):
    atoms = Atoms("Si2", cell=[9, 9, 9], pbc=True)
    atoms.positions[:] = offset
    atoms.positions[1, 0] += distance
    assert sites.shortest_distance(atoms) == pytest.approx(distance, abs=1e-9)


def test_members_that_differ_too_much():
    still = np.zeros((8, 3))
    found = complaint(silicon_cubic(), still, 300.0, uncertainty=3.1)
    assert found == "the members differ by 3.1 eV/Å, limit 3.0 eV/Å"
    assert complaint(silicon_cubic(), still, 300.0, uncertainty=3.0) is None


@pytest.mark.parametrize("drift", [0.11, -0.11])
def test_a_drift_in_either_direction(drift):
    found = complaint(silicon_cubic(), np.zeros((8, 3)), 300.0, drift=drift)
    assert "drifted by" in found
    assert "timestep" in found
