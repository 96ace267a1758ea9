"""Frames of cheap surfaces: dynamics through melting, defects, what is dropped, what is refused."""

from copy import deepcopy

import numpy as np
import pytest
from ase.build import bulk
from ase.geometry import get_distances
from conftest import diamond, label, rattled
from pydantic import ValidationError
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.campaign import checks
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin
from umklapp.errors import CalculationError, InputError
from umklapp.learning.seeds import defects, low_fidelity
from umklapp.potentials import surfaces
from umklapp.potentials.ase import AsePotential

SILICON = {"kind": "calculator", "calculator": "silicon:StillingerWeberSilicon"}


def settings(**changes):
    plain = {
        "surface": SILICON,
        "count": 4,
        "replicas": 2,
        "temperatures": [600, 4000, 600],
        "steps": 60,
        "every": 10,
        "distillation": None,
    }
    return config.LowFidelitySeed.model_validate(plain | changes)


def sample(chosen, potential=None, seed=1, cell=None):
    potential = potential or AsePotential(StillingerWeberSilicon())
    generator = np.random.default_rng(seed)
    cell = diamond() if cell is None else cell
    origin = Origin(kind="low_fidelity", seed=0)
    return low_fidelity.sample(cell, potential, chosen, generator, origin)


@pytest.fixture(scope="module")
def melted():
    return sample(settings())


def test_every_frame_has_the_labels_of_the_surface(melted):
    assert melted.counts["made"] == melted.counts["kept"] == len(melted.frames) == 36
    assert melted.ended == 2 * ["bound on steps reached"]
    for frame in melted.frames[::5]:
        frames.check(frame, "cheap")
        assert frame.info["frame_id"] == frames.frame_id(frame)
        np.testing.assert_allclose(frame.get_forces(), label(frame).get_forces(), atol=1e-6)
        np.testing.assert_allclose(frame.get_stress(), label(frame).get_stress(), atol=1e-7)
        assert frame.info["origin"] == "low_fidelity 0"


def test_stages_follow_each_other_in_time(melted):
    for replica in (0, 1):
        mine = [f.info for f in melted.frames if f.info["replica"] == replica]
        assert [info["time"] for info in mine] == [20.0 * n for n in range(1, 19)]
        assert [info["stage"] for info in mine] == 6 * [0] + 6 * [1] + 6 * [2]
    assert [f.info["place"] for f in melted.frames] == list(range(36))
    blocks = [f.info["replica"] for f in melted.frames]
    assert blocks == sorted(blocks, key=blocks.index)  # a replica is one stretch


def test_summary_of_stages(melted):
    rows = low_fidelity.stages(melted.frames, [600, 4000, 600])
    assert [row.frames for row in rows] == [12, 12, 12]
    assert rows[0].order > rows[1].order
    assert rows[0].energy < rows[1].energy


def test_a_stage_begins_where_the_one_before_ended(melted):
    mine = [f for f in melted.frames if f.info["replica"] == 0]
    step = np.linalg.norm(mine[6].positions - mine[5].positions, axis=1).max()
    assert 0 < step < 1.0


def test_melting_and_order():
    """The hot stage loses the crystal's order; the cold one before it has it."""
    found = sample(settings(temperatures=[300, 8000], steps=300, every=20)).frames
    cold = [f.info["order"] for f in found if f.info["stage"] == 0]
    hot = [f.info["order"] for f in found if f.info["stage"] == 1][-10:]
    assert np.mean(cold) > 0.8
    assert np.mean(hot) < 0.5


def test_bias_melts_what_heat_alone_leaves_whole():
    bias = {"targets": [0.1], "stiffness": 3.0}
    plain = {"temperatures": [1000], "steps": 200}
    whole = [f.info["order"] for f in sample(settings(**plain)).frames][-5:]
    pushed = [f.info["order"] for f in sample(settings(**plain, bias=bias)).frames][-5:]
    assert np.mean(whole) > 0.8
    assert np.mean(pushed) < 0.6


def test_labels_of_biased_runs_have_no_bias():
    found = sample(settings(bias={"targets": [0.9, 0.2, 0.9]})).frames
    np.testing.assert_allclose(found[7].get_forces(), label(found[7]).get_forces(), atol=1e-6)


