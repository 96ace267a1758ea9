"""Lifetimes of a committee: against κ of the same file, gaps, and what could not be computed."""

import h5py
import numpy as np
import pytest
from ase import units
from models import silicon_phonons

from umklapp import config
from umklapp.errors import InputError
from umklapp.transport import bte, mode_lifetimes, modes
from umklapp.transport.mode_lifetimes import ModeLifetimes

MESH = [4, 4, 4]


@pytest.fixture(scope="module")
def silicon(tmp_path_factory):
    """Phonons of silicon as phono3py writes them, and the volume of its cell (Å³)."""
    path, phonon = tmp_path_factory.mktemp("modes") / "modes.hdf5", silicon_phonons()
    assert bte.solve(phonon, config.Conductivity(), MESH, -0.05, path).kappa is not None
    return path, phonon.primitive.volume


def file(path, gamma, temperature=300.0):
    """A file with two q-points, of weights 1 and 3, and two bands of 2 and 4 THz."""
    with h5py.File(path, "w") as target:
        target["temperature"] = [100.0, temperature]
        target["gamma"] = np.stack([np.full((2, 2), 9.0), gamma])
        target["frequency"] = [[2.0, 4.0], [2.0, 4.0]]
        target["weight"] = [1, 3]
        target["mesh"] = [2, 2, 1]
        target["kappa"] = np.ones((2, 6))
    return path


def test_lifetimes_give_kappa_with_heat_capacity_and_velocity(silicon):
    """κ = Σ C v² τ / (3 V N), every factor from the same file."""
    path, volume = silicon
    lifetimes = np.nan_to_num(modes.read_linewidths(path, 300.0).lifetimes)
    with h5py.File(path) as solved:
        place = list(solved["temperature"][()]).index(300.0)
        capacity = solved["heat_capacity"][place] * units._e  # J/K
        squares = solved["gv_by_gv"][..., :3].sum(axis=-1) * 1e4  # m²/s², from (THz Å)²
        weights, kappa = solved["weight"][()], solved["kappa"][place, :3].mean()
    total = (capacity * squares * lifetimes * 1e-12).sum() / (3 * volume * 1e-30 * weights.sum())
    assert total == pytest.approx(kappa, rel=1e-4)


def test_mean_and_spread_over_the_members_and_a_mode_that_cannot_decay(tmp_path):
    one = file(tmp_path / "0.hdf5", [[0.0, 0.1], [0.2, 0.4]])
    two = file(tmp_path / "1.hdf5", [[0.1, 0.1], [0.1, 0.4]])
    record = mode_lifetimes.of_material("Si-227", 2, [one, two], [one])
    record.write(tmp_path / "lifetimes.json")
    record = ModeLifetimes.read(tmp_path / "lifetimes.json")
    assert (record.mesh, record.weights, record.temperature_K) == ([2, 2, 1], [1, 3], 300.0)
    tau = 1 / (4 * np.pi * 0.4)
    assert (record.first.round, record.last.round, record.last.members) == (0, 2, 2)
    assert record.last.lifetimes_ps[0][0] is None
    assert record.last.lifetimes_ps[1] == pytest.approx([3 * tau, tau], rel=1e-5)
    assert record.last.std_ps[1] == pytest.approx([np.std([2, 4], ddof=1) * tau, 0.0], rel=1e-5)
    assert record.first.lifetimes_ps[0] == [None, pytest.approx(4 * tau, rel=1e-5)]
    assert record.first.std_ps == [[None, None], [None, None]], "one member has no spread"


def test_a_committee_without_kappa_says_why(tmp_path):
    good, bad = file(tmp_path / "0.hdf5", np.full((2, 2), 0.1)), tmp_path / "1.hdf5"
    modes.write_reason(bad, "not dynamically stable")
    record = mode_lifetimes.of_material("Si-227", 1, [good, good], [good, bad])
    assert record.first.not_computed == "member 1: not dynamically stable"
    assert record.first.lifetimes_ps == []
    assert record.mesh == [2, 2, 1]
    other = mode_lifetimes.of_material("Si-227", 1, [bad], [good])
    assert (other.last.lifetimes_ps, other.weights) == ([], [1, 3])
    assert mode_lifetimes.of_material("Si-227", 0, [good], []).first is None


def test_no_lifetimes_at_300_kelvin(tmp_path):
    path = file(tmp_path / "0.hdf5", np.full((2, 2), 0.1), temperature=400.0)
    with pytest.raises(InputError, match=r"0\.hdf5: no 300 K, the file has"):
        mode_lifetimes.of_material("Si-227", 0, [path], [])
