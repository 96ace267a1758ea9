"""A trained NequIP model against finite differences of itself and symmetries of space."""

import numpy as np
import pytest
import torch
from ase import Atoms
from logged import KilledError, logged
from models import bare, rattled_silicon, tiny_nequip
from repeats import rounding, same_numbers

from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.potentials.committee import Committee
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.training import train


@pytest.fixture(scope="module")
def labels():
    return rattled_silicon(20)


@pytest.fixture(scope="module")
def trained(labels, tmp_path_factory):
    """Path of the checkpoint, folder of the training and its result."""
    folder = tmp_path_factory.mktemp("nequip")
    out = folder / "deep" / "model.ckpt"
    result = train(labels[:16], labels[16:], tiny_nequip(epochs=8), 3, out, folder / "s")
    return out, folder / "s", result


@pytest.fixture(scope="module")
def model(trained):
    return NequipPotential.load(trained[0], device="cpu")


@pytest.fixture
def atoms(labels):
    return bare(labels[0])


def same(a, b, **tolerance):
    np.testing.assert_allclose(a.energy, b.energy, **tolerance)
    np.testing.assert_allclose(np.concatenate(a.forces), np.concatenate(b.forces), **tolerance)
    np.testing.assert_allclose(a.stress, b.stress, **tolerance)


def identical(a, b):
    pairs = [(a.energy, b.energy), (a.forces, b.forces), (a.stress, b.stress)]
    return all(np.allclose(one, two, **rounding()) for one, two in pairs)


def moved(atoms, shift):
    found = atoms.copy()
    found.positions += shift
    return found


# derivatives


def test_forces_are_the_gradient_of_the_energy(model, atoms):
    step = 1e-4
    steps = step * np.eye(24).reshape(24, 8, 3)
    up = model.evaluate([moved(atoms, each) for each in steps]).energy
    down = model.evaluate([moved(atoms, -each) for each in steps]).energy
    forces = model.evaluate([atoms]).forces[0]
    assert np.abs(forces).max() > 0.1  # a flat model would pass anything
    np.testing.assert_allclose(
        -(up - down).reshape(8, 3) / (2 * step), forces, atol=1e-6 * np.abs(forces).max()
    )


def test_stress_is_the_strain_derivative_of_the_energy(model, atoms):
    step, found = 1e-4, []
    for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        strain = np.zeros((3, 3))
        strain[i, j] += step / 2
        strain[j, i] += step / 2
        pair = []
        for sign in (1, -1):
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ (np.eye(3) + sign * strain), scale_atoms=True)
            pair.append(strained)
        up, down = model.evaluate(pair).energy
        found.append((up - down) / (2 * step) / atoms.get_volume())
    stress = model.evaluate([atoms]).stress[0]
    assert np.abs(stress[3:]).max() > 1e-4  # shear is not only rounding
    np.testing.assert_allclose(found, stress, atol=1e-6 * np.abs(stress).max())


def test_hessian_vector_product_is_the_derivative_of_the_forces(model, atoms):
    generator = np.random.default_rng(1)
    for _ in range(3):
        vector, step = generator.normal(size=(8, 3)), 1e-4
        up, down = model.evaluate(
            [moved(atoms, step * vector), moved(atoms, -step * vector)]
        ).forces
        product = model.hessian_vector_product(atoms, vector)
        assert np.abs(product).max() > 0.1
        np.testing.assert_allclose(
            -(up - down) / (2 * step), product, atol=1e-6 * np.abs(product).max()
        )


@pytest.fixture(scope="module")
def hessian(model, labels):
    atoms = bare(labels[1])
    columns = np.eye(24).reshape(24, 8, 3)
    return np.array([model.hessian_vector_product(atoms, each).ravel() for each in columns])


def test_the_hessian_is_symmetric(hessian):
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-11 * np.abs(hessian).max())


def test_the_hessian_knows_that_a_shift_of_all_atoms_costs_nothing(hessian):
    blocks = hessian.reshape(8, 3, 8, 3)
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(blocks.sum(axis=2), 0, atol=1e-11 * scale)


def test_the_product_is_linear_and_leaves_the_prediction_as_it_was(model, atoms):
    a, b = np.random.default_rng(2).normal(size=(2, 8, 3))
    before = model.evaluate([atoms])
    product = model.hessian_vector_product
    np.testing.assert_allclose(
        product(atoms, 2 * a - b), 2 * product(atoms, a) - product(atoms, b), atol=1e-10
    )
    assert identical(before, model.evaluate([atoms]))


# symmetries


def test_translation_and_net_force(model, atoms):
    same(model.evaluate([atoms]), model.evaluate([moved(atoms, [0.3, -1.2, 7.7])]), atol=1e-9)
    np.testing.assert_allclose(model.evaluate([atoms]).forces[0].sum(axis=0), 0, atol=1e-10)