def test_same_generator_same_frames(melted):
    again, other = sample(settings()), sample(settings(), seed=2)
    ids = [[f.info["frame_id"] for f in found.frames] for found in (melted, again, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


def test_strains_and_defects_take_turns():
    chosen = settings(replicas=4, strains=[-0.05, 0.05], defects=["none", "frenkel"])
    made = low_fidelity.starts(diamond(), chosen, np.random.default_rng(0))
    lengths = [atoms.cell.lengths()[0] / diamond().cell.lengths()[0] for atoms in made]
    np.testing.assert_allclose(lengths, [0.95, 1.05, 0.95, 1.05])
    moved = []
    for atoms in made:
        sites = atoms.get_scaled_positions() - diamond().get_scaled_positions()
        moved.append(int((np.abs(sites - np.rint(sites)).max(axis=1) > 1e-6).sum()))
    assert moved == [0, 0, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_frenkel_pair_keeps_its_distance(seed):
    crystal = diamond() * (2, 1, 1)
    made = defects.frenkel(crystal, np.random.default_rng(seed))
    shift = np.linalg.norm(made.positions - crystal.positions, axis=1)
    assert (shift > 0).sum() == 1
    moved = int(np.argmax(shift))
    away = get_distances(
        made.positions[[moved]], crystal.positions[[moved]], cell=made.cell, pbc=True
    )[1]
    assert away[0, 0] >= 2.3
    others = np.delete(made.positions, moved, axis=0)
    near = get_distances(made.positions[[moved]], others, cell=made.cell, pbc=True)[1].min()
    assert 1.9 < near < 2.6  # the tetrahedral void of diamond is one bond length wide


def test_antisite_keeps_the_composition():
    crystal = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    made = defects.antisite(crystal, np.random.default_rng(0))
    assert (made.numbers == crystal.numbers).all()
    changed = np.flatnonzero(np.abs(made.positions - crystal.positions).max(axis=1) > 1e-9)
    assert sorted(crystal.numbers[changed]) == [11, 17]
    with pytest.raises(InputError, match="needs two species"):
        defects.antisite(diamond(), np.random.default_rng(0))


def test_what_is_not_physical_is_dropped_and_counted():
    good, close, hot = rattled(1), rattled(2), rattled(3, 0.35)
    close.positions[1] = close.positions[0] + [0.5, 0, 0]
    lost = rattled(4)
    lost.positions[0] = np.nan
    chosen = settings(max_force=5.0)
    potential = AsePotential(StillingerWeberSilicon())
    assert np.linalg.norm(label(hot).get_forces(), axis=1).max() > 5
    assert np.linalg.norm(label(good).get_forces(), axis=1).max() < 5
    kept, counts = low_fidelity.sift([good, close, hot, lost, good], potential, chosen, diamond())
    assert [frames.frame_id(f) for f in kept] == [frames.strip(good).info["frame_id"]]
    assert counts == {
        "made": 5,
        "kept": 1,
        "atoms too close": 1,
        "forces too large": 1,
        "positions not finite": 1,
        "repeated": 1,
    }


class Unlucky(AsePotential):
    """Loses its numbers after some frames, as tight binding does without convergence."""

    def evaluate(self, found):
        result = super().evaluate(found)
        for number, frame in enumerate(found):
            if frame.positions[0, 0] > 0.05:
                result.forces[number][:] = np.nan
        return result


def test_labels_that_are_not_finite_are_dropped():
    kept, counts = low_fidelity.sift(
        [rattled(n) for n in range(6)], Unlucky(StillingerWeberSilicon()), settings(), diamond()
    )
    bad = sum(frames.strip(rattled(n)).positions[0, 0] > 0.05 for n in range(6))
    assert counts["labels not finite"] == bad > 0
    assert len(kept) == 6 - bad


def test_exploded_replicas_are_told():
    """A timestep of 100 fs: nothing survives, and the message says what to change."""
    with pytest.raises(CalculationError, match=r"good frames.*stopped at step.*lower the timestep"):
        sample(settings(timestep=100.0, temperatures=[3000]))


def test_npt_changes_the_cell():
    found = sample(settings(ensemble="npt", temperatures=[600])).frames
    volumes = [f.cell.volume for f in found]
    assert np.std(volumes) > 0.01


def test_split_shares_no_stretch_between_parts(melted):
    """Labelled in chunks, in any order: the parts are stretches of the dynamics again."""
    labels = [*melted.frames[::2], *melted.frames[1::2]]
    parts = frames.split(labels, 0.2, 0.2)
    assert len(parts.calibration) == len(parts.test) == 7
    joined = [*parts.train, *parts.calibration, *parts.test]
    assert [f.info["place"] for f in joined] == list(range(36))


def test_bare_frames_go_to_the_reference(melted):
    bare = low_fidelity.to_label(melted.frames[:3])
    assert all(atoms.calc is None and "engine" not in atoms.info for atoms in bare)
    assert [b.info["frame_id"] for b in bare] == [f.info["frame_id"] for f in melted.frames[:3]]


# what is refused, and with which words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperatures": []}, "temperatures"),
        ({"every": 100}, "keeps no frame"),
        ({"count": 37}, "37, but 2 replicas keep 36"),
        ({"bias": {"targets": [0.5]}}, "one target per stage"),
        ({"bias": {"targets": [0.5, 1.5, 0.5]}}, "less than or equal to 1"),
        ({"distillation": {"start": 10}}, "more than count 4"),
        ({"strains": [0.5]}, "less than 0.3"),
        ({"defects": ["dislocation"]}, "frenkel"),
        ({"surface": {"kind": "calculator", "calculator": "silicon"}}, "pattern"),
        ({"surface": {"kind": "dftb"}}, "does not match any of the expected tags"),
    ],
)
def test_impossible_settings(changes, words):
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


def lowfi(plain, **changes):
    plain["seeds"].append(settings(**changes).model_dump(mode="json"))
    return plain


def test_campaigns_that_cannot_be(plain, tmp_path):
    potential = {"baseline": "taylor", "training": {"stress_weight": 0}}
    with pytest.raises(InputError, match="cannot describe atoms that leave their sites"):
        config.validate({**lowfi(deepcopy(plain)), "potential": potential})
    with pytest.raises(InputError, match="needs two species"):
        checks.check(config.validate(lowfi({**plain, "seeds": []}, defects=["antisite"])))
    missing = {"kind": "checkpoint", "path": str(tmp_path / "none.ckpt")}
    with pytest.raises(InputError, match=r"seeds.0.surface.path: .*none.ckpt does not exist"):
        checks.check(config.validate(lowfi({**plain, "seeds": []}, surface=missing)))
    twice = lowfi(lowfi({**plain, "seeds": []}, pretrain={}), pretrain={})
    with pytest.raises(InputError, match=r"seeds \[0, 1\] all have pretrain"):
        config.validate(twice)
    both = lowfi({**plain, "seeds": []}, pretrain={}) | {"potential": {"start": "model.ckpt"}}
    with pytest.raises(InputError, match=r"seeds.0.pretrain and potential.start both say"):
        config.validate(both)


def test_pretraining_settings():
    """Each of both trainings has its own length and rate; later rounds are as they were."""
    potential = config.Potential(training={"epochs": 60, "learning_rate": 0.02})
    chosen = config.Pretraining(epochs=7, learning_rate=0.03)
    assert chosen.learning(potential).training.epochs == 7
    assert chosen.learning(potential).training.learning_rate == 0.03
    assert chosen.transfer(potential).training.epochs == 60
    assert chosen.transfer(potential).training.learning_rate == 0.01
    other = chosen.model_copy(update={"transfer_epochs": 9, "transfer_learning_rate": 0.001})
    assert other.transfer(potential).training.epochs == 9
    assert other.transfer(potential).training.learning_rate == 0.001


def test_xtb_names_its_remedy(plain):
    surface = {"kind": "xtb"}
    with pytest.raises(InputError, match="pip install tblite"):
        surfaces.create(settings(surface=surface).surface)
    with pytest.raises(InputError, match="pip install tblite"):
        checks.check(config.validate(lowfi({**plain, "seeds": []}, surface=surface)))
