"""A changed configuration: what would be made again, and that the user is asked."""

import pytest

from umklapp import config
from umklapp.campaign import drift, last_run
from umklapp.errors import InputError


@pytest.fixture
def touched(plain, tmp_path):
    """What a change of sections of a campaign that has run would make again."""

    def of(**changes):
        last_run.write(tmp_path / "campaign.json", config.validate(plain))
        for section, values in changes.items():
            old = plain.get(section)
            merged = isinstance(old, dict) and section != "reference"
            plain[section] = {**old, **values} if merged else values
        last = last_run.read(tmp_path / "campaign.json")
        return drift.touched(last_run.settled(config.validate(plain), last), last)

    return of


PHYSICS = [
    ({"reference": {"engine": "gpaw", "ecut": 400}}, "reference"),
    ({"reference": {"engine": "gpaw", "xc": "LDA"}}, "reference"),
    ({"potential": {"cutoff": 5.5}}, "training"),
    ({"potential": {"training": {"learning_rate": 0.001}}}, "training"),
    ({"committee": {"seeds": 3}}, "training"),
    ({"acquisition": {"batch_size": 7}}, "rounds"),
    ({"exploration": {"kind": "md", "timestep": 1.5}}, "rounds"),
    ({"materials": {"sampling_supercell": {"atoms": 48}}}, "cells"),
    ({"seeds": [{"kind": "rattled", "count": 31}]}, "seeds"),
]


@pytest.mark.parametrize(("change", "part"), PHYSICS, ids=[str(change) for change, _ in PHYSICS])
def test_a_change_of_physics_says_what_is_made_again(touched, change, part):
    assert part in touched(**change)


NO_PHYSICS = [
    {"resources": {"label_timeout": 99.0, "label_chunks": 5, "label_tries": 9}},
    {"phonons": {"mesh": [5, 5, 5]}},
    {"conductivity": {"mesh": [9, 9, 9]}},
    {"rounds": {"max": 9}},
    {"verdict": {"persistence": {"error": 0.4}}},
    {"materials": {"select": ["Si-227", "C-227"]}},
    {"materials": {"table": "another.csv"}},
]


@pytest.mark.parametrize("change", NO_PHYSICS, ids=str)
def test_other_changes_make_no_label_and_no_training_again(touched, change):
    assert touched(**change) == []


def test_how_a_program_runs_is_no_physics(plain, touched):
    plain["reference"] = {"engine": "gpaw", "max_iterations": 100}
    assert touched(reference={"engine": "gpaw", "max_iterations": 300}) == []


def test_the_order_of_the_seeds_is_no_physics(plain, touched):
    first, second = {"kind": "rattled", "count": 12}, {"kind": "harmonic", "count": 4}
    plain["seeds"] = [first, second]
    assert touched(seeds=[second, first]) == []


def test_the_first_run_and_one_of_an_earlier_version_touch_nothing(plain, tmp_path):
    campaign = config.validate(plain)
    assert drift.touched(campaign, None) == []
    last_run.write(tmp_path / "campaign.json", campaign)
    last = last_run.read(tmp_path / "campaign.json")
    old = last.model_copy(update={"campaign": {**last.campaign, "gone": 1}})
    assert drift.touched(campaign, old) == []


def test_the_user_chooses(tmp_path):
    assert drift.made(tmp_path, ["Si-227"]) == ""
    drift.check(["reference"], "", None)  # nothing to lose
    drift.check([], "3 labels", None)
    label = tmp_path / "Si-227/ledger/s1/f1.extxyz"
    label.parent.mkdir(parents=True)
    label.touch()
    there = drift.made(tmp_path, ["Si-227"])
    with pytest.raises(InputError, match=r"every label is made again.*there are 1 labels.*Undo"):
        drift.check(["reference"], there, None)
    drift.check(["reference"], there, "accept")
    with pytest.raises(InputError, match="the only choice is changes=accept"):
        drift.check(["reference"], there, "yes")
