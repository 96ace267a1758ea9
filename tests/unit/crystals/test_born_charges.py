"""Born charges of a crystal: symmetry, sum over the cell, other axes and orders of atoms."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from perovskite import of_perovskite, perovskite
from scipy.spatial.transform import Rotation

from umklapp.crystals import born_charges
from umklapp.crystals.born_charges import BornCharges, SiteSymmetry
from umklapp.errors import InputError


def wurtzite():
    return bulk("ZnO", "wurtzite", a=3.25, c=5.2)


def orthorhombic():
    """Pmn2_1-like: one mirror, tensors with off-diagonal elements."""
    sites = [[0, 0.1, 0.0], [0.5, 0.9, 0.5], [0.0, 0.4, 0.3], [0.5, 0.6, 0.8]]
    return Atoms("GaGaAsAs", cell=[4.0, 5.0, 6.0], scaled_positions=sites, pbc=True)


@pytest.mark.parametrize(
    ("atoms", "polar"),
    [
        (bulk("Si", a=5.43), False),
        (bulk("Cu", a=3.6), False),
        (bulk("NaCl", "rocksalt", a=5.6), True),
        (wurtzite(), True),
        (perovskite(), True),
        (orthorhombic(), True),
    ],
)
def test_symmetry_says_which_crystals_are_polar(atoms, polar):
    assert born_charges.is_polar(atoms) == polar


def test_one_tensor_per_species_is_turned_to_the_other_sites():
    tensors = {"K": np.eye(3) * 1.2, "Zn": np.eye(3) * 2.2, "F": np.diag([-0.9, -0.9, -1.6])}
    found = born_charges.of_species(tensors, perovskite(), "here")
    np.testing.assert_allclose(found, of_perovskite(), atol=1e-12)


def test_a_tensor_that_no_site_of_its_species_has_is_refused():
    tensors = {"K": np.eye(3) * 1.2, "Zn": np.eye(3) * 2.2, "F": np.diag([-0.9, -1.2, -1.6])}
    with pytest.raises(InputError, match="the tensor of F fits no site of that species"):
        born_charges.of_species(tensors, perovskite(), "here")


def test_independent_atoms_are_enough():
    wanted = of_perovskite()
    found = born_charges.of_sites(list(wanted[:3]), perovskite(), "here")
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    with pytest.raises(InputError, match=r"5 atoms need one each, or the 3 independent ones: K"):
        born_charges.of_sites(list(wanted[:4]), perovskite(), "here")


def test_what_is_checked_has_the_sum_and_the_symmetry():
    noise = np.random.default_rng(0).normal(scale=0.005, size=(5, 3, 3))
    found = born_charges.checked(of_perovskite() + noise, 2.0 * np.eye(3), perovskite(), "here")
    assert np.abs(found.charges.sum(axis=0)).max() < 1e-12
    again = SiteSymmetry.of(perovskite()).average(found.charges)
    np.testing.assert_allclose(again, found.charges, atol=1e-12)
    np.testing.assert_allclose(found.charges, of_perovskite(), atol=0.02)


def test_tensors_in_another_order_are_refused():
    swapped = of_perovskite()[[0, 1, 3, 2, 4]]
    with pytest.raises(InputError, match="do not have the symmetry of the crystal"):
        born_charges.checked(swapped, 2.0 * np.eye(3), perovskite(), "here")


def test_impossible_numbers_are_refused():
    charges = of_perovskite()
    with pytest.raises(InputError, match="do not add up to zero over the cell"):
        born_charges.checked(charges + 0.1 * np.eye(3), 2.0 * np.eye(3), perovskite(), "here")
    with pytest.raises(InputError, match="ε∞ is below 1"):
        born_charges.checked(charges, 0.8 * np.eye(3), perovskite(), "here")


@pytest.mark.parametrize("crystal", [perovskite, wurtzite, orthorhombic])
@settings(max_examples=10)
@given(seed=st.integers(0, 2**16))
def test_other_axes_and_another_order_are_laid_on_ours(crystal, seed):
    """Also where tensors have off-diagonal elements: the physics turns along with the crystal."""
    generator = np.random.default_rng(seed)
    atoms = crystal()
    group = SiteSymmetry.of(atoms)
    charges = group.average(generator.normal(size=(len(atoms), 3, 3)))
    ours = BornCharges(charges - charges.mean(axis=0), group.of_crystal(np.eye(3) * 3))
    turn = Rotation.random(random_state=seed).as_matrix()
    order = generator.permutation(len(atoms))
    theirs = atoms.copy()
    theirs.set_cell(atoms.cell.array @ turn.T, scale_atoms=True)
    theirs.positions += generator.normal(size=3)
    theirs = theirs[order]
    given_there = BornCharges(
        np.array([turn @ ours.charges[atom] @ turn.T for atom in order]),
        turn @ ours.dielectric @ turn.T,
    )
    found = given_there.laid_on(theirs, atoms, "there")
    np.testing.assert_allclose(found.charges, ours.charges, atol=1e-6)
    np.testing.assert_allclose(found.dielectric, ours.dielectric, atol=1e-6)


def test_another_cell_is_refused():
    charges = BornCharges(np.zeros((2, 3, 3)), np.eye(3))
    with pytest.raises(InputError, match="not the primitive cell"):
        charges.laid_on(bulk("NaCl", "rocksalt", a=5.6), perovskite(), "there")


@pytest.mark.parametrize("which", ["charges", "dielectric"])
def test_numbers_that_are_none(which):
    primitive = bulk("NaCl", "rocksalt", a=5.6)
    numbers = {"charges": np.array([np.eye(3), -np.eye(3)]), "dielectric": 2.4 * np.eye(3)}
    numbers[which] = np.full_like(numbers[which], np.nan)
    with pytest.raises(InputError, match="no finite number"):
        born_charges.checked(numbers["charges"], numbers["dielectric"], primitive, "here")
