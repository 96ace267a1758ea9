import h5py
import numpy as np
import pytest
from models import bare, rattled_silicon, silicon_cubic, springs, sw_potential

from umklapp.config import MdExploration
from umklapp.learning.judgement import reference_energies
from umklapp.learning.sampling import descriptors, exploration, health, uncertainty
from umklapp.learning.sampling.recording import Trajectory
from umklapp.potentials.committee import Committee


@pytest.fixture
def committee():
    perfect = silicon_cubic()
    return Committee([springs(perfect, 4.0, 80.0), springs(perfect, 6.0, -40.0)])


def explore(committee, seed=0, known=(), **settings):
    perfect = silicon_cubic()
    options = {"replicas": 3, "temperatures": [200.0, 500.0], "steps": 12, "every": 4} | settings
    return exploration.run(
        committee,
        perfect,
        list(known),
        reference_energies(committee, perfect),
        MdExploration(**options),
        np.random.default_rng(seed),
    )


def write(path, committee, replicas):
    perfect = silicon_cubic()
    exploration.write(path, replicas)
    descriptors.add(path, committee, perfect)


def test_what_is_written_is_read(committee, tmp_path):
    replicas = explore(committee)
    write(tmp_path / "e.h5", committee, replicas)
    found = exploration.read(tmp_path / "e.h5")
    assert len(found.frames) == 9
    np.testing.assert_array_equal(found.replica, np.repeat([0, 1, 2], 3))
    np.testing.assert_array_equal(found.time, [8.0, 16.0, 24.0] * 3)
    for name in ("energy", "temperature", "shortest_distance"):
        wanted = [value for each in replicas for value in getattr(each, name)]
        np.testing.assert_array_equal(getattr(found, name), wanted)
    positions = [frame.positions for frame in found.frames]
    np.testing.assert_array_equal(positions, [x for each in replicas for x in each.positions])
    np.testing.assert_array_equal(found.forces, [x for each in replicas for x in each.forces])
    np.testing.assert_array_equal(found.spread, [x for each in replicas for x in each.spread])
    assert found.ended == [health.BOUND_REACHED] * 3
    assert set(found.measures) == set(uncertainty.NAMES)
    np.testing.assert_array_equal(found.target_temperature, np.repeat([200.0, 500.0, 200.0], 3))
    assert found.descriptors.shape == (9, 24)  # springs have no features: displacements
    for frame in found.frames:
        assert frame.pbc.all()
        np.testing.assert_array_equal(frame.numbers, [14] * 8)
        np.testing.assert_array_equal(frame.cell.array, silicon_cubic().cell.array)
    assert list(tmp_path.iterdir()) == [tmp_path / "e.h5"]  # no half file is left


def test_the_file_says_units_and_targets(committee, tmp_path):
    write(tmp_path / "e.h5", committee, explore(committee))
    with h5py.File(tmp_path / "e.h5") as file:
        assert "eV/Å" in file.attrs["units"]
        targets = [file[name].attrs["target_temperature"] for name in sorted(file)]
    assert targets == [200.0, 500.0, 200.0]  # in turn


