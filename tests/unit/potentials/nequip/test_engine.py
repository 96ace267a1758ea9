"""The compiled committee engine against NequIP's own eager modules."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from logged import logged
from networks import SMALL, frames, potential

from umklapp import config
from umklapp.errors import CalculationError
from umklapp.paths import existing
from umklapp.potentials import architectures
from umklapp.potentials.committee import Committee
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import engine, graph_cache, slot_network


def slot_forces(network, types, atoms):
    """Energy and forces by the uncompiled slot network."""
    device = str(network.weights[0].device)
    uncompiled = engine.Engine(network, [network], types, device)
    slots = Neighbours(network.cutoff, [len(atoms)]).of([atoms], device)
    energy, gradient, _ = uncompiled.call(
        uncompiled.graph(slots, uncompiled.types_of(atoms.numbers)), 0
    )
    gradient = gradient.cpu().numpy()
    forces = gradient.sum(axis=1)
    np.subtract.at(forces, slots.source.cpu().numpy(), gradient)
    return float(energy.sum()), forces


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("l_max", "features"), [(0, [8]), (1, [8, 4]), (2, [8, 6, 4])])
@pytest.mark.parametrize("parity", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slot_network_is_nequips(layers, l_max, features, parity, dtype):
    settings = config.Potential(
        cutoff=4.0, l_max=l_max, features=features, radial_width=16, layers=layers, parity=parity,
        dtype=dtype,
    )  # fmt: skip
    stock = potential(3, settings)
    network = slot_network.SlotNetwork(stock.model)
    for atoms in frames()[:3]:
        energy, forces = slot_forces(network, stock.types, atoms)
        wanted = stock.evaluate([atoms])
        assert energy == pytest.approx(wanted.energy[0], abs=1e-5 if dtype == "float32" else 1e-7)
        scale = np.abs(wanted.forces[0]).max()
        np.testing.assert_allclose(forces, wanted.forces[0], atol=2e-6 * max(1.0, scale))


def test_the_tables_are_the_radial_networks():
    """Values and slopes between the knots; the error is that of a fifth-order spline."""
    stock = potential(1)
    network = stock.model.model.func
    block = network.layer0_convnet.conv
    table = engine.convolution.tabulate(
        network.bessel_encode, network.factor, block.edge_mlp, torch.float64
    )
    x = torch.linspace(0.05, 0.999, 501, dtype=torch.float64, device=stock.device).unsqueeze(1)
    place = x[:, 0] * engine.convolution.INTERVALS
    t = (place % 1).unsqueeze(1)
    c = table[place.long()].unbind(1)
    value = sum(each * t**power for power, each in enumerate(c))
    again = engine.convolution.tabulate(
        network.bessel_encode, network.factor, block.edge_mlp, torch.float32
    )
    assert again.dtype == torch.float32
    data = network.factor(network.bessel_encode({"normed_edge_lengths": x}))
    wanted = block.edge_mlp(data["edge_embedding"].float()).double()
    assert float((value - wanted).abs().max()) < 2e-6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A compiled graph for two species, from the cache of the machine if this code has made it."""
    out = tmp_path_factory.mktemp("engine") / "2_species"
    engine.prepare(SMALL, 2, "compiled", out)
    if json.loads((out / "engine.json").read_text())["mode"] == "eager":
        pytest.skip("no compiler on this machine")
    return out


