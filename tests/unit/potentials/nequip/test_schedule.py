"""Stages of a training: order, inheritance, freezing, interruption, stress."""

import json

import numpy as np
import pytest
import torch
from logged import KilledError, logged
from models import rattled_silicon, tiny_nequip
from repeats import rounding, same_numbers

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.potentials.nequip import schedule
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.parts import part_of
from umklapp.potentials.nequip.training import train


@pytest.fixture(scope="module")
def labels():
    return rattled_silicon(20)


def weights(path):
    model = NequipPotential.load(path, device="cpu").model
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def equal(a, b):
    return all(torch.allclose(a[name], b[name], **rounding()) for name in a)


TWO = [
    {"name": "broad", "epochs": 3},
    {
        "name": "fine",
        "epochs": 2,
        "learning_rate": 0.005,
        "stress_weight": 1.0,
        "weight_decay": 0.01,
        "lr_schedule": "plateau",
        "freeze": ["embedding", "readout"],
    },
]


@pytest.fixture(scope="module")
def staged(labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    settings = tiny_nequip(schedule=TWO)
    with logged() as messages:
        result = train(labels[:16], labels[16:], settings, 3, folder / "m.ckpt", folder / "s")
    return folder, settings, result, messages


# settings


def test_what_a_stage_does_not_set_is_as_in_training():
    settings = tiny_nequip(schedule=TWO, warm_start={"epochs": 7, "learning_rate": 0.001})
    first, second = (own.training for _, own in schedule.stages(settings, is_warm=False))
    assert (first.epochs, first.learning_rate, first.stress_weight) == (3, 0.02, 0.1)
    assert (second.epochs, second.learning_rate, second.stress_weight) == (2, 0.005, 1.0)
    assert second.batch_size == first.batch_size == 4
    assert (first.weight_decay, second.weight_decay) == (0, 0.01)
    assert first.schedule is second.schedule is None


def test_a_warm_start_has_the_last_stage_alone_with_its_own_epochs_and_rate():
    settings = tiny_nequip(schedule=TWO, warm_start={"epochs": 7, "learning_rate": 0.001})
    ((stage, own),) = schedule.stages(settings, is_warm=True)
    assert stage.name == "fine"
    assert stage.freeze == ["embedding", "readout"]
    assert (own.training.epochs, own.training.learning_rate) == (7, 0.001)
    assert own.training.stress_weight == 1.0


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([], "schedule with no stage"),
        ([{"name": "a"}, {"name": "a"}], "more than one stage named 'a'"),
        ([{"name": "a", "freeze": ["embedding", "convolutions", "readout"]}], "freezes every"),
        ([{"name": "a", "freeze": ["head"]}], "readout"),
        ([{"name": "a/b"}], "pattern"),
        ([{"name": "a", "epoch": 3}], "epoch"),
    ],
)
def test_impossible_schedules_are_named(stages, words):
    with pytest.raises(ValueError, match=words):
        config.Training(schedule=stages)


def test_networks_only():
    with pytest.raises(ValueError, match=r"training\.schedule is for networks alone"):
        config.Potential(
            baseline="taylor", training={"stress_weight": 0, "schedule": [{"name": "a"}]}
        )


# training


def test_one_stage_that_sets_nothing_is_the_training_without_a_schedule(labels, tmp_path):
    found = []
    for name, stages in (("plain", None), ("staged", [{"name": "only"}])):
        out = tmp_path / f"{name}.ckpt"
        settings = tiny_nequip(epochs=2, schedule=stages)
        result = train(labels[:12], labels[16:], settings, 3, out, tmp_path / name)
        found.append((weights(out), result.validation, result.best_epoch))
    assert equal(found[0][0], found[1][0])
    assert same_numbers(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]


@pytest.mark.parametrize("epochs", [1, 2, 5, 10])
def test_few_steps_of_one_cycle(labels, tmp_path, epochs):
    """One step in an epoch; with ten in all, the warm-up had none between its first and last."""
    settings = tiny_nequip(epochs=epochs, batch_size=4)
    out = tmp_path / "m.ckpt"
    result = train(labels[:4], labels[18:], settings, 3, out, tmp_path / "s")
    assert result.epochs == epochs


