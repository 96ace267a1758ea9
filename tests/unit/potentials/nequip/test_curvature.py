"""The loss of phonon fine-tuning and its loop, against finite differences and full Hessians."""

import numpy as np
import pytest
import torch
from backends import needs, small
from logged import KilledError, logged
from models import CONVENTIONAL, bare, hessian, rattled_silicon, silicon_primitive, tiny_nequip
from repeats import rounding
from silicon import LATTICE

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.curvature import CurvatureLabel
from umklapp.errors import InputError
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import curvature, engine, slot_network
from umklapp.potentials.nequip.curvature import Batch
from umklapp.potentials.nequip.finetuning import Finetuning, finetune
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.member import Member
from umklapp.potentials.nequip.training import train

SETTINGS = config.CurvatureFinetune(
    steps=6, cotraining=2, validate_every=2, ema_decay=0.5, learning_rate=2e-3
)


def settings(**changes):
    return config.CurvatureFinetune(**(SETTINGS.model_dump() | changes))


def label_of(atoms, **changes):
    """Second derivatives of Stillinger–Weber by central differences."""
    n = len(atoms)
    array = hessian(atoms).reshape(n, 3, n, 3).transpose(0, 2, 1, 3)
    fields = {
        "perfect": atoms,
        "force_constants": array,
        "representatives": np.array([0, 4]),
        "forces": np.zeros((n, 3)),
        "energy": None,
        "stress": np.zeros(6),
        "labels": 1,
        "source": "central differences",
    }
    return CurvatureLabel(**(fields | changes))


@pytest.fixture(scope="module")
def label():
    return label_of(phonopy_cells.supercell(silicon_primitive(LATTICE), CONVENTIONAL))


@pytest.fixture(scope="module")
def frames():
    return rattled_silicon(12)


@pytest.fixture(scope="module")
def parent(frames, tmp_path_factory):
    """A checkpoint of a small member in double precision."""
    folder = tmp_path_factory.mktemp("curvature")
    train(frames[:9], frames[9:], tiny_nequip(epochs=20), 3, folder / "p.ckpt", folder / "s")
    return folder / "p.ckpt"


@pytest.fixture
def loop(parent, label, frames):
    return Finetuning(Member.load(parent), [label], frames[:9], frames[9:], SETTINGS, 1)


def columns(potential, atoms):
    """The Hessian of a potential, column by column."""
    vectors = np.eye(3 * len(atoms)).reshape(-1, len(atoms), 3)
    return np.array([potential.hessian_vector_product(atoms, each).ravel() for each in vectors])


def test_every_frame_of_a_batch_gets_its_column_in_one_product(loop, frames):
    """One product for frames of several cells is that of each alone, and of the forces."""
    potential = NequipPotential(loop.network, "cpu")
    rattled = [bare(each) for each in frames[:3]]
    generator = np.random.default_rng(0)
    labels = [label_of(each) for each in rattled]
    items = []
    for each in labels:
        item = curvature.perfect_item(each, loop.network.type_names, potential.cutoff)
        items.append(curvature.probed(item, each, curvature.probe("random", 8, generator)))
    batch = Batch.of(items, "cpu")
    together = loop.network(dict(batch.data))["hvp"].detach().cpu().numpy().reshape(3, 8, 3)
    step = 1e-4
    for atoms, item, found in zip(rattled, items, together, strict=True):
        vector = item.data["hvp_vector"].cpu().numpy()
        up, down = bare(atoms), bare(atoms)
        up.positions += step * vector
        down.positions -= step * vector
        plus, minus = potential.evaluate([up, down]).forces
        np.testing.assert_allclose(
            found, -(plus - minus) / (2 * step), atol=1e-6 * np.abs(found).max()
        )


@pytest.mark.parametrize("kind", ["one_hot", "random"])
def test_the_gradient_of_the_loss_is_that_of_finite_differences(loop, label, kind):
    """All terms, along a random direction of all weights."""
    changed = label_of(label.perfect, energy=-35.0, stress=np.full(6, 0.01))
    loop.labels, loop.settings = [changed], settings(probe=kind, columns=2)
    loop.perfect = [loop._item(changed.perfect, changed)]
    batch = loop.curvature_batch(0)
    weights = config.CurvatureWeights(energy=3.0)
    loop.network.train()
    loop.network.zero_grad()
    curvature.loss(loop.network, batch, weights).backward()
    torch.manual_seed(0)
    direction = [torch.randn_like(each) for each in loop.member.weights]
    slope = sum(
        float((d * w.grad).sum())
        for d, w in zip(direction, loop.member.weights, strict=True)
        if w.grad is not None
    )
    step, values = 1e-6, []
    for sign in (1, -2):
        with torch.no_grad():
            for weight, d in zip(loop.member.weights, direction, strict=True):
                weight.add_(sign * step * d)
        values.append(float(curvature.loss(loop.network, batch, weights)))
    assert abs(slope) > 1.0
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, rel=1e-5)