def test_rotation_turns_forces_and_stress(model, atoms):
    rotation, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
    rotation *= np.linalg.det(rotation)
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    first, second = model.evaluate([atoms]), model.evaluate([turned])
    assert second.energy == pytest.approx(first.energy, abs=1e-9)
    np.testing.assert_allclose(second.forces[0], first.forces[0] @ rotation.T, atol=1e-9)

    def tensor(v):
        return np.array([[v[0], v[5], v[4]], [v[5], v[1], v[3]], [v[4], v[3], v[2]]])

    wanted = rotation @ tensor(first.stress[0]) @ rotation.T
    np.testing.assert_allclose(tensor(second.stress[0]), wanted, atol=1e-10)


def test_permutation_and_wrapping(model, atoms):
    order = np.random.default_rng(5).permutation(8)
    first, second = model.evaluate([atoms, atoms[order]]).forces
    np.testing.assert_allclose(second, first[order], atol=1e-10)
    outside = moved(atoms, (np.arange(24).reshape(8, 3) % 3 - 1) @ atoms.cell.array)
    same(model.evaluate([atoms]), model.evaluate([outside]), atol=1e-9)


def test_a_doubled_cell_is_twice_the_energy(model, atoms):
    one, two = model.evaluate([atoms]), model.evaluate([atoms.repeat((1, 2, 1))])
    assert two.energy == pytest.approx(2 * one.energy)
    np.testing.assert_allclose(two.forces[0], np.tile(one.forces[0], (2, 1)), atol=1e-9)
    np.testing.assert_allclose(two.stress, one.stress, atol=1e-11)


# batches


def test_a_batch_is_its_frames_one_by_one(model, labels):
    mixed = [labels[0], labels[1].repeat((2, 1, 1)), *labels[2:6]]
    single = [model.evaluate([each]) for each in mixed]
    for max_atoms in (1, 20, 1024):
        batch = NequipPotential(model.model, "cpu", max_atoms).evaluate(mixed)
        for number, each in enumerate(single):
            assert batch.energy[number] == pytest.approx(each.energy[0], abs=1e-10)
            np.testing.assert_allclose(batch.forces[number], each.forces[0], atol=1e-10)
            np.testing.assert_allclose(batch.stress[number], each.stress[0], atol=1e-12)


def test_evaluation_without_a_compiled_graph_says_why_once(model, labels):
    alone = NequipPotential(model.model, "cpu")
    with logged() as messages:
        alone.evaluate(labels[:1])
        alone.evaluate(labels[:1])
    assert messages == ["eager evaluation: no compiled graph was given"]


def test_a_batch_that_does_not_fit_is_halved(model, labels, monkeypatch):
    """What fits is 20 atoms: the forces are those of all frames at once."""
    limited, forward, sizes = NequipPotential(model.model, "cpu", 64), model.model.forward, []

    def full(data):
        sizes.append(len(data["pos"]))
        if sizes[-1] > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(data)

    wanted = model.evaluate(labels[:5])
    monkeypatch.setattr(model.model, "forward", full)
    same(limited.evaluate(labels[:5]), wanted, atol=1e-9)
    assert sizes == [40, 16, 16, 8]


def test_no_frames(model):
    found = model.evaluate([])
    assert found.energy.shape == (0,)
    assert found.forces == []
    assert found.stress.shape == (0, 6)


def test_an_unknown_species_is_named(model):
    with pytest.raises(CalculationError, match=r"knows \['Si'\].*\['Ge'\]"):
        model.evaluate([Atoms("SiGe", cell=[5, 5, 5], positions=[[0, 0, 0], [2, 2, 2]], pbc=True)])


# checkpoints


def test_loading_again_gives_the_same_model(trained, model, labels):
    committee = Committee.load([trained[0], trained[0]])
    again = committee.evaluate_members(labels[:3])
    np.testing.assert_allclose(again.energy[0], again.energy[1], **rounding())
    np.testing.assert_allclose(again.energy[0], model.evaluate(labels[:3]).energy, atol=1e-10)
    assert model.cutoff == 4.0
    assert model.types == {"Si": 0}


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint"])
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "model.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.ckpt"):
        NequipPotential.load(path)


# training


def test_training_learns_and_reports_what_the_checkpoint_does(trained, model, labels):
    _, folder, result = trained
    assert result.epochs == 8
    forces = model.evaluate(labels[16:]).forces
    wanted = [frame.get_forces() for frame in labels[16:]]
    error = np.abs(np.array(forces) - wanted).mean()
    assert error < 0.5 * np.abs(wanted).mean()  # of a model that always says zero
    # a mean absolute error over components: what the record says of the best epoch
    assert result.validation["force_mae_eV_per_A"] == pytest.approx(error, rel=1e-4)
    rows = (folder / "progress.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", *map(str, range(1, 9))]


