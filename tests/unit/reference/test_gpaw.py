"""GPAW itself, on two atoms of silicon with coarse settings: the same contract, and physics.

Coarse means 200 eV and 2×2×2 k-points: good enough to compare GPAW with itself.
"""

import numpy as np
import pytest
from ase.build import bulk
from ase.cell import Cell
from conftest import rattled
from engine_contract import EngineContract

from umklapp import config, reference
from umklapp.crystals import frames, symmetry
from umklapp.errors import InputError
from umklapp.reference import Failure, create, relaxation
from umklapp.reference.kpoints import kpoint_mesh

EARLIER_HASH = "s0cff3eeb92de"
"""Of the default settings, in ledgers on disk."""

COARSE = {"ecut": 200.0, "kpoint_density": 0.9}
TIGHT = COARSE | {
    "energy_tolerance": 1e-7,
    "density_tolerance": 1e-7,
    "eigenstate_tolerance": 1e-11,
}


def gpaw(**settings):
    return create(config.Gpaw(**settings))


def distorted():
    return rattled(1, atoms=bulk("Si", a=5.43), amplitude=0.05)


class TestGpaw(EngineContract):
    """Measured against finite differences: force 1.2e-4 eV/Å, trace of the stress 2e-4 eV/Å³.

    Most of it is the error of the differences, which falls with the square of the step. Energies
    of strained cells are compared in the same plane waves (cutoff scaled with the strain), as the
    stress is the derivative at a fixed basis.
    """

    step = 5e-3
    amount = 5e-3
    force_tolerance = 5e-4
    stress_tolerance = 6e-4
    strains = (np.eye(3),)

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls):
        return gpaw(**TIGHT)

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        return distorted()

    def engine_at(self, engine, amount):
        return gpaw(**TIGHT | {"ecut": TIGHT["ecut"] / (1 + amount) ** 2})

    @pytest.fixture
    def broken(self, crystal):
        """The cap is hit in the first attempt and, with careful mixing, in the second."""
        return gpaw(**COARSE, max_iterations=5), crystal, "scf_not_converged", 2

    @pytest.fixture
    def slow(self, engine):
        return engine, 0.3


def test_functionals_press_in_the_known_order(tmp_path):
    """Lattice constants of silicon: LDA < PBEsol < PBE; so do stresses at one volume."""
    trace = {}
    for xc in ("LDA", "PBEsol", "PBE"):
        found = gpaw(**COARSE, xc=xc).label(distorted(), tmp_path, 120)
        assert not isinstance(found, Failure), found
        frames.check(found, xc)
        trace[xc] = found.get_stress()[:3].mean()
    assert trace["LDA"] > trace["PBEsol"] + 2e-3 > trace["PBE"] + 4e-3


def test_force_with_pbesol_is_the_slope_of_its_energy(tmp_path):
    """It runs on another kernel and with data sets of another functional."""
    engine, crystal = gpaw(**TIGHT, xc="PBEsol"), distorted()
    direction = TestGpaw.direction(crystal)
    energy = []
    for step in (0.005, -0.005):
        moved = crystal.copy()
        moved.positions += step * direction
        energy.append(engine.label(moved, tmp_path, 120).get_potential_energy())
    force = (engine.label(crystal, tmp_path, 120).get_forces() * direction).sum()
    assert abs(force) > 0.1
    assert force == pytest.approx(-(energy[0] - energy[1]) / 0.01, abs=5e-4)


def test_second_attempt_can_succeed(tmp_path):
    """A cap too low for the first attempt; the remedy doubles it and mixes carefully."""
    engine = gpaw(**COARSE, max_iterations=9)
    calculators = [
        engine.fresh_calculator(distorted(), tmp_path, attempt=attempt, symmetric=False)
        for attempt in (1, 2)
    ]
    assert [each.parameters.maxiter for each in calculators] == [9, 18]
    assert gpaw(**COARSE).settings_hash == engine.settings_hash  # a cap is no physics


def test_a_finer_grid_forgets_where_the_crystal_lies(tmp_path):
    """A moved crystal has the same forces, but for the grid."""
    here = rattled(1, atoms=bulk("NaCl", "rocksalt", a=5.6), amplitude=0.05)
    moved = here.copy()
    moved.positions += [0.11, 0.05, 0.08]
    change = {}
    for spacing in (None, 0.2):
        engine = gpaw(**TIGHT, xc="PBEsol", grid_spacing=spacing)
        first, second = (engine.label(atoms, tmp_path, 120).get_forces() for atoms in (here, moved))
        change[spacing] = np.abs(first - second).max()
    assert change[0.2] < 0.3 * change[None]


def test_labels_made_before_there_was_a_grid_spacing_are_still_known():
    """The identity without one has no such key."""
    assert gpaw().settings_hash == EARLIER_HASH
    assert gpaw(grid_spacing=0.19).settings_hash != EARLIER_HASH


def test_relaxation_keeps_the_space_group(tmp_path):
    start = symmetry.primitive_cell(bulk("Si", a=5.35))
    relaxed, record = relaxation.relax(start, gpaw(**COARSE), tmp_path, 0.01, 1e-3)
    assert symmetry.space_group(relaxed) == 227
    assert (4 * relaxed.cell.volume) ** (1 / 3) == pytest.approx(5.47, abs=0.04)  # PBE: 5.469 Å
    assert record.stress_eV_per_A3 <= 1e-3
    assert (tmp_path / "gpaw.txt").stat().st_size


@pytest.mark.parametrize(
    ("lengths", "density", "mesh"),
    [
        ([2 * np.pi] * 3, 1.0, (1, 1, 1)),  # reciprocal vectors of exactly 1 Å⁻¹
        ([2 * np.pi] * 3, 2.0, (2, 2, 2)),
        ([2 * np.pi] * 3, 2.01, (3, 3, 3)),
        ([np.pi, 2 * np.pi, 4 * np.pi], 2.0, (4, 2, 1)),
        ([100.0] * 3, 1.0, (1, 1, 1)),
    ],
)
def test_mesh_of_k_points(lengths, density, mesh):
    assert kpoint_mesh(Cell(np.diag(lengths)), density) == mesh


def test_mesh_is_the_same_density_in_a_supercell():
    primitive = bulk("Si", a=5.43)
    one = kpoint_mesh(primitive.cell, 2.0)
    two = kpoint_mesh((primitive * (2, 2, 2)).cell, 2.0)
    assert all(2 * small >= large for small, large in zip(two, one, strict=True))


def test_a_missing_data_set_is_named_before_the_first_job(monkeypatch, tmp_path):
    reference.check(config.Gpaw(), ["Si"])
    reference.check(config.Gpaw(xc="PBEsol"), ["Si"])
    monkeypatch.setattr("gpaw.setup_paths", [tmp_path])
    (tmp_path / "Si.PBE.gz").touch()
    with pytest.raises(InputError, match=r"no data set Pm\.PBE, Tm\.PBE in .*GPAW_SETUP_PATH"):
        reference.check(config.Gpaw(), ["Si", "Tm", "Pm"])