def test_the_record_has_every_stage(staged):
    _, _, result, messages = staged
    assert [each.name for each in result.stages] == ["broad", "fine"]
    assert [each.epochs for each in result.stages] == [3, 2]
    assert result.epochs == 5
    assert result.validation == result.stages[1].validation
    assert result.stages[1].frozen == ["embedding", "readout"]
    assert [each.with_stress for each in result.stages] == [16, 16]
    assert all(each.validation["stress_mae_eV_per_A3"] > 0 for each in result.stages)
    assert "stage 2 of 2, fine" in messages


def test_frozen_parts_stay_to_the_last_bit_and_the_rest_moves(staged):
    folder = staged[0]
    before = weights(folder / "s" / "0_broad" / "stage.ckpt")
    after = weights(folder / "m.ckpt")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {part_of(name) for name in before} == {"embedding", "convolutions", "readout"}
    assert moved == {name for name in before if part_of(name) == "convolutions"}
    # the raw weights beside the average too, in the last state of the optimiser
    last = folder / "s" / "1_fine" / "last.ckpt"
    state = torch.load(last, weights_only=False, map_location="cpu")["state_dict"]
    for name, value in before.items():
        same = torch.equal(state[f"model.sole_model.{name}"], value)
        assert same == (part_of(name) != "convolutions")


def test_a_stage_goes_on_from_the_best_weights_of_the_one_before(staged, labels, tmp_path):
    """With a vanishing learning rate the second stage is the first."""
    folder = staged[0]
    still = [TWO[0], {"name": "still", "epochs": 1, "learning_rate": 1e-12}]
    out = tmp_path / "m.ckpt"
    settings = tiny_nequip(schedule=still)
    train(labels[:16], labels[16:], settings, 3, out, tmp_path / "s")
    before, after = weights(folder / "s" / "0_broad" / "stage.ckpt"), weights(out)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-9, rtol=0)
    assert any(not torch.equal(after[name], value) for name, value in before.items())


def test_the_checkpoint_needs_no_other_file(staged, labels, tmp_path):
    folder = staged[0]
    copy = tmp_path / "copy.ckpt"
    copy.write_bytes((folder / "m.ckpt").read_bytes())
    hidden = folder / "s"
    hidden.rename(folder / "hidden")
    try:
        energy = NequipPotential.load(copy, device="cpu").evaluate(labels[:2]).energy
        assert np.isfinite(energy).all()
    finally:
        (folder / "hidden").rename(hidden)


def test_a_finished_stage_is_not_repeated_and_an_interrupted_one_goes_on(labels, tmp_path):
    settings = tiny_nequip(schedule=[{"name": "a", "epochs": 1}, {"name": "b", "epochs": 2}])
    arguments = labels[:8], labels[16:], settings, 3, tmp_path / "m.ckpt", tmp_path / "s"
    with pytest.raises(KilledError), logged(killed_at="epoch 2/2"):
        train(*arguments)
    first = (tmp_path / "s" / "0_a" / "stage.ckpt").stat().st_mtime_ns
    with logged() as messages:
        result = train(*arguments)
    assert (tmp_path / "s" / "0_a" / "stage.ckpt").stat().st_mtime_ns == first
    assert any(line.startswith("finished already") for line in messages)
    assert any(line.startswith("continuing from") for line in messages)
    fresh = *arguments[:4], tmp_path / "fresh.ckpt", tmp_path / "f"
    whole = train(*fresh)
    assert equal(weights(arguments[4]), weights(fresh[4]))
    assert [each.epochs for each in result.stages] == [each.epochs for each in whole.stages]
    # other settings of the first stage: everything again
    other = tiny_nequip(schedule=[{"name": "a", "epochs": 2}, {"name": "b", "epochs": 2}])
    again = train(*arguments[:2], other, 3, tmp_path / "o.ckpt", tmp_path / "s")
    assert [each.epochs for each in again.stages] == [2, 2]
    assert not equal(weights(arguments[4]), weights(tmp_path / "o.ckpt"))