def test_same_seed_same_model_other_seed_another(labels, trained, tmp_path):
    def predictions(name, seed):
        out = tmp_path / f"{name}.ckpt"
        train(labels[:16], labels[16:], tiny_nequip(epochs=2), seed, out, tmp_path / name)
        return NequipPotential.load(out, device="cpu").evaluate(labels)

    torch.manual_seed(99)  # what ran before must not matter
    first = predictions("first", 3)
    torch.rand(7)
    assert identical(first, predictions("second", 3))
    other = predictions("third", 4)
    assert np.abs(first.energy - other.energy).max() > 1e-3


def test_a_killed_training_goes_on_and_ends_as_if_never_killed(labels, trained, model, tmp_path):
    out, scratch = tmp_path / "model.ckpt", tmp_path / "s"
    arguments = labels[:16], labels[16:], tiny_nequip(epochs=8), 3, out, scratch
    with pytest.raises(KilledError), logged(killed_at="epoch 5/"):
        train(*arguments)
    assert not out.exists()
    with logged() as messages:
        result = train(*arguments)
    assert messages[0].startswith("continuing from")
    assert [line.split()[1] for line in messages[1:]] == ["5/8", "6/8", "7/8", "8/8"]
    # the record covers the whole training, not only what came after the interruption
    whole = trained[2]
    assert (result.epochs, result.best_epoch) == (8, whole.best_epoch)
    assert same_numbers(result.validation, whole.validation)
    assert identical(
        NequipPotential.load(out, device="cpu").evaluate(labels),
        NequipPotential.load(trained[0], device="cpu").evaluate(labels),
    )


def test_a_finished_training_that_was_moved_hands_over_again(labels, tmp_path):
    """Lightning forgets the best score of a state that lies in another folder."""
    here, there = tmp_path / "here", tmp_path / "there"
    arguments = labels[:8], labels[16:], tiny_nequip(epochs=2), 3
    first = train(*arguments, here / "m.ckpt", here / "scratch")
    before = NequipPotential.load(here / "m.ckpt", device="cpu").evaluate(labels)
    here.rename(there)
    (there / "m.ckpt").unlink()
    assert train(*arguments, there / "m.ckpt", there / "scratch") == first
    assert identical(before, NequipPotential.load(there / "m.ckpt", device="cpu").evaluate(labels))


@pytest.mark.parametrize("change", ["frames", "labels", "seed", "settings"])
def test_a_scratch_folder_of_another_training_is_not_continued(labels, tmp_path, change):
    frames_now, settings, seed = labels[:8], tiny_nequip(epochs=2), 3
    train(frames_now, labels[16:], settings, seed, tmp_path / "a.ckpt", tmp_path / "s")
    if change == "frames":
        frames_now = labels[:9]
    elif change == "labels":
        other = frames.labelled(
            labels[0], labels[0].get_potential_energy() + 0.1, labels[0].get_forces()
        )
        frames_now = [other, *labels[1:8]]
    elif change == "seed":
        seed = 4
    else:
        settings = tiny_nequip(epochs=2, learning_rate=0.01)
    arguments = frames_now, labels[16:], settings, seed
    with logged() as messages:
        train(*arguments, tmp_path / "b.ckpt", tmp_path / "s")
    train(*arguments, tmp_path / "c.ckpt", tmp_path / "fresh")
    assert not any(line.startswith("continuing") for line in messages)
    a, b, c = [
        NequipPotential.load(tmp_path / f"{name}.ckpt", device="cpu").evaluate(labels)
        for name in "abc"
    ]
    assert identical(b, c)
    assert not identical(a, b)


def test_frames_without_stress_train_with_those_that_have_it(labels, tmp_path):
    def without(frame):
        return frames.labelled(frame, frame.get_potential_energy(), frame.get_forces())

    mixed = [without(frame) if n % 2 else frame for n, frame in enumerate(labels)]
    results = {}
    for name, chosen, weight in (
        ("mixed", mixed, 0.1),
        ("none", [without(f) for f in labels], 0.1),
        ("off", labels, 0.0),
    ):
        settings = tiny_nequip(epochs=2, stress_weight=weight)
        out = tmp_path / f"{name}.ckpt"
        found = train(chosen[:16], chosen[16:], settings, 3, out, tmp_path / name)
        assert np.isfinite(list(found.validation.values())).all()
        results[name] = NequipPotential.load(out, device="cpu").evaluate(labels[:4])
        assert np.isfinite(results[name].energy).all()
    # without any stress label it is the same training as with the weight at zero
    assert identical(results["none"], results["off"])
    assert not identical(results["mixed"], results["off"])


def test_a_diverging_training_is_an_error_not_a_model(labels, tmp_path):
    with pytest.raises(CalculationError, match="learning_rate"):
        train(
            labels[:8],
            labels[16:],
            tiny_nequip(epochs=2, learning_rate=1e30),
            3,
            tmp_path / "m.ckpt",
            tmp_path / "s",
        )
    assert not (tmp_path / "m.ckpt").exists()
