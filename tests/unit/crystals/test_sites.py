"""Displacements from sites: images, drift, strain, skewed cells."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.geometry import get_distances
from hypothesis import given
from hypothesis import strategies as st

from umklapp.crystals import sites


def triclinic() -> Atoms:
    """Five atoms in a skewed cell, two species."""
    cell = [[6.0, 0.2, 0.0], [2.7, 5.1, 0.3], [1.9, -2.0, 6.5]]
    places = [[0, 0, 0], [0.5, 0.1, 0.2], [0.2, 0.6, 0.4], [0.7, 0.5, 0.7], [0.3, 0.2, 0.8]]
    return Atoms("CuAuCuAuCu", cell=cell, scaled_positions=places, pbc=True)


@given(st.integers(0, 10**6))
def test_wraps_drift_and_strain_change_nothing(seed):
    generator, perfect = np.random.default_rng(seed), triclinic()
    u = generator.normal(scale=0.1, size=(5, 3))
    u -= u.mean(axis=0)
    small = generator.normal(scale=0.003, size=(3, 3))
    frame = perfect.copy()
    frame.positions += u + generator.uniform(-9, 9, 3)
    frame.positions += generator.integers(-3, 4, size=(5, 3)) @ frame.cell.array
    np.testing.assert_allclose(sites.of_frames([frame], perfect), [u], atol=1e-9)
    frame.set_cell(frame.cell.array @ (np.eye(3) + small), scale_atoms=True)
    np.testing.assert_allclose(sites.of_frames([frame], perfect), [u], atol=1e-9)


@given(st.integers(0, 10**6))
def test_the_nearest_image_is_the_shortest_of_all(seed):
    """Rounding fractional coordinates is not enough in a skewed cell."""
    perfect = triclinic()
    vectors = np.random.default_rng(seed).normal(scale=8, size=(4, 3))
    steps = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), -1).reshape(-1, 3) @ perfect.cell.array
    shortest = np.linalg.norm(vectors[:, None] + steps, axis=-1).min(axis=1)
    found = sites.nearest_image(vectors, perfect.cell.array)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), shortest)
    whole = (found - vectors) @ np.linalg.inv(perfect.cell.array)
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-9)


def test_an_atom_that_hopped_leaves_the_others_on_their_sites():
    perfect = bulk("Cu", "fcc", a=3.6, cubic=True) * (3, 3, 3)
    frame = perfect.copy()
    frame.positions[7] += [1.8, 0, 0]
    found = sites.of_frames([frame], perfect)[0]
    np.testing.assert_allclose(found[7], [1.8 - 1.8 / 108, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-9)


@given(st.integers(0, 10**6))
def test_strain_is_what_is_left_without_the_rotation(seed):
    generator = np.random.default_rng(seed)
    perfect = triclinic().cell.array
    small = generator.normal(scale=0.01, size=(3, 3))
    small += small.T
    rotation = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    found = sites.strain(perfect @ (np.eye(3) + small) @ rotation, perfect)
    np.testing.assert_allclose(found, small, atol=1e-12)


def test_a_cell_is_the_same_up_to_small_strain():
    perfect = triclinic()

    def strained(size):
        frame = perfect.copy()
        frame.set_cell(frame.cell.array @ (np.eye(3) * (1 + size)), scale_atoms=True)
        return frame

    assert sites.in_cell(strained(9e-4), perfect, sites.SAME_CELL)
    assert not sites.in_cell(strained(2e-3), perfect, sites.SAME_CELL)
    assert sites.in_cell(strained(-0.009), perfect)
    assert not sites.in_cell(strained(0.02), perfect)
    assert not sites.in_cell(perfect[[1, 0, 2, 3, 4]], perfect)
    assert not sites.in_cell(perfect[:4], perfect)
    turned = perfect.copy()
    turned.rotate(90, "z", rotate_cell=True)
    assert not sites.in_cell(turned, perfect)


@pytest.mark.parametrize("atoms", [bulk("Cu", a=3.6), bulk("NaCl", "rocksalt", a=5.6), triclinic()])
def test_the_bond_is_the_shortest_distance_with_images(atoms):
    lengths = get_distances((atoms * (3, 3, 3)).positions, cell=atoms.cell * 3, pbc=True)[1]
    np.fill_diagonal(lengths, np.inf)
    assert sites.bond_length(atoms) == pytest.approx(lengths.min())
