"""Which cheap frames are kept: what members disagree about, the same again, on after a kill."""

import json

import numpy as np
import pytest
from conftest import diamond, label, rattled
from pydantic import ValidationError

from umklapp import config
from umklapp.errors import InputError
from umklapp.learning.seeds import distillation
from umklapp.potentials.contract import CommitteePrediction, spread_of_forces
from umklapp.potentials.nequip import training

TINY = {
    "members": 2,
    "start": 4,
    "batch": 3,
    "potential": {
        "l_max": 0,
        "layers": 1,
        "features": [4],
        "radial_width": 8,
        "training": {
            "epochs": 4,
            "stress_weight": 0,
            "warm_start": {"epochs": 2, "learning_rate": 0.01},
        },
    },
}


def settings(**changes):
    return config.Distillation.model_validate({**TINY, **changes})


def pool():
    """Twenty quiet frames and four of another kind: a strongly compressed crystal."""
    quiet = [label(rattled(seed, 0.02)) for seed in range(20)]
    small = diamond()
    small.set_cell(0.85 * small.cell.array, scale_atoms=True)
    return [*quiet, *(label(rattled(seed, 0.15, small)) for seed in range(4))]


@pytest.fixture(scope="module")
def distilled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distil")
    return folder, distillation.distil(pool(), settings(), 10, 3, folder)


def test_batches_are_added_until_the_count(distilled):
    _, found = distilled
    assert [row["frames"] for row in found.history] == [4, 7, 10]
    assert [row["left"] for row in found.history] == [20, 17, 14]
    assert found.chosen == sorted(set(found.order))
    assert len(found.chosen) == 10
    assert found.reason == "10 frames are chosen"
    assert all(row["seconds"] > 0 and row["force_mae_eV_per_A"] > 0 for row in found.history)


def test_the_unlike_frames_are_found(distilled):
    """All four compressed frames are in a choice of ten; chance alone would take fewer than two."""
    _, found = distilled
    assert {20, 21, 22, 23} <= set(found.chosen)


def test_again_is_the_same_and_costs_nothing(distilled, monkeypatch):
    folder, found = distilled

    def refuse(*arguments, **keywords):
        raise AssertionError("nothing is to be trained again")

    monkeypatch.setattr(training, "train", refuse)
    again = distillation.distil(pool(), settings(), 10, 3, folder)
    assert again == found


def test_from_nothing_it_is_the_same(distilled, tmp_path):
    _, found = distilled
    fresh = distillation.distil(pool(), settings(), 10, 3, tmp_path)
    assert fresh.order == found.order
    rows = zip(fresh.history, found.history, strict=True)
    assert all({**a, "seconds": 0} == {**b, "seconds": 0} for a, b in rows)
    other = distillation.distil(pool(), settings(), 7, 4, tmp_path)
    assert other.order[:4] != found.order[:4]


def test_a_killed_run_goes_on_with_its_members(distilled, tmp_path, monkeypatch):
    """Killed in the second round after one member: that member and the first round are kept."""
    _, found = distilled
    train, calls = training.train, []

    def dying(*arguments, **keywords):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(arguments[4])
        return train(*arguments, **keywords)

    monkeypatch.setattr(training, "train", dying)
    with pytest.raises(KeyboardInterrupt):
        distillation.distil(pool(), settings(), 10, 3, tmp_path)
    rest = []
    monkeypatch.setattr(training, "train", lambda *a, **k: rest.append(a[4]) or train(*a, **k))
    again = distillation.distil(pool(), settings(), 10, 3, tmp_path)
    assert again.order == found.order
    assert len(rest) == 3
    assert not set(rest) & set(calls)


def test_a_bound_ends_it_early(tmp_path):
    found = distillation.distil(pool(), settings(bound=1e3), 10, 3, tmp_path)
    assert len(found.chosen) == 4
    assert found.reason == "no frame has more spread than 1000"


def test_whole_pool(tmp_path):
    """Nothing is left to judge, and nothing breaks."""
    found = distillation.distil(pool()[:5], settings(), 5, 3, tmp_path)
    assert found.chosen == [0, 1, 2, 3, 4]
    assert found.history[-1]["left"] == 0


def test_other_settings_do_not_meet_old_rounds(distilled):
    folder, found = distilled
    names = {path.name for path in folder.iterdir()}
    changed = distillation.distil(pool(), settings(measure="force_max"), 4, 3, folder)
    assert changed.order == found.order[:4]  # the start is random in both
    assert len({path.name for path in folder.iterdir()} - names) == 1


def test_measures_by_hand():
    energy = np.array([[1.0, 8.0], [3.0, 8.0]])
    forces = [np.zeros((2, 4, 3)), np.zeros((2, 2, 3))]
    forces[1][0, 1] = [0.0, 3.0, 4.0]
    prediction = CommitteePrediction(
        energy, forces, np.zeros((2, 2, 6)), list(map(spread_of_forces, forces))
    )
    np.testing.assert_allclose(distillation.disagreement(prediction, "energy"), [0.25, 0.0])
    np.testing.assert_allclose(distillation.disagreement(prediction, "force_max"), [0.0, 2.5])


def test_history_is_on_disk(distilled):
    folder, found = distilled
    rounds = sorted(folder.glob("*/round_*/round.json"))
    assert [json.loads(path.read_text())["row"]["frames"] for path in rounds[:1]] == [4]
    assert len(found.history) == 3


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="30 frames wanted, the pool has 24"):
        distillation.distil(pool(), settings(), 30, 1, tmp_path)
    with pytest.raises(ValidationError, match="later rounds need it"):
        settings(potential={"training": {"stress_weight": 0}})
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        settings(members=1)