def test_compiled_members_are_the_eager_ones(folder):
    members = [potential(seed) for seed in range(3)]
    fast, slow = Committee(members, folder), Committee(members)
    assert fast.batched is not None
    mine, stock = fast.evaluate_members(frames()), slow.evaluate_members(frames())
    np.testing.assert_allclose(mine.energy, stock.energy, atol=2e-5)
    for one, two in zip(mine.forces, stock.forces, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    np.testing.assert_allclose(mine.stress, stock.stress, atol=1e-7)
    for one, two in zip(fast.features(frames()), slow.features(frames()), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
    each = fast.evaluate_each(frames(), [2, 0, 1, 2])
    for number, member in enumerate([2, 0, 1, 2]):
        np.testing.assert_allclose(each.forces[number], stock.forces[number][member], atol=1e-6)
        assert each.energy[number] == pytest.approx(stock.energy[member, number], abs=2e-5)


def test_members_go_on_with_half_a_batch_when_memory_runs_out(folder, monkeypatch):
    committee = Committee([potential(seed) for seed in range(2)], folder)
    wanted, features = committee.evaluate_members(frames()), committee.features(frames())
    call, sizes = committee.batched.engine.call, []

    def full(graph, member):
        sizes.append(len(graph[0]))
        if len(sizes) == 1:
            raise RuntimeError("CUDA error: out of memory")
        return call(graph, member)

    monkeypatch.setattr(committee.batched.engine, "call", full)
    found = committee.evaluate_members(frames())
    assert sizes == [30, 14, 14, 16, 16]
    for one, two in zip(found.forces, wanted.forces, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    for one, two in zip(committee.features(frames()), features, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_forces_are_derivatives_of_the_energy(folder):
    committee, atoms = Committee([potential()], folder), frames()[0]
    forces = committee.evaluate([atoms]).forces[0]
    for index in ((0, 0), (3, 1), (7, 2)):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[index] += 1e-2 * sign
            energies.append(committee.evaluate([moved]).energy[0])
        assert forces[index] == pytest.approx((energies[1] - energies[0]) / 2e-2, abs=2e-3)


def test_a_neighbour_list_that_is_kept_changes_nothing(folder):
    committee, atoms = Committee([potential()], folder), frames()[0]
    near = committee.neighbours([atoms], 0.4)
    generator = np.random.default_rng(0)
    for _ in range(10):
        atoms.positions += generator.normal(scale=0.03, size=(8, 3))
        kept = committee.evaluate_members([atoms], near).forces[0]
        np.testing.assert_allclose(kept, committee.evaluate_members([atoms]).forces[0], atol=1e-7)


def test_a_single_atom_and_an_unknown_species(folder):
    lone = Atoms("Na", cell=3 * [3.5], pbc=True)
    fast, slow = Committee([potential()], folder), Committee([potential()])
    np.testing.assert_allclose(fast.evaluate([lone]).energy, slow.evaluate([lone]).energy)
    with pytest.raises(CalculationError, match="the frame has \\['Li'\\]"):
        fast.evaluate([bulk("LiCl", "rocksalt", a=5.1)])


def test_the_graph_is_made_once(folder, tmp_path):
    """From the cache for the next campaign, and for a second job that wants it at once."""
    with logged() as messages:
        engine.prepare(SMALL, 2, "compiled", tmp_path / "again")
    assert messages == []
    assert json.loads((tmp_path / "again/engine.json").read_text())["seconds"] == 0


def test_two_jobs_at_once_compile_once(tmp_path):
    """Real processes; the second waits for the first one's lock and finds the graph."""
    code = (
        "import sys, pathlib\nfrom umklapp import config\n"
        "from umklapp.potentials.nequip import engine\n"
        "s = config.Potential(cutoff=4.0, l_max=0, features=[4], radial_width=8, layers=1)\n"
        "engine.prepare(s, 1, 'compiled', pathlib.Path(sys.argv[1]))\n"
    )
    import os

    environment = {**os.environ, "UMKLAPP_CACHE": str(tmp_path / "cache")}

    def job(number):
        command = [sys.executable, "-c", code, str(tmp_path / str(number))]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return json.loads((tmp_path / str(number) / "engine.json").read_text())

    with ThreadPoolExecutor(2) as pool:
        records = list(pool.map(job, range(2)))
    if records[0]["mode"] == "eager":
        pytest.skip("no compiler on this machine")
    assert sorted(record["seconds"] > 0 for record in records) == [False, True]
    assert len(list((tmp_path / "cache/engines").glob("*.pt2"))) == 1


@pytest.mark.parametrize("compiler", ["/nowhere/g++", "false"])
def test_without_a_working_compiler_evaluation_is_eager(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("UMKLAPP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", compiler)
    settings = SMALL.model_copy(update={"radial_width": 12})
    if compiler == "false":  # a compiler that is there, and fails

        def fail(*_):
            raise RuntimeError("ld returned 1 exit status")

        monkeypatch.setattr(graph_cache, "compile_graph", fail)
    engine.prepare(settings, 2, "compiled", tmp_path / "engine")
    record = json.loads((tmp_path / "engine/engine.json").read_text())
    assert record["mode"] == "eager"
    assert ("no C++ compiler" if "nowhere" in compiler else "ld returned 1") in record["reason"]
    assert "a compiled graph was asked for" in record["fallback"]
    assert not list((tmp_path / "cache/engines").glob("*.pt2"))
    committee = Committee([potential(0, settings)], tmp_path / "engine")
    assert committee.batched is None
    assert len(committee.evaluate(frames()).forces) == 4


def test_a_graph_for_a_card_needs_the_toolkit(monkeypatch, tmp_path):
    monkeypatch.setenv("UMKLAPP_CACHE", str(tmp_path))
    monkeypatch.setattr(graph_cache, "CUDA_HOME", None)
    monkeypatch.setattr(slot_network, "machine", lambda device: f"{device} of a test")
    network = slot_network.SlotNetwork(potential().model)
    with pytest.raises(CalculationError, match=r"no CUDA toolkit.*CUDA_HOME"):
        graph_cache.obtain(network, 2, "cuda")


def test_eager_by_configuration_is_no_fallback(tmp_path):
    """The log of a job says why, once."""
    engine.prepare(SMALL, 2, "eager", tmp_path / "engine")
    record = json.loads((tmp_path / "engine/engine.json").read_text())
    assert (record["mode"], record["fallback"]) == ("eager", None)
    with logged() as messages:
        committee = Committee([potential()], tmp_path / "engine")
        committee.evaluate(frames())
    assert committee.batched is None
    assert messages == ["eager evaluation: committee.engine is eager"]


@pytest.fixture
def foreign(folder, tmp_path):
    """The folder of a graph that was compiled on another machine."""
    made = tmp_path / "engines/2_species"
    made.mkdir(parents=True)
    record = json.loads((folder / "engine.json").read_text())
    changed = record | {"key": "of another machine", "reason": "cpu of another kind"}
    (made / "engine.json").write_text(json.dumps(changed))
    (made / "graph.pt2").write_bytes(b"machine code of another machine")
    return made


def test_a_graph_of_another_machine_is_not_used(foreign):
    assert engine.load(foreign, [potential()]) is not None  # from this machine's cache
    assert [path.name for path in foreign.parent.iterdir()] == ["2_species"]


@pytest.mark.parametrize("works", [True, False])
def test_what_a_job_compiles_or_cannot_is_a_record(works, folder, foreign, monkeypatch, tmp_path):
    """Beside the folder, where `umklapp status` looks for what is not as asked."""

    def compile_graph(network, types, device, out):
        if not works:
            raise RuntimeError("ld returned 1 exit status")
        out.write_bytes((folder / "graph.pt2").read_bytes())
        return 77.0

    monkeypatch.setenv("UMKLAPP_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(graph_cache, "compile_graph", compile_graph)
    with logged() as messages:
        assert (engine.load(foreign, [potential()]) is not None) == works
    records = existing(f"{foreign.parent}/2_species_*/engine.json")
    assert len(records) == 1
    record = json.loads(Path(records[0]).read_text())
    assert record["mode"] == ("compiled" if works else "eager")
    assert "compiled for cpu of another kind" in record["fallback"]
    told = "compiled its own in 77 s" if works else "eagerly (the architecture cannot be compiled"
    assert told in record["fallback"]
    assert record["fallback"] in messages


def test_members_of_different_architectures_are_evaluated_eagerly(folder):
    other = potential(0, SMALL.model_copy(update={"features": [6, 4]}))
    with logged() as messages:
        assert engine.load(folder, [potential(), other]) is None
    assert "different architectures" in messages[-1]


def test_the_key_is_of_the_architecture_alone():
    keys = {slot_network.SlotNetwork(potential(seed).model).key("cpu") for seed in range(3)}
    assert len(keys) == 1
    assert slot_network.SlotNetwork(architectures.untrained(SMALL, 2)).key("cpu") in keys
    assert slot_network.SlotNetwork(architectures.untrained(SMALL, 1)).key("cpu") not in keys