def test_the_average_over_all_columns_is_the_error_of_the_full_hessian(loop, label):
    potential = NequipPotential(loop.network, "cpu")
    item = loop.perfect[0]
    losses = []
    for vector in curvature.unit_vectors(range(8), 8):
        batch = Batch.of([curvature.probed(item, label, vector)], "cpu")
        losses.append(float(curvature.errors(loop.network(dict(batch.data)), batch)["curvature"]))
    exact = label.force_constants.transpose(0, 2, 1, 3).reshape(24, 24)
    error = np.abs(columns(potential, label.perfect) - exact).mean()
    assert error > 0.01
    assert np.mean(losses) == pytest.approx(error, rel=1e-10)
    # translations make all columns from those of a primitive cell: the validation sees everything
    assert loop.history[0]["curvature_mae_eV_per_A2"] == pytest.approx(error, rel=1e-8)


def test_the_hessian_of_a_tuned_member_is_symmetric_and_blind_to_translations(
    parent, label, frames, tmp_path
):
    out = tmp_path / "out.ckpt"
    finetune(parent, [label], frames[:9], frames[9:], SETTINGS, 1, out, tmp_path / "s")
    found = columns(NequipPotential.load(out, "cpu"), bare(frames[0]))
    scale = np.abs(found).max()
    np.testing.assert_allclose(found, found.T, atol=1e-11 * scale)
    np.testing.assert_allclose(found.reshape(24, 8, 3).sum(axis=1), 0, atol=1e-11 * scale)


def test_one_hot_probes_are_columns_and_all_are_drawn():
    generator, seen = np.random.default_rng(0), set()
    for _ in range(200):
        vector = curvature.probe("one_hot", 2, generator)
        assert np.count_nonzero(vector) == 1
        seen.add(int(vector.argmax()))
    assert seen == set(range(6))
    assert np.linalg.norm(curvature.probe("random", 5, generator)) == pytest.approx(1)


@pytest.mark.slow
def test_fine_tuning_halves_the_error_of_the_curvature(parent, label, frames, tmp_path):
    changed = settings(steps=150, ema_decay=0.9, learning_rate=5e-3, validate_every=10)
    out = tmp_path / "out.ckpt"
    result = finetune(parent, [label], frames[:9], frames[9:], changed, 1, out, tmp_path / "s")
    name = "curvature_mae_eV_per_A2"
    assert result.after[name] < 0.5 * result.before[name]
    tuned = columns(NequipPotential.load(out, "cpu"), label.perfect)
    exact = label.force_constants.transpose(0, 2, 1, 3).reshape(24, 24)
    assert np.abs(tuned - exact).mean() == pytest.approx(result.after[name], rel=1e-6)


def weights_of(path):
    model = NequipPotential.load(path, "cpu").model
    return torch.cat([each.ravel() for each in model.parameters()]).cpu().numpy()


def test_same_seed_same_weights_and_another_seed_others(parent, label, frames, tmp_path):
    found = []
    for number, seed in enumerate((1, 1, 2)):
        out = tmp_path / f"{number}.ckpt"
        finetune(parent, [label], frames[:9], frames[9:], SETTINGS, seed, out, tmp_path / out.stem)
        found.append(weights_of(out))
    np.testing.assert_allclose(found[0], found[1], **rounding())
    assert np.abs(found[0] - found[2]).max() > 1e-6


def test_killed_fine_tuning_goes_on_to_the_same_weights(parent, label, frames, tmp_path):
    arguments = parent, [label], frames[:9], frames[9:], SETTINGS, 1
    finetune(*arguments, tmp_path / "whole.ckpt", tmp_path / "whole")
    with pytest.raises(KilledError), logged(killed_at="step 4/"):
        finetune(*arguments, tmp_path / "b.ckpt", tmp_path / "broken")
    assert not (tmp_path / "b.ckpt").exists()
    with logged() as messages:
        finetune(*arguments, tmp_path / "b.ckpt", tmp_path / "broken")
    assert messages[0] == "continuing from step 4"
    np.testing.assert_allclose(
        weights_of(tmp_path / "whole.ckpt"), weights_of(tmp_path / "b.ckpt"), **rounding()
    )


