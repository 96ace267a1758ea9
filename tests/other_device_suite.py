"""Everything of a network stays on the model's device: fake tensors of a card that is not there.

torch runs shapes, types and devices without numbers; a tensor that was left on the processor is an
error, as it would be on a card. The processor itself is the control.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from nequip.data import AtomicDataDict
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from umklapp import config
from umklapp.potentials import architectures, edge_sums, neighbours
from umklapp.potentials.nequip import convolution, curvature, engine
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.slot_network import SlotNetwork

SETTINGS = config.Potential(features=[4, 4, 2], radial_width=8, cutoff=4.0)
ATOMS, SLOTS = 8, 6


@pytest.fixture(scope="module")
def card():
    """Name of a device that torch knows and no machine has."""
    name = "fake_card"
    if torch._C._get_privateuse1_backend_name() != name:
        _setup_privateuseone_for_python_backend(name)
    return name


@pytest.fixture(params=["cpu", "card"])
def device(request, card, monkeypatch):
    """The control, and the card; coupling coefficients become Python numbers, so they are real."""
    paths_of = convolution.paths_of

    def real(product):
        with unset_fake_temporarily():
            return paths_of(product)

    monkeypatch.setattr(convolution, "paths_of", real)
    return "cpu" if request.param == "cpu" else card


def moved(model, device):
    """The model with fake weights on the device."""
    for module in model.modules():
        for name, value in list(module._parameters.items()):
            if value is not None:
                fake = torch.empty(tuple(value.shape), dtype=value.dtype, device=device)
                module._parameters[name] = torch.nn.Parameter(fake, value.requires_grad)
        for name, value in list(module._buffers.items()):
            if value is not None:
                module._buffers[name] = torch.empty(
                    tuple(value.shape), dtype=value.dtype, device=device
                )
    return model


def slots(device):
    """Vectors, sources, types, intervals and places in them."""
    shape = (ATOMS, SLOTS)
    return [
        torch.zeros(*shape, 3, dtype=torch.float64, device=device),
        torch.zeros(shape, dtype=torch.long, device=device),
        torch.zeros(ATOMS, dtype=torch.long, device=device),
        torch.zeros(shape, dtype=torch.long, device=device),
        torch.zeros(shape, dtype=torch.float32, device=device),
    ]


@pytest.mark.parametrize("network", [SlotNetwork, FluxNetwork])
def test_the_compiled_graph_is_built_and_runs_where_the_model_is(device, network):
    """Radial tables, convolutions, forward and backward, and the tangents of the heat flux."""
    model = architectures.untrained(SETTINGS, 2)
    with FakeTensorMode(allow_non_fake_inputs=True):
        made = network(moved(model, device))
        extra = [
            torch.zeros(ATOMS, *shape, dtype=torch.float64, device=device) for shape in made.EXTRA
        ]
        out = made(*slots(device), *extra, *made.weights)
        assert {each.device.type for each in (*made.weights, *out)} == {device}
    assert tuple(out[1].shape) == (ATOMS, SLOTS, 3)


def test_a_tensor_left_on_the_processor_is_an_error(card):
    """The check can fail: what this file is about, in one line."""
    with FakeTensorMode(), pytest.raises(RuntimeError, match=r"device"):
        torch.zeros(3, device=card) + torch.zeros(3)


def test_neighbours_and_sums_stay_where_the_positions_are(device, monkeypatch):
    """A step but for what the host must know: which lists are old, how many slots it needs."""

    def search(lists, frame, positions, cell):
        lists._widen(SLOTS)
        rows = slice(lists.starts[frame], lists.starts[frame + 1])
        lists.inverse[frame] = torch.linalg.inv_ex(cell).inverse
        lists.fractional[rows] = positions @ lists.inverse[frame]

    monkeypatch.setattr(neighbours._Lists, "search", search)
    with FakeTensorMode(allow_non_fake_inputs=True):
        near = neighbours.Neighbours(4.0, [3, ATOMS - 3])
        positions = torch.zeros(ATOMS, 3, dtype=torch.float64, device=device)
        cells = torch.zeros(2, 3, 3, dtype=torch.float64, device=device)
        near._lists.move(positions.device)
        near._move(positions.device)
        edges = near._edges(near._unwrapped(positions, cells), cells)
        slots = neighbours._packed(edges, edges.lengths < 4.0, SLOTS - 1)
        forces = torch.stack([edge_sums.forces(slots.vectors, slots.source)] * 3)
        virials = edge_sums.virials(slots.vectors, slots.vectors, slots.frame_of, 2)
        made = [*vars(slots).values(), forces, virials, edge_sums.spread(forces)]
        assert {each.device.type for each in made} == {device}
    assert tuple(slots.vectors.shape) == (ATOMS, SLOTS - 1, 3)
    assert tuple(virials.shape) == (2, 3, 3)


def test_the_engine_hands_over_tensors_of_its_device(device):
    """Types, places in the radial tables and the members' weights."""
    model = architectures.untrained(SETTINGS, 2)
    with FakeTensorMode(allow_non_fake_inputs=True):
        made = SlotNetwork(moved(model, device))
        uncompiled = engine.Engine(made, [made], {"Na": 0, "Cl": 1}, device)
        vectors, source, types, *_ = slots(device)
        edges = neighbours.Slots(vectors, vectors.norm(dim=2), source, types, vectors[0, 0])
        graph = uncompiled.graph(edges, types)
        out = uncompiled.call(graph, 0)
        assert {each.device.type for each in (*graph, *out)} == {device}


def test_what_fine_tuning_differentiates_stays_on_the_device(device):
    """Stress and a Hessian–vector product with their graph, down to the weights.

    The loss itself looks at its labels (which are known?), which fake tensors cannot.
    """
    model = architectures.untrained(SETTINGS, 1).train()
    types = list(model.type_names)
    frame = bulk(types[0], "diamond", a=3.6, cubic=True)
    item = curvature.Item(
        {
            **curvature.graph(frame, types, SETTINGS.cutoff),
            curvature.VECTOR: torch.tensor(np.eye(24)[0].reshape(8, 3)),
        },
        torch.tensor(0.0, dtype=torch.float64),
        torch.zeros(8, 3, dtype=torch.float64),
        torch.zeros(1, 3, 3, dtype=torch.float64),
        torch.zeros(8, 3, dtype=torch.float64),
    )
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = moved(model, device)
        batch = curvature.Batch.of([item], "cpu")
        data = {
            key: torch.zeros(tuple(value.shape), dtype=value.dtype, device=device)
            for key, value in batch.data.items()
        }
        out = model(data)
        assert out[curvature.PRODUCT].device.type == device
        error = (out[curvature.PRODUCT]).abs().mean() + out[AtomicDataDict.STRESS_KEY].abs().mean()
        error.backward()
        weights = [each for each in model.parameters() if each.requires_grad]
        assert {each.grad.device.type for each in weights if each.grad is not None} == {device}
