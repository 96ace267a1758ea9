"""Potentials behind ASE's calculator interface, and a trained model as a reference engine."""

import numpy as np
import pytest
from ase.build import bulk

from umklapp import config, provenance, reference
from umklapp.errors import InputError
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.calculator import CheckpointCalculator, PotentialCalculator
from umklapp.potentials.nequip import training
from umklapp.potentials.nequip.inference import NequipPotential

from models import rattled_silicon, silicon_cubic, stillinger_weber, tiny_nequip  # isort: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    labels = rattled_silicon(6)
    settings = tiny_nequip(epochs=1)
    training.train(labels[:4], labels[4:], settings, 0, folder / "a.ckpt", folder / "scratch")
    return folder / "a.ckpt"


def engine(path, **parameters):
    name = f"{CheckpointCalculator.__module__}:CheckpointCalculator"
    given = {"path": str(path), **parameters}
    return reference.create(config.AseCalculator(calculator=name, parameters=given))


def test_labels_are_what_the_model_says(checkpoint, tmp_path):
    atoms = bulk("Si", "diamond", a=5.4).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=1)
    label = engine(checkpoint, digest=provenance.file_digest(checkpoint)).label(atoms, tmp_path, 60)
    known = NequipPotential.load(checkpoint).evaluate([atoms])
    assert label.get_potential_energy() == pytest.approx(known.energy[0], abs=1e-5)
    assert np.abs(label.get_forces() - known.forces[0]).max() < 1e-5
    assert np.abs(label.get_stress() - known.stress[0]).max() < 1e-7


def test_another_model_at_the_same_path_is_refused(checkpoint):
    with pytest.raises(InputError, match="another model"):
        CheckpointCalculator(checkpoint, "0" * 16)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.ckpt: there is no such model"):
        CheckpointCalculator(tmp_path / "none.ckpt")


def test_the_digest_is_part_of_the_identity_of_labels(checkpoint):
    one, other = engine(checkpoint, digest="a"), engine(checkpoint, digest="b")
    assert one.settings_hash != other.settings_hash


def test_potential_as_a_calculator():
    atoms = silicon_cubic()
    atoms.rattle(0.05, seed=1)
    atoms.calc = stillinger_weber()
    copy = atoms.copy()
    copy.calc = PotentialCalculator(AsePotential(stillinger_weber()))
    assert copy.get_potential_energy() == pytest.approx(atoms.get_potential_energy())
    np.testing.assert_allclose(copy.get_forces(), atoms.get_forces(), atol=1e-10)
    np.testing.assert_allclose(copy.get_stress(), atoms.get_stress(), atol=1e-10)
