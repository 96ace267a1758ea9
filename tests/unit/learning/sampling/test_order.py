"""The crystalline order parameter: known values, and its force against finite differences."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from conftest import diamond, rattled
from silicon import StillingerWeberSilicon

from umklapp.learning.sampling.order import CrystallineOrder, OrderBiased, bragg_vectors
from umklapp.potentials.ase import AsePotential

CRYSTALS = {
    "diamond": bulk("Si", a=5.43, cubic=True) * (2, 1, 1),
    "fcc": bulk("Ni", a=3.52, cubic=True) * (2, 2, 2),
    "rock salt": bulk("NaCl", "rocksalt", a=5.6, cubic=True),
    "wurtzite": bulk("ZnO", "wurtzite", a=3.25, c=5.2) * (2, 2, 1),
    "primitive": bulk("Si", a=5.43) * (2, 2, 2),
}


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("shells", [1, 2])
def test_perfect_crystal_has_order_one(name, shells):
    crystal = CRYSTALS[name]
    order = CrystallineOrder(crystal, shells)
    assert order.value(crystal) == pytest.approx(1, abs=1e-9)
    shifted = crystal.copy()
    shifted.positions += [0.3, -1.1, 0.7]
    assert order.value(shifted) == pytest.approx(1, abs=1e-9)
    strained = crystal.copy()
    shape = np.array([[1.1, 0.05, 0], [0, 1, 0], [0, 0, 0.9]])
    strained.set_cell(crystal.cell.array @ shape, scale_atoms=True)
    assert order.value(strained) == pytest.approx(1, abs=1e-9)
    wrapped = rattled(1, 0.8, crystal)
    before = order.value(wrapped)
    wrapped.wrap()
    assert order.value(wrapped) == pytest.approx(before, abs=1e-9)


def test_fcc_vectors_are_those_of_the_paper():
    """The eight shortest of fcc are {111}, each with |ρ|² = N²; one of each pair is taken."""
    vectors, peaks = bragg_vectors(CRYSTALS["fcc"], 1)
    assert len(vectors) == 4
    assert (np.abs(vectors) == 2).all()  # twice the cell in each direction
    np.testing.assert_allclose(peaks, 32**2)


@pytest.mark.parametrize("name", CRYSTALS)
def test_gas_has_little_order(name):
    """Mean over random gases, within its own statistical error of the expected value."""
    crystal = CRYSTALS[name]
    order = CrystallineOrder(crystal)
    generator = np.random.default_rng(0)
    values = []
    for _ in range(400):
        gas = crystal.copy()
        gas.set_scaled_positions(generator.random((len(gas), 3)))
        values.append(order.value(gas))
    error = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(order.gas, abs=4 * error)
    assert order.gas < 0.3


def test_order_falls_with_displacements():
    """Debye–Waller: O = exp(−g²u²) + (1 − exp(−g²u²))/N·… for independent Gaussian shifts."""
    crystal = CRYSTALS["fcc"]
    order = CrystallineOrder(crystal)
    length = 2 * np.pi * np.sqrt(3) / 3.52
    for width in (0.05, 0.2):
        values = [order.value(rattled(seed, width, crystal)) for seed in range(200)]
        factor = np.exp(-((length * width) ** 2))
        expected = factor + (1 - factor) / len(crystal)
        assert np.mean(values) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["diamond", "wurtzite"])
def test_gradient_is_that_of_the_value(name):
    atoms = rattled(3, 0.3, CRYSTALS[name])
    order = CrystallineOrder(CRYSTALS[name], 2)
    gradient = order.gradient(atoms)
    for atom, axis in ((0, 0), (1, 1), (3, 2)):
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * 1e-4
            ends.append(order.value(moved))
        assert gradient[atom, axis] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=1e-7)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-12)


def biased(target, stiffness=2.0):
    crystal = diamond()
    potential = AsePotential(StillingerWeberSilicon())
    return OrderBiased(potential, CrystallineOrder(crystal), stiffness, target)


def test_biased_forces_and_stress_are_gradients():
    atoms, potential = rattled(2, 0.2), biased(0.3)
    found = potential.evaluate([atoms])
    plain = potential.potential.evaluate([atoms])
    assert found.energy[0] > plain.energy[0]
    for atom, axis in ((0, 0), (5, 2)):
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * 1e-4
            ends.append(potential.evaluate([moved]).energy[0])
        assert found.forces[0][atom, axis] == pytest.approx((ends[1] - ends[0]) / 2e-4, abs=1e-5)
    ends = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.set_cell(atoms.cell.array * [1 + sign * 1e-4, 1, 1], scale_atoms=True)
        ends.append(potential.evaluate([moved]).energy[0])
    slope = (ends[0] - ends[1]) / 2e-4 / atoms.cell.volume
    assert found.stress[0, 0] == pytest.approx(slope, abs=1e-5)


def test_bias_pushes_towards_its_target():
    """A step along the bias force alone brings the order nearer to the target, from both sides."""
    order = CrystallineOrder(diamond())
    atoms = rattled(2, 0.3)
    now = order.value(atoms)
    for target in (now - 0.2, now + 0.2):
        potential = biased(target)
        plain = potential.potential.evaluate([atoms]).forces[0]
        push = potential.evaluate([atoms]).forces[0] - plain
        moved = atoms.copy()
        moved.positions += 0.01 * push / np.abs(push).max()
        assert abs(order.value(moved) - target) < abs(now - target)


def test_one_atom_has_a_crystal_too():
    order = CrystallineOrder(Atoms("Cu", cell=np.eye(3) * 2.5, pbc=True))
    assert order.value(Atoms("Cu", cell=np.eye(3) * 2.5, pbc=True)) == pytest.approx(1)