def test_validation_frames_are_held_out(labels, tmp_path):
    with pytest.raises(InputError, match=r"1 frames train and validate at once"):
        train(labels[:9], labels[8:], tiny_nequip(), 1, tmp_path / "m", tmp_path / "s")


# stress


def without(frame):
    return frames.labelled(frame, frame.get_potential_energy(), frame.get_forces())


def test_batches_without_any_stress_train_and_are_told(labels, tmp_path):
    """Half of the frames have none: with one frame in a batch every other batch has none."""
    mixed = [without(frame) if n % 2 else frame for n, frame in enumerate(labels)]
    settings = tiny_nequip(epochs=2, batch_size=1)
    out = tmp_path / "m.ckpt"
    with logged() as messages:
        result = train(mixed[:8], mixed[16:], settings, 3, out, tmp_path / "s")
    assert np.isfinite(list(result.validation.values())).all()
    assert any(line.startswith("4 of 8 training frames have no stress") for line in messages)
    assert all(torch.isfinite(value).all() for value in weights(out).values())


def test_a_stage_that_asks_for_stress_needs_some(labels, tmp_path):
    bare = [without(frame) for frame in labels]
    folder = tmp_path / "s"
    with pytest.raises(InputError, match=r"stage 'fine' has stress_weight 1"):
        train(bare[:8], bare[16:], tiny_nequip(schedule=TWO), 3, tmp_path / "m", folder)
    # a weight that is only inherited is not asked for
    settings = tiny_nequip(schedule=[{"name": "a", "epochs": 1}])
    out = tmp_path / "m.ckpt"
    result = train(bare[:8], bare[16:], settings, 3, out, tmp_path / "t")
    assert result.stages[0].with_stress == 0
    assert "stress_mae_eV_per_A3" not in result.validation
    assert json.dumps(result.validation, allow_nan=False)


def test_the_loss_of_stress_has_its_gradient_in_every_part(staged, labels):
    """d(loss)/d(weight) by autograd, as the optimiser takes it, against central differences."""
    potential = NequipPotential.load(staged[0] / "m.ckpt", device="cpu")
    network = potential.model.train()
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    wanted = torch.tensor(labels[0].get_stress(voigt=False))
    data = potential._data([labels[0]])

    def loss():
        with torch.enable_grad():
            stress = network(dict(data))["stress"][0]
            return 1e4 * ((stress - wanted) ** 2).mean()

    # the sign of the labels is that of the model: the opposite one would be far worse
    assert loss().item() < 1e4 * (2 * wanted).square().mean().item()
    gradients = torch.autograd.grad(loss(), list(network.parameters()))
    for (name, parameter), gradient in zip(network.named_parameters(), gradients, strict=True):
        where, pair, step = int(gradient.abs().argmax()), [], 1e-5
        for sign in (1, -1):
            with torch.no_grad():
                parameter.view(-1)[where] += sign * step
                pair.append(loss().item())
                parameter.view(-1)[where] -= sign * step
        found = (pair[0] - pair[1]) / (2 * step)
        assert found == pytest.approx(gradient.view(-1)[where].item(), rel=1e-4, abs=1e-7), name
        assert abs(found) > 1e-6, name


def test_stress_in_the_loss_lowers_the_error_of_stress(labels, tmp_path):
    """The same frames, seed and epochs: the weight alone decides."""
    errors = {}
    for weight in (0.0, 30.0):
        settings = tiny_nequip(epochs=25, stress_weight=weight)
        out = tmp_path / f"{weight}.ckpt"
        train(labels[:16], labels[16:], settings, 3, out, tmp_path / str(weight))
        found = NequipPotential.load(out, device="cpu").evaluate(labels[16:]).stress
        wanted = np.array([frame.get_stress() for frame in labels[16:]])
        errors[weight] = np.abs(found - wanted).mean()
    assert errors[30.0] < 0.7 * errors[0.0]
