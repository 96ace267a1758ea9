"""The contract of potentials, kept by every backend; and what is special about some."""

import os
import signal

import numpy as np
import pytest
from backends import TRAINING_OPTIONS, installed, needs, small
from logged import KilledError, logged
from models import bare, rattled_silicon
from potential_contract import PotentialContract

from umklapp import config
from umklapp.campaign import checks
from umklapp.config.backends import BACKENDS, TRAINING
from umklapp.errors import CalculationError, InputError
from umklapp.potentials import loading
from umklapp.potentials.committee import Committee
from umklapp.potentials.compiled_graphs import graph_of
from umklapp.potentials.external import bridge, potential
from umklapp.potentials.nequip import engine, heat_flux
from umklapp.potentials.training import trainer


class TestNequip(PotentialContract):
    settings = small("nequip")


@needs("allegro")
class TestAllegro(PotentialContract):
    settings = small("allegro")


@needs("so3krates")
@pytest.mark.slow
class TestSo3krates(PotentialContract):
    settings = small("so3krates", training={**TRAINING_OPTIONS, "learning_rate": 0.01})


@needs("mace")
@pytest.mark.slow
class TestMace(PotentialContract):
    settings = small("mace")


# --- Allegro --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labels():
    return rattled_silicon(12)


@pytest.fixture(scope="module")
def allegro(labels, tmp_path_factory):
    """Two members, and the folder of their compiled graph."""
    folder, settings = tmp_path_factory.mktemp("allegro"), small("allegro")
    members = []
    for seed in (1, 2):
        chosen = labels[: 8 + seed]  # another number of neighbours in every member
        out = folder / f"{seed}.ckpt"
        train(chosen, labels[10:], settings, seed, out, folder / str(seed))
        members.append(loading.load(out))
    for flux in (False, True):
        engine.prepare(
            settings, 1, "compiled", folder / f"{flux}", network=graph_of("allegro", flux)
        )
    return members, folder


@needs("allegro")
@pytest.mark.slow
def test_the_compiled_allegro_is_the_eager_one(allegro, labels):
    members, folder = allegro
    frames = [bare(labels[0]), bare(labels[1]) * (2, 1, 1)]
    committee = Committee(members, folder / "False")
    assert committee.batched is not None
    found = committee.batched.evaluate(frames)
    for number, member in enumerate(members):
        wanted = member.evaluate(frames)
        np.testing.assert_allclose(found.energy[number], wanted.energy, rtol=1e-12)
        np.testing.assert_allclose(found.stress[number], wanted.stress, atol=1e-12)
        for one, two in zip(found.forces, wanted.forces, strict=True):
            np.testing.assert_allclose(one[number], two, atol=1e-11)
    together = committee.features(frames)
    alone = [member.features(frames) for member in members]
    for number in range(2):
        wanted = np.concatenate([each[number] for each in alone], axis=1)
        np.testing.assert_allclose(together[number], wanted, atol=1e-11)


@needs("allegro")
@pytest.mark.slow
def test_the_heat_flux_of_allegro_is_the_unfolded_one(allegro, labels):
    from umklapp.potentials.heat_transport import NequipSource
    from umklapp.potentials.neighbours import Neighbours

    members, folder = allegro
    atoms = bare(labels[0])
    velocities = np.random.default_rng(0).normal(scale=0.01, size=atoms.positions.shape)
    wanted = heat_flux.unfolded(members[0], atoms, velocities)
    np.testing.assert_allclose(
        heat_flux.double_sum(members[0], atoms, velocities), wanted, rtol=1e-10
    )
    source = NequipSource(folder / "1.ckpt", atoms, folder / "False", folder / "True")
    found = source.flux(atoms, velocities, Neighbours(4.0, [len(atoms)]))
    np.testing.assert_allclose(found.potential[0], wanted, rtol=1e-9)
    np.testing.assert_allclose(found.forces[0], members[0].evaluate([atoms]).forces[0], atol=1e-11)


# --- the bridge to other environments -------------------------------------------------------------


@pytest.fixture(scope="module")
def outside(labels, tmp_path_factory):
    """A trained SO3krates model."""
    if not installed("so3krates"):
        pytest.skip("so3krates is not installed here: make so3krates-env")
    folder = tmp_path_factory.mktemp("outside")
    settings = small("so3krates", training={**TRAINING_OPTIONS, "epochs": 2})
    train(labels[:8], labels[8:], settings, 1, folder / "m.ckpt", folder / "scratch")
    return folder / "m.ckpt"


def train(first, held, settings, *rest, **more):
    """Train by the settings' backend."""
    return trainer(settings)(first, held, settings, *rest, **more)


def own_worker():
    """A worker that nobody else uses."""
    return bridge.Worker("so3krates", bridge.interpreter("so3krates"))


