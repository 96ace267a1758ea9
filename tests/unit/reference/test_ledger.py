"""The ledger: what was labelled is never labelled again, and a failure stops nobody."""

import numpy as np
import pytest
import silicon
from conftest import diamond, rattled, silicon_engine
from logged import logged

from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.reference import Failure
from umklapp.reference.ledger import Ledger, label_frames


@pytest.fixture
def counting():
    """An engine that counts calculations, from zero."""
    silicon.CountingSilicon.calls = 0
    return silicon_engine("CountingSilicon")


@pytest.fixture
def fragile():
    """An engine that fails on crushed cells."""
    silicon.FragileSilicon.calls = 0
    return silicon_engine("FragileSilicon", shortest=1.5)


def crushed():
    atoms = diamond()
    atoms.positions[1] = atoms.positions[0] + [0.6, 0.1, 0.2]
    return atoms


def same(one, two):
    assert one.info["frame_id"] == two.info["frame_id"]
    assert one.get_potential_energy() == two.get_potential_energy()
    np.testing.assert_allclose(one.get_forces(), two.get_forces(), atol=0.51e-8)
    np.testing.assert_allclose(one.get_stress(), two.get_stress(), atol=1e-14)


def test_nothing_is_labelled_twice(counting, ledger, tmp_path):
    wanted = [rattled(seed) for seed in range(4)]
    first, failures = label_frames(wanted, counting, ledger, tmp_path, 60)
    assert failures == []
    assert silicon.CountingSilicon.calls == 4
    with logged() as messages:
        again, _ = label_frames(wanted, counting, ledger, tmp_path, 60)
        other = Ledger(ledger.folder)  # as another process would open it
        later, _ = label_frames([*wanted, rattled(9)], counting, other, tmp_path, 60)
    assert silicon.CountingSilicon.calls == 5  # only the new one
    for one, two, three in zip(first, again, later[:4], strict=True):
        same(one, two)
        same(one, three)
    assert sum("known already" in text for text in messages) == 8


def test_a_frame_twice_in_one_list(counting, ledger, tmp_path):
    labels, _ = label_frames([rattled(0)] * 3, counting, ledger, tmp_path, 60)
    assert silicon.CountingSilicon.calls == 1
    assert len(labels) == 3


def test_a_frame_from_a_file_is_the_same_frame(counting, ledger, tmp_path):
    label_frames([rattled(0)], counting, ledger, tmp_path, 60)
    frames.write_frames(tmp_path / "candidates.extxyz", [frames.strip(rattled(0))])
    read = frames.read_candidates(tmp_path / "candidates.extxyz")
    label_frames(read, counting, ledger, tmp_path, 60)
    assert silicon.CountingSilicon.calls == 1


def test_another_setting_is_another_label(counting, ledger, tmp_path):
    label_frames([rattled(0)], counting, ledger, tmp_path, 60)
    other = silicon_engine("StillingerWeberSilicon")
    assert other.settings_hash != counting.settings_hash
    assert ledger.find(other, rattled(0)) is None
    assert isinstance(ledger.find(counting, rattled(0)), type(rattled(0)))


def test_a_failure_stops_nobody_and_is_remembered(fragile, ledger, tmp_path):
    wanted = [rattled(0), crushed(), rattled(1), rattled(2)]
    with logged() as messages:
        labels, failures = label_frames(wanted, fragile, ledger, tmp_path, 60)
    assert [f.info["frame_id"] for f in labels] == [frames.frame_id(wanted[n]) for n in (0, 2, 3)]
    assert [(f.frame_id, f.reason, f.attempts) for f in failures] == [
        (frames.frame_id(wanted[1]), "crashed", 2)
    ]
    assert any("skipped and counted" in text and "too close" in text for text in messages)
    calls = silicon.FragileSilicon.calls
    assert calls == 5  # three labels and two attempts
    labels, again = label_frames(wanted, fragile, Ledger(ledger.folder), tmp_path, 60)
    assert again == failures
    assert len(labels) == 3
    assert silicon.FragileSilicon.calls == calls


def test_a_killed_job_loses_at_most_the_label_it_was_at(ledger, tmp_path):
    wanted = [rattled(seed) for seed in range(5)]
    engine = silicon_engine("InterruptedSilicon")
    silicon.InterruptedSilicon.calls, silicon.InterruptedSilicon.limit = 0, 3
    with pytest.raises(KeyboardInterrupt):
        label_frames(wanted, engine, ledger, tmp_path, 60)
    silicon.InterruptedSilicon.limit = 10**9
    labels, failures = label_frames(wanted, engine, Ledger(ledger.folder), tmp_path, 60)
    assert (len(labels), failures) == (5, [])
    assert silicon.InterruptedSilicon.calls == 5
    assert not list(ledger.folder.rglob(".part-*"))


def test_who_asks_says_where_the_frame_is_from(counting, ledger, tmp_path):
    """The same frame may be number 3 of one exploration and number 7 of the next."""
    found = []
    for origin, number in (("round 0", 3), ("round 1", 7)):
        atoms = rattled(0)
        atoms.info.update(origin=origin, explored=number)
        found += label_frames([atoms], counting, ledger, tmp_path, 60)[0]
    assert silicon.CountingSilicon.calls == 1
    assert [(f.info["origin"], f.info["explored"]) for f in found] == [
        ("round 0", 3),
        ("round 1", 7),
    ]
    for each in found:
        assert each.info["engine"] == "ase"
        assert each.info["settings_hash"] == counting.settings_hash
        assert each.info["frame_id"] == frames.frame_id(rattled(0))


def test_what_is_found_and_what_is_not(counting, ledger, tmp_path):
    assert ledger.find(counting, rattled(0)) is None
    label_frames([rattled(0)], counting, ledger, tmp_path, 60)
    identity = frames.frame_id(rattled(0))
    assert ledger.label(counting, identity).info["frame_id"] == identity
    with pytest.raises(InputError, match="f000000000000000"):
        ledger.label(counting, "f000000000000000")


def test_a_timeout_is_kept_as_such(ledger, tmp_path):
    engine = silicon_engine("SlowSilicon", seconds=5)
    labels, failures = label_frames([rattled(0)], engine, ledger, tmp_path, 0.05)
    assert (labels, [f.reason for f in failures]) == ([], ["timeout"])
    found = ledger.find(engine, rattled(0))
    assert isinstance(found, Failure)
    assert found == failures[0]


def test_no_candidates(counting, ledger, tmp_path):
    assert label_frames([], counting, ledger, tmp_path, 60) == ([], [])


class Forgetful:
    """An engine of somebody else that does not look at its own numbers."""

    name, settings_hash = "forgetful", "s1"

    def label(self, atoms, workdir, timeout):
        return frames.labelled(atoms, -1.0, np.full((len(atoms), 3), np.nan))


def test_a_label_that_is_no_number_is_a_failure_of_any_engine(ledger, tmp_path):
    labels, (failure,) = label_frames([rattled(0)], Forgetful(), ledger, tmp_path, 60)
    assert labels == []
    assert (failure.reason, failure.message) == ("not_finite", "forces is not finite")
    assert label_frames([rattled(0)], Forgetful(), ledger, tmp_path, 60) == ([], [failure])
