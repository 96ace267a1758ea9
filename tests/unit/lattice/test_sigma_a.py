import h5py
import numpy as np
import pytest

from umklapp.lattice import sigma_a
from umklapp.lattice.sigma_a import RunningSigma


@pytest.fixture(scope="module")
def argon(shared):
    """FHI-vibes' own numbers: 108 argon atoms, 51 frames."""
    with h5py.File(shared / "data/vibes/argon_green_kubo.nc") as file:
        names = ("forces", "forces_harmonic", "sigma_per_sample")
        arrays = {name: file[name][()] for name in names}
        return {**arrays, "sigma": float(file.attrs["sigma"][0])}


def test_sigma_is_that_of_fhi_vibes(argon):
    found = sigma_a.sigma(argon["forces"], argon["forces_harmonic"])
    np.testing.assert_allclose(found, argon["sigma_per_sample"], rtol=1e-12)


@pytest.mark.parametrize("size", [1, 7, 51])
def test_a_stream_gives_the_same_sigma_however_it_is_cut(argon, size):
    running = RunningSigma()
    for first in range(0, 51, size):
        part = slice(first, first + size)
        running.add(argon["forces"][part], argon["forces_harmonic"][part])
    value, error = running.result()
    assert value == pytest.approx(argon["sigma"], rel=1e-6)
    assert (0 < error < 0.05) is (size < 51)


def test_a_harmonic_crystal_has_none_and_a_reversed_one_two():
    harmonic = np.random.default_rng(0).normal(size=(4, 8, 3))
    np.testing.assert_allclose(sigma_a.sigma(harmonic, harmonic), 0, atol=1e-12)
    np.testing.assert_allclose(sigma_a.sigma(-harmonic, harmonic), 2)
    assert np.isnan(sigma_a.sigma(np.zeros((8, 3)), np.zeros((8, 3))))


def test_the_error_of_a_stream_is_the_jackknife_by_hand():
    running = RunningSigma()
    for rest in (1.0, 2.0, 4.0):
        running.add(np.full((1, 1, 3), np.sqrt(4.0)), np.full((1, 1, 3), 2.0 - np.sqrt(rest)))
    value, error = running.result()
    assert value == pytest.approx(np.sqrt(7 / 12))
    left_out = np.sqrt(np.array([6.0, 5.0, 3.0]) / 8)
    assert error == pytest.approx(np.sqrt(2 / 3 * ((left_out - left_out.mean()) ** 2).sum()))


def test_the_error_of_a_stream_is_the_scatter_of_independent_streams():
    generator, values, errors = np.random.default_rng(5), [], []
    for _ in range(300):
        running = RunningSigma()
        for _ in range(20):
            forces = generator.normal(size=(1, 4, 3))
            running.add(forces, forces - 0.4 * generator.normal(size=(1, 4, 3)))
        value, error = running.result()
        values.append(value)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)