@pytest.mark.slow
def test_a_dead_worker_says_so_and_is_not_started_again(outside, labels):
    worker = own_worker()
    model = potential.ExternalPotential(outside, worker)
    assert np.isfinite(model.evaluate([bare(labels[0])]).energy).all()
    os.kill(worker.process.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(CalculationError, match="has ended with signal SIGKILL") as caught:
            model.evaluate([bare(labels[0])])
    assert str(worker.log) in str(caught.value)
    assert worker.process.poll() == -signal.SIGKILL
    worker.log.unlink()


@pytest.mark.slow
def test_an_error_of_the_worker_comes_back_and_the_worker_goes_on(outside, labels):
    worker = own_worker()
    model = potential.ExternalPotential(outside, worker)
    with pytest.raises(CalculationError, match=r"so3krates \(evaluate\): KeyError: 99") as caught:
        worker.ask("evaluate", potential.packed([bare(labels[0])]), models=[99])
    assert "Traceback" in worker.log.read_text()
    assert str(worker.log) in str(caught.value)
    assert np.isfinite(model.evaluate([bare(labels[0])]).energy).all()
    worker.close()
    worker.log.unlink()


@pytest.mark.slow
def test_a_worker_ends_with_its_last_user_and_leaves_nothing(outside):
    worker = own_worker()
    process, log = worker.process, worker.log
    model = potential.ExternalPotential(outside, worker)
    del model, worker
    assert process.poll() == 0
    assert not log.exists()


@pytest.mark.slow
def test_training_goes_on_where_it_was_killed(labels, tmp_path):
    if not installed("so3krates"):
        pytest.skip("so3krates is not installed here: make so3krates-env")
    settings = small("so3krates", training={**TRAINING_OPTIONS, "epochs": 10})
    parts = labels[:8], labels[8:], settings, 1

    whole, pieces = tmp_path / "whole.ckpt", tmp_path / "pieces.ckpt"
    first = train(*parts, whole, tmp_path / "a")
    with pytest.raises(KilledError), logged(killed_at="epoch 4/"):
        train(*parts, pieces, tmp_path / "b")
    with logged() as messages:
        second = train(*parts, pieces, tmp_path / "b")
    assert messages[0].startswith("continuing after epoch")
    assert first.validation == second.validation
    atoms = bare(labels[0])
    one, two = (loading.load(path).evaluate([atoms]).forces[0] for path in (whole, pieces))
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_warm_start_goes_on_from_its_parent(outside, labels, tmp_path):
    start = {"epochs": 1, "learning_rate": 1e-6}
    settings = small("so3krates", training={**TRAINING_OPTIONS, "warm_start": start})
    out = tmp_path / "child.ckpt"
    parts = labels[:8], labels[8:], settings, 1
    train(*parts, out, tmp_path / "s", parent=outside)
    old, new = loading.load(outside), loading.load(out)
    atoms = bare(labels[0])
    change = np.abs(old.evaluate([atoms]).forces[0] - new.evaluate([atoms]).forces[0]).max()
    assert 0 < change < 1e-3
    wider = small("so3krates", cutoff=5.0, training={**TRAINING_OPTIONS, "warm_start": start})
    with pytest.raises(InputError, match="another architecture"):
        train(*parts[:2], wider, 1, out, tmp_path / "t", parent=outside)


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_bytes(f"{potential.FIRST_LINE}\n{{".encode())
    with pytest.raises(InputError, match=r"model\.ckpt: not a whole model"):
        loading.load(path)
    path.write_bytes(b"something else")
    assert potential.read(path) is None


def test_a_missing_environment_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="make so3krates-env"):
        bridge.interpreter("so3krates", "nowhere")
    with pytest.raises(InputError, match="no environment of its own"):
        bridge.interpreter("nequip")


# --- what a configuration can ask for -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"potential": {"backend": "schnet"}}, ["potential.backend", "'nequip'", "schnet"]),
        (
            {"potential": {"backend": "so3krates", "parity": True}},
            ["parity: backend 'so3krates' has no such key"],
        ),
        ({"potential": {"backend": "so3krates", "mace": {"channels": 3}}}, ["mace", "no such key"]),
        ({"potential": {"mace": {"chanels": 3}}}, ["potential.mace.chanels: unknown key"]),
        ({"potential": {"backend": "so3krates", "l_max": 0}}, ["l_max is 0"]),
        ({"potential": {"backend": "mace", "l_max": 0}}, ["mace.hidden_l is 1, above l_max 0"]),
        ({"potential": {"environment": "x"}}, ["'nequip' runs in the main environment"]),
        ({"potential": {"so3krates": {"heads": 3}}}, ["no multiple of heads 3"]),
        (
            {
                "potential": {
                    "backend": "allegro",
                    "baseline": "taylor",
                    "training": {"stress_weight": 0},
                }
            },
            ["baseline 'taylor' is not known for backend 'allegro'", "set backend to 'nequip'"],
        ),
        (
            {"potential": {"backend": "mace"}, "green_kubo": {}},
            ["green_kubo: the heat flux is not known", "'mace'", "nequip, allegro"],
        ),
        (
            {"potential": {"backend": "so3krates"}, "finetune": {"kind": "curvature"}},
            ["finetune:", "'so3krates'", "second derivatives", "nequip, allegro"],
        ),
        (
            {
                "potential": {"backend": "so3krates"},
                "exploration": {"kind": "md", "backend": "torchsim"},
            },
            ["torchsim", "compiled graph", "'so3krates'"],
        ),
    ],
)
def test_what_a_backend_cannot_do_stops_before_the_run(plain, changes, words):
    with pytest.raises(InputError) as caught:
        config.validate({**plain, **changes})
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_line_chooses_a_backend(plain, backend):
    campaign = config.validate({**plain, "potential": {"backend": backend}})
    assert campaign.potential.training.learning_rate == BACKENDS[backend].learning_rate
    assert config.validate(campaign.model_dump(mode="json")) == campaign


def test_known_keys_are_keys_of_the_configuration():
    assert set(config.Training.model_fields) >= TRAINING
    for facts in BACKENDS.values():
        assert set(config.Potential.model_fields) > facts.keys


def test_a_missing_environment_stops_before_the_first_job(plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bridge, "ROOT", tmp_path)
    settings = {"backend": "mace"}
    with pytest.raises(InputError, match="make mace-env"):
        checks.check_backend(config.validate({**plain, "potential": settings}).potential)


def test_no_engine_is_compiled_for_an_outside_backend(tmp_path):
    engine.prepare(small("so3krates"), 1, "compiled", tmp_path)
    text = (tmp_path / "engine.json").read_text()
    assert "backend so3krates has no compiled graph" in text
    assert not (tmp_path / "graph.pt2").exists()
