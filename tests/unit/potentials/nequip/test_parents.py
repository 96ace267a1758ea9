"""Starting from another model: its species, its architecture, its zero of energy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from models import tiny_nequip

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.potentials import architectures
from umklapp.potentials.nequip import engine, heat_flux, model, parents, slot_network
from umklapp.potentials.nequip.batched import BatchedMembers
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.schedule import as_start
from umklapp.potentials.nequip.training import train


def alloy(count, symbols, seed=0):
    """Rattled 4-atom cubes of copper, silver and gold with EMT labels."""
    generator, found = np.random.default_rng(seed), []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=3.9, cubic=True)
        atoms.set_chemical_symbols([symbols[generator.integers(len(symbols))] for _ in atoms])
        atoms.positions += generator.normal(scale=0.1, size=(4, 3))
        atoms.calc = EMT()
        energy, forces, stress = (
            atoms.get_potential_energy(),
            atoms.get_forces(),
            atoms.get_stress(),
        )
        found.append(frames.labelled(atoms, energy, forces, stress))
    return found


@pytest.fixture(scope="module")
def settings():
    return tiny_nequip(epochs=2, stress_weight=0)


@pytest.fixture(scope="module")
def path(settings, tmp_path_factory):
    """A model of copper, silver and gold."""
    folder = tmp_path_factory.mktemp("parent")
    labels = alloy(14, ["Cu", "Ag", "Au"])
    train(labels[:12], labels[12:], settings, 1, folder / "m.ckpt", folder / "s")
    return folder / "m.ckpt"


@pytest.fixture(scope="module")
def parent(path):
    return parents.read(path)


def child_of(parent, settings, types, frame):
    child = model.build(parents.arguments(parent, settings, 0, types, None))
    parents.take_over(parent, child, frame)
    return NequipPotential(child, "cpu")


@pytest.mark.parametrize("types", [["Au", "Cu"], ["Cu"], ["Ag", "Au", "Cu"]])
def test_fewer_species_the_same_energies_forces_and_stresses(parent, settings, types):
    labels = alloy(4, types, seed=5)
    assert parent.types == ["Ag", "Au", "Cu"]
    child = child_of(parent, settings, types, labels[0])
    ours, theirs = child.evaluate(labels), parent.potential.evaluate(labels)
    np.testing.assert_allclose(ours.energy, theirs.energy, atol=1e-10)
    np.testing.assert_allclose(ours.forces, theirs.forces, atol=1e-11)
    np.testing.assert_allclose(ours.stress, theirs.stress, atol=1e-12)
    assert list(child.types) == types


def test_the_engine_of_so_many_species_takes_such_a_model(parent, settings):
    """Its graph is that of an untrained model of as many species; its numbers are eager ones."""
    labels = alloy(2, ["Au", "Cu"], seed=6)
    child = child_of(parent, settings, ["Au", "Cu"], labels[0])
    shifts = child.model.model.func.per_type_energy_scale_shift.shifts
    assert shifts.numel() == 2  # of two species, where an untrained model has one for all
    network = slot_network.SlotNetwork(child.model)
    assert network.key("cpu") == slot_network.SlotNetwork(architectures.untrained(settings, 2)).key(
        "cpu"
    )


@pytest.mark.slow
def test_compiled_energies_forces_and_flux_of_such_a_model(parent, settings, tmp_path):
    labels = [frame.repeat((2, 2, 2)) for frame in alloy(2, ["Au", "Cu"], seed=6)]
    child = child_of(parent, settings, ["Au", "Cu"], labels[0])
    engine.prepare(settings, 2, "compiled", tmp_path)
    found = engine.load(tmp_path, [child])
    members = BatchedMembers(found, [child])
    compiled, eager = members.evaluate(labels), child.evaluate(labels)
    np.testing.assert_allclose(compiled.energy[0], eager.energy, atol=1e-5)
    for ours, theirs in zip(compiled.forces, eager.forces, strict=True):
        np.testing.assert_allclose(ours[0], theirs, atol=1e-5)
    velocity = np.random.default_rng(1).normal(size=(len(labels[0]), 3))
    ours = heat_flux.folded(child, labels[0], velocity)
    theirs = heat_flux.folded(parent.potential, labels[0], velocity)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_a_species_that_the_parent_lacks_is_named_with_both_sets(parent, settings):
    with pytest.raises(InputError, match=r"\['Ag', 'Au', 'Cu'\].*\['Cu', 'Ni'\].*without Ni"):
        parents.check(parent, settings, ["Ni", "Cu"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cutoff": 4.5}, r"cutoff \(r_max\) is 4\.0, potential\.cutoff is 4\.5"),
        ({"layers": 3}, r"layers \(num_layers\) is 2, potential\.layers is 3"),
        ({"features": [8, 8]}, r"features \(num_features\) is \[8, 4\]"),
        ({"dtype": "float32"}, r"dtype \(model_dtype\) is float64"),
        ({"bessel": 6}, r"bessel \(num_bessels\) is 4"),
    ],
)
def test_another_architecture_is_named_with_key_and_values(parent, settings, change, words):
    with pytest.raises(InputError, match=words):
        parents.check(parent, settings.model_copy(update=change), ["Cu"])


def test_of_a_package_the_weights_themselves_tell(parent, settings):
    """No arguments of the builder are known: shapes, and the forces, are compared."""
    unknown = parents.Parent(parent.path, parent.potential, None)
    frame = alloy(1, ["Cu"])[0]
    with pytest.raises(InputError, match="cutoff"):
        parents.check(unknown, settings.model_copy(update={"cutoff": 5.0}), ["Cu"])
    same = model.build(parents.arguments(unknown, settings, 0, ["Cu"], None))
    parents.take_over(unknown, same, frame)
    wide = settings.model_copy(update={"radial_width": 16})
    other = model.build(parents.arguments(unknown, wide, 0, ["Cu"], None))
    with pytest.raises(InputError, match=r"another architecture: .*edge_mlp.* \(4, 8\).*\(4, 16\)"):
        parents.take_over(unknown, other, frame)
    steep = parents.arguments(unknown, settings, 0, ["Cu"], None) | {"polynomial_cutoff_p": 3}
    with pytest.raises(InputError, match="other forces"):
        parents.take_over(unknown, model.build(steep), frame)


@pytest.mark.slow
def test_checkpoints_of_the_stock_model_and_its_packages(path, settings, tmp_path):
    """What others publish is not built by umklapp; a package is made by NequIP's own program."""
    stock = torch.load(path, weights_only=False)
    known = stock["hyper_parameters"]
    for each in (known["model"], known["info_dict"]["training_module"]["model"]):
        each["_target_"] = "nequip.model.NequIPGNNModel"
    torch.save(stock, tmp_path / "stock.ckpt")
    program = Path(sys.executable).with_name("nequip-package")
    command = [program, "build", "stock.ckpt", "stock.nequip.zip"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    labels = alloy(4, ["Au", "Cu"], seed=5)
    for name in ("stock.ckpt", "stock.nequip.zip"):
        found = parents.read(tmp_path / name)
        parents.check(found, settings, ["Au", "Cu"])
        child = child_of(found, settings, ["Au", "Cu"], labels[0])
        theirs = NequipPotential.load(path, device="cpu").evaluate(labels)
        np.testing.assert_allclose(child.evaluate(labels).energy, theirs.energy, atol=1e-9)
        np.testing.assert_allclose(child.evaluate(labels).forces, theirs.forces, atol=1e-10)


# the zero of energy


def shifted(labels, zero):
    """The same labels with another zero of energy per species."""
    return [
        frames.labelled(
            frame,
            frame.get_potential_energy() + sum(zero[s] for s in frame.get_chemical_symbols()),
            frame.get_forces(),
        )
        for frame in labels
    ]


def test_shifts_per_species_are_found_exactly():
    zero = {"Ag": 1.5, "Au": -7.0, "Cu": 20.0}
    labels = shifted(alloy(12, list(zero)), zero)
    energies = np.array([sum(zero[s] for s in f.get_chemical_symbols()) for f in labels])
    assert parents.species_shifts(list(zero), labels, energies) == pytest.approx(zero)


def test_of_one_stoichiometry_the_shift_of_least_norm():
    cell = Atoms("CuAu3", positions=np.eye(4)[:, :3] * 2, cell=[4, 4, 4], pbc=True)
    found = parents.species_shifts(["Au", "Cu"], [cell, cell.repeat((2, 1, 1))], np.array([5, 10]))
    assert 3 * found["Au"] + found["Cu"] == pytest.approx(5)
    assert found["Au"] == pytest.approx(3 * found["Cu"])  # along (3, 1)


def test_a_start_takes_the_zero_of_the_labels_and_a_warm_start_keeps_its_own(
    path, settings, tmp_path
):
    zero = {"Ag": 0.0, "Au": -30.0, "Cu": 50.0}
    labels = alloy(12, ["Cu", "Au"], seed=9)
    moved = shifted(labels, zero)
    still = {"epochs": 1, "learning_rate": 1e-12}
    changed = settings.training.model_copy(
        update={**still, "warm_start": config.WarmStart(**still)}
    )
    warm = settings.model_copy(update={"training": changed})
    errors = {}
    for name, own in (("start", as_start(warm)), ("warm", warm)):
        out = tmp_path / f"{name}.ckpt"
        train(moved[:8], moved[8:], own, 1, out, tmp_path / name, parent=path)
        found = NequipPotential.load(out, device="cpu")
        assert list(found.types) == ["Au", "Cu"]
        wanted = np.array([frame.get_potential_energy() for frame in moved])
        errors[name] = np.abs(found.evaluate(moved).energy - wanted).max()
        # with a learning rate of nothing the forces are the parent's
        theirs = NequipPotential.load(path, device="cpu").evaluate(labels).forces
        np.testing.assert_allclose(found.evaluate(labels).forces, theirs, atol=1e-8)
    before = NequipPotential.load(path, device="cpu").evaluate(labels).energy
    own_error = np.abs(before - [frame.get_potential_energy() for frame in labels]).max()
    assert errors["start"] < own_error + 0.5
    assert errors["warm"] > 50


def test_several_compositions_from_scratch_have_a_shift_per_species(settings, tmp_path):
    """One mean energy per atom would leave errors of tens of eV that no weight can take."""
    zero = {"Au": -30.0, "Cu": 50.0}
    labels = shifted(alloy(12, ["Cu", "Au"], seed=9), zero)
    out = tmp_path / "m.ckpt"
    result = train(labels[:10], labels[10:], settings, 1, out, tmp_path / "s")
    assert result.validation["energy_mae_eV_per_atom"] < 1
    shifts = torch.load(out, weights_only=False)["hyper_parameters"]["model"]
    assert set(shifts["per_type_energy_shifts"]) == {"Au", "Cu"}


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.ckpt does not exist"):
        parents.read(tmp_path / "nothing.ckpt")