def test_named_uncertainties(committee, tmp_path):
    write(tmp_path / "e.h5", committee, explore(committee))
    found = exploration.read(tmp_path / "e.h5")
    lengths = [
        np.linalg.norm(frame.positions - silicon_cubic().positions, axis=1)
        for frame in found.frames
    ]
    np.testing.assert_allclose(found.measures["force_max"], np.max(lengths, axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.measures["force_mean"], np.mean(lengths, axis=1), rtol=1e-6)
    wanted = 0.5 * np.square(lengths).sum(axis=1) / 8
    np.testing.assert_allclose(found.measures["energy"], wanted, rtol=1e-6, atol=1e-12)


def test_a_replica_that_kept_no_frame_keeps_its_reason_and_its_number(committee, tmp_path):
    full = explore(committee, replicas=1)[0]
    empty = Trajectory(silicon_cubic(), 300.0, ended="stopped at step 1: force")
    write(tmp_path / "e.h5", committee, [empty, full])
    found = exploration.read(tmp_path / "e.h5")
    assert len(found.frames) == 3
    np.testing.assert_array_equal(found.replica, [1, 1, 1])
    assert found.ended == ["stopped at step 1: force", health.BOUND_REACHED]
    assert found.measures["force_max"].shape == (3,)


@pytest.mark.parametrize("kind", ["force_max", "force_mean", "energy"])
def test_nothing_explored(tmp_path, committee, kind):
    write(tmp_path / "e.h5", committee, [])
    found = exploration.read(tmp_path / "e.h5")
    assert found.frames == []
    assert found.ended == []
    assert found.measures[kind].shape == (0,)
    assert found.time.shape == (0,)


def test_more_than_ten_replicas_stay_in_order(tmp_path, committee):
    replicas = [Trajectory(silicon_cubic(), 300.0, ended=str(number)) for number in range(12)]
    write(tmp_path / "e.h5", committee, replicas)
    assert exploration.read(tmp_path / "e.h5").ended == [str(number) for number in range(12)]


def test_limits_come_from_the_settings_and_the_perfect_crystal():
    potential = Committee([sw_potential()])
    hot = explore(potential, temperatures=[300.0], max_temperature=0.01)
    assert all("above 3 K" in each.ended for each in hot)
    close = explore(potential, min_distance=1.5)
    assert all("limit 3.53 Å" in each.ended for each in close)  # 1.5 × 2.352 Å
    strong = explore(potential, max_force=1e-3)
    assert all("above 0.0 eV/Å" in each.ended for each in strong)


def test_the_exploration_is_seeded(committee):
    first, second, other = (explore(committee, seed)[2] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.positions, second.positions)
    assert not np.array_equal(first.positions, other.positions)


def test_starts_are_known_frames_in_the_cell_of_the_crystal():
    perfect = silicon_cubic()
    known = rattled_silicon(4, strain=0)
    others = [*rattled_silicon(2, strain=0.02), perfect.repeat((2, 1, 1))]
    found = exploration.starting_frames(perfect, others + known, 40, np.random.default_rng(0))
    assert len(found) == 40
    assert {id(frame) for frame in found} == {id(frame) for frame in known}


def test_starts_in_a_cell_that_was_relaxed_elsewhere_are_brought_to_ours():
    """10⁻⁴ of strain made every replica start from the perfect crystal, without a word."""
    perfect, known = silicon_cubic(), rattled_silicon(1, strain=0)[0]
    other = known.copy()
    other.set_cell(perfect.cell.array * (1 + 2e-4), scale_atoms=True)
    (found,) = exploration.starting_frames(perfect, [other], 1, np.random.default_rng(0))
    np.testing.assert_allclose(found.cell.array, perfect.cell.array)
    np.testing.assert_allclose(found.positions, known.positions, atol=1e-9)


def test_without_a_known_frame_the_crystal_is_the_start():
    perfect = silicon_cubic()
    for known in ([], rattled_silicon(2, strain=0.02)):
        found = exploration.starting_frames(perfect, known, 3, np.random.default_rng(0))
        assert all(frame is perfect for frame in found)


def test_an_exploration_leaves_the_known_frames_alone(committee):
    known = rattled_silicon(1, strain=0)
    before = known[0].positions.copy()
    explore(committee, known=known, replicas=2)
    np.testing.assert_array_equal(known[0].positions, before)
    assert known[0].calc is not None


# pool


def test_a_pool_is_judged_frame_by_frame(committee, tmp_path):
    perfect, pool = silicon_cubic(), [bare(f) for f in rattled_silicon(3, strain=0)]
    replicas = exploration.judge_pool(committee, pool, reference_energies(committee, perfect))
    write(tmp_path / "e.h5", committee, replicas)
    found = exploration.read(tmp_path / "e.h5")
    np.testing.assert_array_equal(found.replica, [0, 1, 2])
    np.testing.assert_array_equal(found.time, 0)
    assert np.isnan(found.temperature).all()
    for number, frame in enumerate(pool):
        x = frame.positions - perfect.positions
        np.testing.assert_array_equal(found.frames[number].positions, frame.positions)
        np.testing.assert_allclose(found.forces[number], -5 * x)
        np.testing.assert_allclose(found.spread[number], np.linalg.norm(x, axis=1))
        assert found.energy[number] == pytest.approx(2.5 * (x**2).sum() / 8)
        assert found.measures["energy"][number] == pytest.approx(0.5 * (x**2).sum() / 8)
    assert found.ended == ["frame of the pool"] * 3


def test_an_empty_pool(committee):
    assert exploration.judge_pool(committee, [], np.zeros(2)) == []


# what outlives a job


def test_dynamics_are_on_disk_before_their_descriptors(committee, tmp_path):
    """A step that runs out of memory after hours of dynamics does not take them with it."""
    path = tmp_path / "unfinished.h5"
    assert not exploration.was_written(path, "these inputs")
    exploration.write(path, explore(committee), "these inputs")
    assert exploration.was_written(path, "these inputs")
    assert not exploration.was_written(path, "other inputs")
    assert exploration.read(path).descriptors.shape == (9, 0)
    for _ in range(2):  # the second attempt finds what the first has left
        descriptors.add(path, committee, silicon_cubic())
    assert exploration.read(path).descriptors.shape == (9, 24)


def test_a_file_that_was_cut_is_none(committee, tmp_path):
    path = tmp_path / "unfinished.h5"
    exploration.write(path, explore(committee), "these inputs")
    path.write_bytes(path.read_bytes()[:2000])
    assert not exploration.was_written(path, "these inputs")


# settings


def test_the_configuration_is_translated_to_internal_units():
    settings = MdExploration(
        ensemble="npt", barostat={"pressure": 1.0, "compressibility": 0.02, "anisotropic": True}
    )
    found = exploration.scheme_of(settings)
    assert found.barostat.pressure == pytest.approx(1 / 160.21766208)  # 1 GPa in eV/Å³
    assert found.barostat.compressibility == pytest.approx(0.02 * 160.21766208)
    assert found.barostat.anisotropic
    assert exploration.scheme_of(MdExploration()).barostat is None


def test_cells_of_constant_pressure_dynamics_are_kept(tmp_path):
    committee = Committee([sw_potential(), sw_potential()])
    replicas = explore(committee, ensemble="npt", replicas=1, steps=8, every=4)
    write(tmp_path / "e.h5", committee, replicas)
    volumes = [frame.cell.volume for frame in exploration.read(tmp_path / "e.h5").frames]
    assert len(set(volumes)) == 2


def test_candidates_have_expected_errors(committee, tmp_path):
    write(tmp_path / "e.h5", committee, explore(committee))
    found = exploration.read(tmp_path / "e.h5")
    ready = exploration.candidates(found, "force_mean", 3.0)
    np.testing.assert_array_equal(ready.uncertainty, found.measures["force_mean"])
    np.testing.assert_array_equal(ready.expected, 3 * found.measures["force_max"])
    assert len(ready) == 9
    assert (ready.atoms == 8).all()
    assert np.isnan(exploration.candidates(found, "energy", None).expected).all()


# how replicas start


def hop(frame, distance=1.5):
    """A frame with one atom beyond half a bond (2.35 Å) from its site; labels do not matter."""
    moved = bare(frame)
    moved.positions[3] += distance * np.array([1, -1, 1]) / np.sqrt(3)
    return moved


def test_how_a_frame_starts():
    perfect = silicon_cubic()
    assert exploration.start_of(perfect, perfect) == exploration.CRYSTAL
    assert exploration.start_of(hop(perfect), perfect) == exploration.HOPPED
    drifted, wrapped = bare(perfect), hop(perfect)
    drifted.positions += 2.0
    assert exploration.start_of(drifted, perfect) == exploration.CRYSTAL
    wrapped.wrap()
    assert exploration.start_of(wrapped, perfect) == exploration.HOPPED


def test_half_of_the_replicas_start_at_the_sites():
    perfect = silicon_cubic()
    known = [hop(perfect, 1.5 + 0.05 * k) for k in range(6)] + rattled_silicon(1, strain=0.0)
    for seed in range(5):
        starts = exploration.starting_frames(perfect, known, 5, np.random.default_rng(seed))
        kinds = [exploration.start_of(frame, perfect) for frame in starts]
        assert kinds[:3] == [exploration.CRYSTAL] * 3
    only = exploration.starting_frames(perfect, known[:6], 4, np.random.default_rng(0))
    np.testing.assert_array_equal(only[0].positions, perfect.positions)
    assert exploration.start_of(only[3], perfect) == exploration.HOPPED


def test_the_file_says_how_replicas_started(committee, tmp_path):
    replicas = explore(committee, known=[hop(silicon_cubic())], max_temperature=1e9)
    write(tmp_path / "e.h5", committee, replicas)
    found = exploration.read(tmp_path / "e.h5")
    assert found.starts == [exploration.CRYSTAL, exploration.CRYSTAL, exploration.HOPPED]
    assert found.dynamics
    with h5py.File(tmp_path / "e.h5", "a") as file:  # as files were before
        for name in file:
            del file[name].attrs["start"]
    assert exploration.read(tmp_path / "e.h5").starts == ["", "", ""]


def test_a_pool_is_no_dynamics(committee, tmp_path):
    perfect = silicon_cubic()
    zero = reference_energies(committee, perfect)
    write(tmp_path / "e.h5", committee, exploration.judge_pool(committee, [perfect], zero))
    assert not exploration.read(tmp_path / "e.h5").dynamics
