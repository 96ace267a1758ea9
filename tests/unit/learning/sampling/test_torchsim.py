"""The torch-sim back end against our own evaluation and statistical mechanics."""

import importlib

import numpy as np
import pytest
from ase.build import bulk
from logged import logged
from networks import SMALL, potential
from repeats import rounding

from umklapp import config
from umklapp.crystals import sites
from umklapp.errors import CalculationError, InputError
from umklapp.learning.sampling import dynamics, exploration, health, kinetics, recording
from umklapp.potentials import neighbours
from umklapp.potentials.committee import Committee
from umklapp.potentials.nequip import engine

torch_sim = pytest.importorskip("torch_sim", reason="torch-sim is not installed")
torchsim = importlib.import_module("umklapp.learning.sampling.torchsim")

LOOSE = health.Limits(temperature=1e6, distance=0.1, force=1e6)


@pytest.fixture(scope="module")
def committee(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    engine.prepare(SMALL, 2, "compiled", folder)
    return Committee([potential(seed) for seed in range(3)], folder)


def starts(count=2):
    found = []
    for seed in range(count):
        atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
        atoms.rattle(0.05, seed=seed)
        atoms.positions += 3.0  # some atoms outside of the cell
        found.append(atoms)
    return found


def run(committee, frames, temperatures, limits=LOOSE, seed=0, **changes):
    options = {"timestep": 1.0, "friction": 0.02, "steps": 10, "every": 5} | changes
    return torchsim.run(
        committee,
        frames,
        temperatures,
        recording.Recorder(np.zeros(len(committee))),
        np.random.default_rng(seed),
        dynamics.Scheme(**options),
        lambda target: limits,
    )


def test_the_model_is_the_committee(committee):
    frames = [*starts(2), bulk("NaCl", "rocksalt", a=5.6).repeat((2, 1, 1))]
    frames[2].rattle(0.1, seed=1)
    for frame in frames:
        frame.wrap()
    model = torchsim.CommitteeModel(committee, frames)
    state = torch_sim.io.atoms_to_state(frames, model.device, model.dtype)
    out = model(state)
    wanted = committee.evaluate_members(frames)
    np.testing.assert_allclose(model.energy.cpu().numpy(), wanted.energy, rtol=1e-6, atol=1e-5)
    forces = np.concatenate(wanted.forces, axis=1)
    np.testing.assert_allclose(model.member_forces.cpu().numpy(), forces, atol=2e-6)
    np.testing.assert_allclose(out["forces"].cpu().numpy(), forces.mean(axis=0), atol=2e-6)
    shortest = [sites.shortest_distance(frame) for frame in frames]
    np.testing.assert_allclose(model.shortest.cpu().numpy(), shortest, atol=1e-9)


def test_neighbours_are_kept_while_atoms_move_little(committee, monkeypatch):
    """One search of every system at the start, though atoms are wrapped into the cell."""
    searches, search = [], neighbours.neighbour_list
    monkeypatch.setattr(
        neighbours, "neighbour_list", lambda *a, **k: searches.append(1) or search(*a, **k)
    )
    run(committee, starts(2), [30.0, 30.0], steps=8)
    assert len(searches) == 2


def test_records_are_those_of_our_own_dynamics(committee):
    found = run(committee, starts(), [300.0, 600.0])
    again = run(committee, starts(), [300.0, 600.0])
    for trajectory, same in zip(found, again, strict=True):
        assert trajectory.ended == health.BOUND_REACHED
        assert trajectory.time == [5.0, 10.0]
        np.testing.assert_allclose(trajectory.positions, same.positions, **rounding())
        frames = recording.kept_frames([trajectory])
        judged = exploration.judge_pool(committee, frames, np.zeros(len(committee)))
        for name, values in trajectory.measures.items():
            wanted = [each.measures[name][0] for each in judged]
            np.testing.assert_allclose(values, wanted, rtol=1e-3, atol=1e-5, err_msg=name)
        wanted = [each.energy[0] for each in judged]
        np.testing.assert_allclose(trajectory.energy, wanted, atol=1e-6)


def test_a_replica_ends_alone(committee):
    hot = starts(3)
    hot[1].positions[0] += [0.9, 0.9, 0.9]
    force = [
        np.linalg.norm(each, axis=1).max() for each in committee.evaluate_members(hot).mean.forces
    ]
    assert force[1] > max(force[0], force[2])
    strict = health.Limits(1e6, 0.1, (force[1] + max(force[0], force[2])) / 2)
    with logged() as messages:
        found = run(committee, hot, [30.0] * 3, limits=strict)
    assert found[1].ended.startswith("stopped at step 0: force")
    assert [each.ended for each in (found[0], found[2])] == [health.BOUND_REACHED] * 2
    assert any("replica 1" in line for line in messages)


def test_the_last_good_frame_is_kept(committee):
    limits = health.Limits(temperature=1.0, distance=0.1, force=1e6)
    found = run(committee, starts(1), [3000.0], limits=limits)
    assert found[0].ended.startswith("stopped at step 0: temperature")
    assert found[0].time == []


@pytest.mark.parametrize(
    "changes", [{"driver": "members"}, {"bias": 0.1}, {"barostat": kinetics.Barostat()}]
)
def test_what_it_cannot_do_is_refused(committee, changes):
    with pytest.raises(InputError, match="torchsim"):
        run(committee, starts(), [300.0, 300.0], **changes)


def test_without_the_engine_it_says_so():
    with pytest.raises(InputError, match="compiled graph"):
        torchsim.CommitteeModel(Committee([potential(0)]), starts())


def test_an_unknown_species_is_named(committee):
    with pytest.raises(CalculationError, match="frame has \\['K'\\]"):
        run(committee, [bulk("KCl", "rocksalt", a=6.3, cubic=True)], [300.0])


def test_it_is_chosen_by_configuration(committee):
    settings = config.MdExploration(
        backend="torchsim", replicas=2, steps=4, every=2, max_uncertainty=1e3
    )
    perfect = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    generator = np.random.default_rng(0)
    zero = np.zeros(len(committee))
    found = exploration.run(committee, perfect, [], zero, settings, generator)
    assert len(found) == 2
    with pytest.raises(ValueError, match="torchsim"):
        config.MdExploration(backend="torchsim", ensemble="npt")
