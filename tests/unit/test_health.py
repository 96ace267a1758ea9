import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st
from models import LATTICE, silicon_cubic

from umklapp.sampling import health

LIMITS = health.Limits(temperature=1500.0, distance=1.5, force=20.0)


def test_a_crystal_is_fine():
    assert health.complaint(silicon_cubic(), np.zeros((8, 3)), 300.0, LIMITS) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["forces", "positions"])
def test_numbers_that_are_not_finite(bad, where):
    atoms, forces = silicon_cubic(), np.zeros((8, 3))
    (forces if where == "forces" else atoms.positions)[3, 1] = bad
    assert "not finite" in health.complaint(atoms, forces, 300.0, LIMITS)


def test_too_hot():
    assert (
        health.complaint(silicon_cubic(), np.zeros((8, 3)), 1501.0, LIMITS)
        == "temperature 1501 K above 1500 K"
    )
    assert health.complaint(silicon_cubic(), np.zeros((8, 3)), 1500.0, LIMITS) is None


def test_the_length_of_a_force_counts_not_its_components():
    forces = np.zeros((8, 3))
    forces[5] = [12.0, 12.0, 12.0]  # 20.8
    assert (
        health.complaint(silicon_cubic(), forces, 300.0, LIMITS)
        == "force 20.8 eV/Å above 20.0 eV/Å"
    )
    forces[5] = [11.5, 11.5, 11.5]  # 19.9
    assert health.complaint(silicon_cubic(), forces, 300.0, LIMITS) is None


def test_two_atoms_too_close_also_across_the_border():
    atoms = silicon_cubic()
    atoms.positions[1] = atoms.positions[0] + [0, 0, LATTICE - 1.2]
    assert (
        health.complaint(atoms, np.zeros((8, 3)), 300.0, LIMITS)
        == "two atoms 1.20 Å apart, limit 1.50 Å"
    )


def test_shortest_distance():
    assert health.shortest_distance(silicon_cubic()) == pytest.approx(LATTICE * np.sqrt(3) / 4)
    alone = Atoms("Si", cell=[6, 6, 6], pbc=True)
    assert health.shortest_distance(alone) == float("inf")
    assert health.shortest_distance(alone, search=7.0) == pytest.approx(6)


@given(st.floats(0.5, 3.5), st.floats(-20, 20))
def test_shortest_distance_of_a_pair_anywhere(distance, offset):
    atoms = Atoms("Si2", cell=[9, 9, 9], pbc=True)
    atoms.positions[:] = offset
    atoms.positions[1, 0] += distance
    assert health.shortest_distance(atoms) == pytest.approx(distance, abs=1e-9)
