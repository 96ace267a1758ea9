"""What every reference engine promises; a new engine subclasses `EngineContract` and runs it."""

import time

import numpy as np
import pytest
from ase import Atoms

from umklapp.crystals import frames
from umklapp.reference import Failure


def displaced(atoms: Atoms, direction: np.ndarray, length: float) -> Atoms:
    """Atoms moved along one direction of configuration space."""
    moved = atoms.copy()
    moved.positions += length * direction
    return moved


def strained(atoms: Atoms, strain: np.ndarray, amount: float) -> Atoms:
    """Atoms and cell deformed by `amount` times a symmetric strain."""
    found = atoms.copy()
    found.set_cell(atoms.cell.array @ (np.eye(3) + amount * strain), scale_atoms=True)
    return found


class EngineContract:
    """Energies, forces and stresses belong together; what goes wrong becomes a `Failure`.

    Subclasses give fixtures: `engine`, `crystal` (a frame without symmetry) and `broken`
    (an engine, a frame that it cannot label, the reason, the number of attempts), and may change
    the numbers below.
    """

    step = 1e-3
    """Å"""
    amount = 1e-3
    """strain"""
    force_tolerance = 1e-4
    """eV/Å"""
    stress_tolerance = 1e-5
    """eV/Å³"""
    timeout = 120.0
    strains = tuple(
        np.array(strain, float)
        for strain in (
            [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 0, 0], [0, 0, 1]],
            [[0, 0, 0], [0, 0, 0.5], [0, 0.5, 0]],
            [[0, 0, 0.5], [0, 0, 0], [0.5, 0, 0]],
            [[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]],
        )
    )

    @staticmethod
    def direction(crystal):
        """A random unit vector in the space of all positions."""
        found = np.random.default_rng(7).normal(size=crystal.positions.shape)
        return found / np.linalg.norm(found)

    def engine_at(self, engine, amount):
        """The engine to use at a strain; plane-wave engines keep their basis with it."""
        return engine

    def energy(self, engine, atoms, workdir):
        """Energy of a frame that must have a label."""
        found = engine.label(atoms, workdir, self.timeout)
        assert not isinstance(found, Failure), found
        return found.get_potential_energy()

    @pytest.fixture(scope="class")
    @classmethod
    def workdir(cls, tmp_path_factory):
        """Scratch of the engine."""
        return tmp_path_factory.mktemp("engine")

    @pytest.fixture(scope="class")
    @classmethod
    def label(cls, engine, crystal, workdir):
        """Label of the crystal, calculated once."""
        found = engine.label(crystal, workdir, cls.timeout)
        assert not isinstance(found, Failure), found
        return found

    def test_label_is_complete_and_finite(self, engine, crystal, label):
        frames.check(label, "contract")
        assert np.isfinite(label.get_potential_energy())
        assert label.get_forces().shape == (len(crystal), 3)
        assert np.abs(label.get_forces()).max() > 0.01  # the crystal is not a perfect one
        if frames.has_stress(label):
            assert label.get_stress().shape == (6,)

    def test_label_says_what_it_is_and_where_from(self, engine, crystal, label):
        assert label.info["frame_id"] == frames.frame_id(crystal)
        assert label.info["engine"] == engine.name
        assert label.info["settings_hash"] == engine.settings_hash
        assert engine.settings_hash

    def test_label_keeps_the_frame(self, crystal, label):
        assert np.array_equal(label.numbers, crystal.numbers)
        np.testing.assert_array_equal(label.cell.array, crystal.cell.array)
        np.testing.assert_allclose(label.positions, crystal.positions, atol=0.51e-8, rtol=0)
        assert label.pbc.all()
        assert crystal.calc is None

    def test_forces_are_the_slope_of_the_energy(self, engine, crystal, label, workdir):
        direction = self.direction(crystal)
        up, down = (
            self.energy(engine, displaced(crystal, direction, sign * self.step), workdir)
            for sign in (1, -1)
        )
        slope = (up - down) / (2 * self.step)
        force = float((label.get_forces() * direction).sum())
        assert abs(force) > 20 * self.force_tolerance  # else the comparison says nothing
        assert force == pytest.approx(-slope, abs=self.force_tolerance)

    def test_stress_is_the_slope_of_the_energy(self, engine, crystal, label, workdir):
        stress = frames.stress_of(label)
        assert np.abs(stress).max() > 20 * self.stress_tolerance
        xx, yy, zz, yz, xz, xy = stress
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        for strain in self.strains:
            up, down = (
                self.energy(
                    self.engine_at(engine, sign * self.amount),
                    strained(crystal, strain, sign * self.amount),
                    workdir,
                )
                for sign in (1, -1)
            )
            slope = (up - down) / (2 * self.amount * crystal.cell.volume)
            expected = float((tensor * strain).sum())
            assert expected == pytest.approx(slope, abs=self.stress_tolerance), strain

    def test_what_goes_wrong_is_a_failure_with_its_reason(self, broken, workdir):
        engine, atoms, reason, attempts = broken
        found = engine.label(atoms, workdir, self.timeout)
        assert isinstance(found, Failure)
        assert found.frame_id == frames.frame_id(atoms)
        assert (found.reason, found.attempts) == (reason, attempts)
        assert found.message

    def test_time_that_runs_out_is_a_failure(self, slow, crystal, workdir):
        engine, timeout = slow
        begin = time.monotonic()
        found = engine.label(crystal, workdir, timeout)
        assert isinstance(found, Failure)
        assert (found.reason, found.attempts) == ("timeout", 1)  # a second try would be as slow
        assert f"{timeout:g} s" in found.message
        assert time.monotonic() - begin < timeout + 10