def test_state_of_other_labels_is_not_continued(parent, label, frames, tmp_path):
    with logged() as messages:
        for array in (label.force_constants, 1.1 * label.force_constants):
            changed = label_of(label.perfect, force_constants=array)
            parts = parent, [changed], frames[:9], frames[9:], SETTINGS, 1
            finetune(*parts, tmp_path / "o.ckpt", tmp_path / "s")
    assert not any(line.startswith("continuing") for line in messages)


def test_worse_weights_are_not_kept(parent, label, frames, tmp_path):
    """With a rate that breaks the model the best weights are those it started from."""
    changed = settings(learning_rate=1.0, weight_decay=0.0)
    out = tmp_path / "o.ckpt"
    result = finetune(parent, [label], frames[:9], frames[9:], changed, 1, out, tmp_path / "s")
    assert result.best_step == 0
    assert result.forgetting == 1.0
    np.testing.assert_array_equal(weights_of(out), weights_of(parent))


def test_a_tuned_member_runs_on_the_committee_engine(parent, label, frames, tmp_path):
    """The network that is compiled, with the weights of the new checkpoint."""
    out = tmp_path / "out.ckpt"
    finetune(parent, [label], frames[:9], frames[9:], SETTINGS, 1, out, tmp_path / "s")
    tuned, before = NequipPotential.load(out, "cpu"), NequipPotential.load(parent, "cpu")
    network = slot_network.SlotNetwork(tuned.model)
    atoms = bare(frames[0])
    uncompiled = engine.Engine(network, [network], tuned.types, "cpu")
    slots = Neighbours(network.cutoff, [len(atoms)]).of([atoms])
    graph = uncompiled.graph(slots, uncompiled.types_of(atoms.numbers))
    energy = float(uncompiled.call(graph, 0)[0].sum())
    assert energy == pytest.approx(tuned.evaluate([atoms]).energy[0], abs=1e-6)
    assert abs(energy - before.evaluate([atoms]).energy[0]) > 1e-4


def test_a_tuned_checkpoint_can_be_a_parent(parent, label, frames, tmp_path):
    """Warm starts of the next round begin with it."""
    out = tmp_path / "out.ckpt"
    finetune(parent, [label], frames[:9], frames[9:], SETTINGS, 1, out, tmp_path / "s")
    warm = tiny_nequip(warm_start={"epochs": 1, "learning_rate": 1e-9})
    again = tmp_path / "again.ckpt"
    train(frames[:9], frames[9:], warm, 3, again, tmp_path / "t", parent=out)
    np.testing.assert_allclose(weights_of(again), weights_of(out), atol=1e-6)


@needs("allegro")
def test_allegro_learns_second_derivatives(label, frames, tmp_path):
    """The error after is that of its whole Hessian, here by columns of the written model."""
    member, out = tmp_path / "a.ckpt", tmp_path / "b.ckpt"
    train(frames[:9], frames[9:], small("allegro"), 3, member, tmp_path / "s")
    changed = settings(steps=20, weights={"curvature": 1000.0})
    parts = [label], frames[:9], frames[9:]
    result = finetune(member, *parts, changed, 1, out, tmp_path / "t")
    name = "curvature_mae_eV_per_A2"
    assert result.after[name] < 0.9 * result.before[name]
    wrong = columns(NequipPotential.load(out, "cpu"), label.perfect) - hessian(label.perfect)
    chosen = wrong.reshape(8, 3, 24)[label.representatives]
    assert result.after[name] == pytest.approx(np.abs(chosen).mean(), rel=1e-3)


def test_force_constants_in_rydberg_and_bohr_are_noticed(parent, label, frames):
    """The member's own Hessian is the witness where the numbers could be eV/Å²."""
    wrong = label_of(label.perfect, force_constants=label.force_constants / 48.587)
    with pytest.raises(InputError, match=r"5\d times those of the labels.*Ry/bohr²"):
        Finetuning(Member.load(parent), [wrong], frames[:9], frames[9:], SETTINGS, 1)


def test_foreign_species_and_foreign_files_are_named(parent, label, frames, tmp_path):
    other = label.perfect.copy()
    other.numbers[:] = 32
    with pytest.raises(InputError, match=r"the model knows \['Si'\], a frame has \['Ge'\]"):
        Finetuning(
            Member.load(parent), [label_of(label.perfect, perfect=other)], [], [], SETTINGS, 1
        )
    (tmp_path / "x.ckpt").write_text("no checkpoint")
    with pytest.raises(InputError, match=r"x\.ckpt: cannot be loaded"):
        Member.load(tmp_path / "x.ckpt")
