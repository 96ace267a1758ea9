"""Sums on the device against sums written out, and what is asked for is all that is made."""

import numpy as np
import pytest
import torch
from networks import SMALL, frames, potential

from umklapp.potentials import edge_sums
from umklapp.potentials.batches import Batches
from umklapp.potentials.contract import CommitteePrediction, spread_of_forces
from umklapp.potentials.nequip.batched import BatchedMembers
from umklapp.potentials.nequip.engine import Engine
from umklapp.potentials.nequip.slot_network import SlotNetwork


@pytest.fixture
def edges():
    """Vectors, gradient and neighbours of 7 atoms in 3 frames with 4 slots."""
    generator = torch.Generator().manual_seed(0)
    vectors, gradient = torch.randn(2, 7, 4, 3, generator=generator, dtype=torch.float64)
    frame_of = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    source = torch.tensor([[1, 1, 0, 1], [0, 0, 1, 0], *[[2, 3, 4, 3]] * 3, *[[5, 6, 6, 5]] * 2])
    return vectors, gradient, source, frame_of


def test_forces_are_those_of_every_edge(edges):
    _, gradient, source, _ = edges
    wanted = np.zeros((7, 3))
    for atom, slot in np.ndindex(7, 4):
        wanted[atom] += gradient[atom, slot].numpy()
        wanted[source[atom, slot]] -= gradient[atom, slot].numpy()
    np.testing.assert_allclose(edge_sums.forces(gradient, source), wanted, atol=1e-14)


def test_virials_are_of_one_frame_each(edges):
    vectors, gradient, _, frame_of = edges
    wanted = np.zeros((3, 3, 3))
    for atom, slot in np.ndindex(7, 4):
        wanted[frame_of[atom]] += np.outer(vectors[atom, slot], gradient[atom, slot])
    found = edge_sums.virials(vectors, gradient, frame_of, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-14)
    assert np.abs(found[0] - found[0].T).max() > 0.1  # no symmetry is put in


def test_the_spread_on_the_device_is_that_of_the_contract():
    forces = np.random.default_rng(0).normal(size=(4, 6, 3))
    found = edge_sums.spread(torch.from_numpy(forces))
    np.testing.assert_allclose(found, spread_of_forces(forces), atol=1e-15)


def test_all_tensors_come_back_as_they_were():
    tensors = [torch.rand(2, 3), torch.rand(()), torch.rand(0, 3), torch.arange(4)]
    for tensor, array in zip(tensors, edge_sums.on_host(*tensors), strict=True):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, tensor.numpy())


@pytest.fixture(scope="module")
def members():
    """Two members in double precision on the network that is compiled elsewhere."""
    stock = [potential(seed, SMALL.model_copy(update={"dtype": "float64"})) for seed in range(2)]
    networks = [SlotNetwork(member.model) for member in stock]
    return BatchedMembers(Engine(networks[0], networks, stock[0].types, "cpu"), stock), stock


def test_one_copy_to_the_host_a_batch(members, monkeypatch):
    """Forces of all members, energies, spread and stresses, whatever the number of members."""
    copies = []
    on_host = edge_sums.on_host
    monkeypatch.setattr(
        edge_sums, "on_host", lambda *tensors: copies.append(len(tensors)) or on_host(*tensors)
    )
    for method in ("cpu", "numpy", "item", "tolist"):
        monkeypatch.setattr(torch.Tensor, method, _counted(method, copies))
    batched, _ = members
    chunk = batched._chunk(frames()[:2])
    copies.clear()
    batched._predict(chunk, range(2), np.ones(2))
    assert copies == [4, "cpu", "numpy"]


def _counted(method, copies):
    original = getattr(torch.Tensor, method)

    def counted(tensor, *arguments):
        copies.append(method)
        return original(tensor, *arguments)

    return counted


def test_members_together_are_the_members(members):
    batched, stock = members
    found = batched.evaluate(frames())
    wanted = CommitteePrediction.of_members([member.evaluate(frames()) for member in stock])
    np.testing.assert_allclose(found.energy, wanted.energy, atol=1e-6)
    np.testing.assert_allclose(found.stress, wanted.stress, atol=1e-8)
    for name in ("forces", "spread"):
        for one, two in zip(getattr(found, name), getattr(wanted, name), strict=True):
            np.testing.assert_allclose(one, two, atol=2e-6)


@pytest.mark.parametrize("atoms", [10, 1000])
def test_every_frame_by_its_own_member(members, atoms, monkeypatch):
    """In any order, in one batch or in many; stress, too."""
    batched, stock = members
    monkeypatch.setattr(batched, "batches", Batches(atoms))
    drivers = [1, 0, 1, 0]
    found = batched.evaluate_each(frames(), drivers)
    for number, driver in enumerate(drivers):
        wanted = stock[driver].evaluate([frames()[number]])
        assert found.energy[number] == pytest.approx(wanted.energy[0], abs=1e-6)
        np.testing.assert_allclose(found.forces[number], wanted.forces[0], atol=2e-6)
        np.testing.assert_allclose(found.stress[number], wanted.stress[0], atol=1e-8)


def test_a_stress_that_nobody_asks_for_is_not_made(members, monkeypatch):
    batched, _ = members
    wanted = batched.evaluate(frames())
    monkeypatch.setattr(edge_sums, "virials", None)
    found = batched.evaluate(frames(), stress=False)
    assert np.isnan(found.stress).all()
    assert found.stress.shape == wanted.stress.shape
    for one, two in zip(found.forces, wanted.forces, strict=True):
        np.testing.assert_array_equal(one, two)
