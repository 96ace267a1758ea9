"""When a training is compiled, and that the compiled one is the eager one."""

import pytest
import torch
from logged import logged
from models import rattled_silicon, tiny_nequip

from umklapp.potentials.nequip import training_graph
from umklapp.potentials.nequip.graph_cache import compiler
from umklapp.potentials.nequip.training import train


@pytest.fixture(scope="module")
def labels():
    return rattled_silicon(10)


def with_options(**options):
    settings = tiny_nequip(epochs=2)
    return settings.model_copy(update={"training": settings.training.model_copy(update=options)})


@pytest.mark.parametrize(
    ("wanted", "epochs", "batch_size", "compiled"),
    [
        ("auto", 10, 2, False),  # too short to pay
        ("auto", training_graph.PAYS, 2, True),
        ("auto", training_graph.PAYS, 1, False),  # a batch of one frame is never compiled
        ("always", 10, 2, True),
        ("always", 10, 1, False),
        ("never", training_graph.PAYS, 2, False),
    ],
)
def test_a_training_is_compiled_where_it_pays(
    wanted, epochs, batch_size, compiled, labels, monkeypatch
):
    monkeypatch.setenv("UMKLAPP_COMPILE", wanted)
    monkeypatch.setattr(training_graph, "compiler", lambda: "g++")
    settings = with_options(epochs=epochs, batch_size=batch_size)
    assert training_graph.asked(labels, settings) == compiled


def test_without_a_compiler_auto_does_not_compile(labels, monkeypatch):
    monkeypatch.delenv("UMKLAPP_COMPILE", raising=False)
    monkeypatch.setenv("CXX", "/nowhere/g++")
    assert not training_graph.asked(labels, with_options(epochs=training_graph.PAYS))


def test_a_graph_that_cannot_be_compiled_trains_eagerly_and_says_so(labels, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise torch._inductor.exc.CppCompileError(["g++"], "no space left on device")

    monkeypatch.setenv("UMKLAPP_COMPILE", "always")
    monkeypatch.setattr(torch, "compile", broken)
    with logged() as messages:
        result = train(labels[:6], labels[6:], with_options(), 3, tmp_path / "m.ckpt", tmp_path)
    assert not result.compiled
    assert result.epochs == 2
    assert any("cannot be compiled" in line and "no space left" in line for line in messages)


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="no compiler on this machine")
def test_a_compiled_training_is_the_eager_one(labels, monkeypatch, tmp_path):
    """Same weights up to rounding, in double precision; its checkpoint is read as any other."""
    settings = with_options(epochs=3).model_copy(update={"dtype": "float64"})
    results, weights = {}, {}
    for wanted in ("never", "always"):
        monkeypatch.setenv("UMKLAPP_COMPILE", wanted)
        out, scratch = tmp_path / f"{wanted}.ckpt", tmp_path / wanted
        results[wanted] = train(labels[:6], labels[6:], settings, 3, out, scratch)
        weights[wanted] = torch.load(out, weights_only=False)["state_dict"]
    assert results["always"].compiled
    assert not results["never"].compiled
    assert results["always"].validation == pytest.approx(results["never"].validation, rel=1e-9)
    assert weights["always"].keys() == weights["never"].keys()
    for name, value in weights["never"].items():
        torch.testing.assert_close(weights["always"][name], value, rtol=1e-8, atol=1e-10)
