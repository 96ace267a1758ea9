"""Foundation models behind the potential contract, in this process and in a worker."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from umklapp import config
from umklapp.errors import CalculationError, InputError
from umklapp.potentials import foundation
from umklapp.potentials.foundation import FoundationPotential

NAMED = "ase.calculators.emt:EMT"

TINY = """
import json, sys, jax
from nequix.model import Nequix, save_model
shape = dict(hidden_irreps="4x0e + 4x1o", lmax=1, cutoff=4.0, n_layers=2, radial_basis_size=4,
             radial_mlp_size=8, radial_mlp_layers=1, radial_polynomial_p=6.0, mlp_init_scale=4.0,
             index_weights=False, layer_norm=True, shift=0.0, scale=1.0, avg_n_neighbors=10.0)
model = Nequix(key=jax.random.key(1), n_species=2, **shape)
save_model(sys.argv[1], model, {**shape, "atomic_numbers": [11, 17]})
"""


class Pushed(Calculator):
    """Harmonic to the origin, with a force that is the same on all atoms."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, push):
        super().__init__()
        self.push = push

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        moved = self.atoms.positions - self.atoms.positions.mean(axis=0)
        self.results = {"energy": 0.5 * (moved**2).sum(), "forces": -moved + [self.push, 0, 0]}


def pushed(push):
    return FoundationPotential(
        config.CalculatorModel(calculator="test_foundation:Pushed", parameters={"push": push})
    )


@pytest.fixture(scope="module")
def crystals():
    found = []
    for atoms, seed in ((bulk("Cu", cubic=True), 1), (bulk("Al") * (2, 1, 3), 2)):
        atoms.rattle(0.08, seed=seed)
        found.append(atoms)
    return found


def exact(atoms):
    """EMT's own energy, forces and stress."""
    own = atoms.copy()
    own.calc = EMT()
    return own.get_potential_energy(), own.get_forces(), own.get_stress()


@pytest.mark.parametrize("environment", [None, sys.prefix])
def test_a_calculator_says_the_same_here_and_in_a_worker(crystals, environment):
    model = config.CalculatorModel(calculator=NAMED, environment=environment)
    prediction = FoundationPotential(model).evaluate(crystals)
    for place, atoms in enumerate(crystals):
        energy, forces, stress = exact(atoms)
        assert prediction.energy[place] == pytest.approx(energy, abs=1e-10)
        np.testing.assert_allclose(prediction.forces[place], forces, atol=1e-10)
        np.testing.assert_allclose(prediction.stress[place], stress, atol=1e-12)


def test_a_small_mean_force_is_subtracted_and_a_large_one_refused(crystals):
    potential = pushed(0.01)
    forces = potential.evaluate(crystals[:1]).forces[0]
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-12)
    assert potential.largest_mean_force == pytest.approx(0.01)
    with pytest.raises(CalculationError, match=r"the mean 0\.5 eV/Å per atom"):
        pushed(0.5).evaluate(crystals[:1])


def test_forces_that_are_not_finite_are_refused(crystals):
    with pytest.raises(CalculationError, match="are nan"):
        pushed(np.nan).evaluate(crystals[:1])


def test_a_calculator_is_checked_before_the_first_job():
    model = config.CalculatorModel(calculator=NAMED)
    assert foundation.check(model, ["Cu"], "foundation.").package == "ase"
    with pytest.raises(InputError, match=r"foundation.model.*cannot be imported"):
        foundation.check(config.CalculatorModel(calculator="no.such:Thing"), [], "foundation.")


@pytest.mark.parametrize("environment", [None, sys.prefix])
def test_a_calculator_is_tried_on_every_crystal(crystals, environment):
    iron, mixed = bulk("Fe"), crystals[0].copy()
    mixed.symbols[0] = "W"
    model = config.CalculatorModel(calculator=NAMED, environment=environment)
    tried = {"Cu-225": crystals[0], "Fe-229": iron, "Cu3W": mixed}
    problems = foundation.try_out(model, tried, "foundation.")
    assert [problem.split(":")[1].split()[-1] for problem in problems] == ["Fe-229", "Cu3W"]
    assert problems[0].startswith("foundation.model: cannot evaluate Fe-229: ")


@pytest.mark.parametrize("environment", [None, sys.prefix])
def test_forces_that_do_not_sum_to_zero_are_named_before_the_first_job(crystals, environment):
    crystal = crystals[0]
    model = config.CalculatorModel(
        calculator="ase.calculators.harmonic:SpringCalculator",
        parameters={"ideal_positions": crystal.positions.tolist(), "k": 100.0},
        environment=environment,
    )
    (problem,) = foundation.try_out(model, {"Cu-225": crystal}, "reference.")
    assert problem.startswith("reference.model: cannot evaluate Cu-225: ")
    assert "the energy of this model changes when the crystal is shifted" in problem


def test_a_calculator_that_its_environment_lacks_is_named_before_the_first_job(crystals):
    model = config.CalculatorModel(calculator="no.such:Thing", environment=sys.prefix)
    (problem,) = foundation.try_out(model, {"Cu-225": crystals[0]}, "foundation.")
    assert problem.startswith("foundation.model: no.such:Thing cannot be made: ")
    assert "No module named 'no'" in problem


def test_a_missing_environment_is_named_with_its_remedy(tmp_path):
    path = tmp_path / "salt.nqx"
    path.write_text(
        '{"atomic_numbers": [11], "cutoff": 6, "hidden_irreps": "", "lmax": 1, "n_layers": 1, '
        '"radial_basis_size": 4}\n'
    )
    with path.open("ab") as file:
        np.save(file, np.zeros(2))
    model = config.NequixModel(path=path, environment=str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"reference.model.environment: .*`make foundation-env`"):
        foundation.check(model, ["Na"], "reference.")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Random weights of a very small nequix model, and the Python that made them."""
    try:
        python = foundation.interpreter(config.NequixModel())
    except InputError:
        pytest.skip("nequix is not installed here: make foundation-env")
    path = tmp_path_factory.mktemp("nequix") / "tiny.nqx"
    subprocess.run([str(python), "-c", TINY, str(path)], check=True, env={"JAX_PLATFORMS": "cpu"})
    return path


@pytest.mark.slow
def test_nequix_gives_the_slope_of_its_energy(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(foundation, "COMPILED", tmp_path / "compiled")
    potential = FoundationPotential(config.NequixModel(path=tiny))
    salt = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    salt.rattle(0.1, seed=4)
    direction = np.random.default_rng(5).normal(size=salt.positions.shape)
    direction /= np.linalg.norm(direction)
    frames = [salt.copy() for _ in range(3)]
    for frame, sign in zip(frames, (0, 1, -1), strict=True):
        frame.positions += 0.05 * sign * direction
    prediction = potential.evaluate(frames)
    slope = (prediction.energy[2] - prediction.energy[1]) / 0.1
    assert (prediction.forces[0] * direction).sum() == pytest.approx(slope, rel=0.05, abs=2e-3)
    assert potential.largest_mean_force < 1e-5
    assert np.isfinite(prediction.stress).all()
    assert any(Path(tmp_path / "compiled").iterdir())
    with pytest.raises(InputError, match="does not know Cu"):
        potential.evaluate([bulk("Cu")])
