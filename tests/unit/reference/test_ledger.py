"""The ledger: what was labelled is never labelled again, and a failure stops nobody."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import silicon
from conftest import diamond, label, rattled, silicon_engine
from logged import logged

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.reference import Failure, create
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


def in_a_process(ledger, sign):
    """Label four frames in a process of their own, the second of which gives it this signal.

    Returns:
        How the process ended (as `os.waitstatus_to_exitcode`), and what it found.
    """
    deadly, read = frames.frame_id(rattled(1)), ledger.folder.parent / "found.json"
    calculate = silicon.CountingSilicon.calculate

    def fatal(self, atoms, *arguments, **keywords):
        if frames.frame_id(atoms) == deadly:
            os.kill(os.getpid(), sign)
        calculate(self, atoms, *arguments, **keywords)

    read.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            # a shell that runs the tests in the background has Ctrl-C ignored
            signal.signal(signal.SIGINT, signal.default_int_handler)
            silicon.CountingSilicon.calculate = fatal
            labels, failures = label_frames(
                [rattled(seed) for seed in range(4)],
                silicon_engine("CountingSilicon"), ledger, ledger.folder, 60,
            )  # fmt: skip
            read.write_text(json.dumps([len(labels), [[f.reason, f.attempts] for f in failures]]))
            os._exit(0)
        except BaseException:
            os._exit(1)
    end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return end, json.loads(read.read_text()) if read.exists() else None


def test_a_frame_that_kills_its_process_is_recorded_and_its_siblings_finish(ledger):
    deadly = frames.frame_id(rattled(1))
    killed = (-signal.SIGKILL, None)
    assert in_a_process(ledger, signal.SIGKILL) == killed
    assert len(list(ledger.folder.rglob("*.extxyz"))) == 1
    assert in_a_process(ledger, signal.SIGKILL) == killed
    assert len(list(ledger.folder.rglob("*.extxyz"))) == 3  # its siblings come first
    assert in_a_process(ledger, signal.SIGKILL) == killed
    assert in_a_process(ledger, signal.SIGKILL) == (0, [3, [["killed", 3]]])
    (failed,) = ledger.folder.rglob("*.failed.json")
    assert failed.name == f"{deadly}.failed.json"
    assert "killed 3 times without a word: out of memory?" in failed.read_text()
    assert in_a_process(ledger, signal.SIGKILL)[0] == 0  # known: it is not begun


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_what_ends_a_job_from_outside_is_not_the_frames_doing(ledger, sign):
    """The batch system's time limit, Ctrl-C: as often as they like."""
    for _ in range(2):
        assert in_a_process(ledger, sign) == (1, None)
    assert not list(ledger.folder.rglob("*.attempt.json"))
    assert not list(ledger.folder.rglob("*.failed.json"))


def test_more_tries_try_again(counting, ledger, tmp_path):
    """Also where the mark is all that a killed process has left."""
    mark = ledger.folder / counting.settings_hash / f"{frames.frame_id(rattled(0))}.attempt.json"
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"starts": 3}))
    _, failures = label_frames([rattled(0)], counting, ledger, tmp_path, 60)
    assert [(failure.reason, failure.limit) for failure in failures] == [("killed", 3)]
    labels, _ = label_frames([rattled(0)], counting, replace(ledger, tries=4), tmp_path, 60)
    assert (len(labels), mark.exists()) == (1, False)


@pytest.mark.parametrize("text", ["", "[]", '{"starts": "many"}', "null"])
def test_a_mark_that_cannot_be_read_counts_as_one(counting, ledger, tmp_path, text):
    mark = ledger.folder / counting.settings_hash / f"{frames.frame_id(rattled(0))}.attempt.json"
    mark.parent.mkdir(parents=True)
    mark.write_text(text)
    assert ledger.starts(counting, frames.frame_id(rattled(0))) == 1


def test_the_content_of_another_frame_is_not_believed(counting, ledger, tmp_path):
    label_frames([rattled(0), rattled(1)], counting, ledger, tmp_path, 60)
    one, other = (
        ledger.folder / counting.settings_hash / f"{frames.frame_id(rattled(seed))}.extxyz"
        for seed in (0, 1)
    )
    other.write_bytes(one.read_bytes())
    for look in (
        lambda: ledger.find(counting, rattled(1)),
        lambda: label_frames([rattled(1)], counting, ledger, tmp_path, 60),
        lambda: ledger.label(counting, frames.frame_id(rattled(1))),
    ):
        with pytest.raises(InputError, match=rf"{other.name}: holds the frame .*move the"):
            look()
    assert ledger.find(counting, rattled(0)) is not None


def test_a_label_of_other_settings_is_not_believed(counting, ledger, tmp_path):
    label_frames([rattled(0)], counting, ledger, tmp_path, 60)
    plain = silicon_engine()
    (ledger.folder / counting.settings_hash).rename(ledger.folder / plain.settings_hash)
    with pytest.raises(InputError, match=f"a label of the settings {counting.settings_hash}"):
        ledger.find(plain, rattled(0))


def test_a_longer_time_limit_tries_a_timeout_again(ledger, tmp_path):
    slow = silicon_engine("SlowSilicon", seconds=0.1)
    _, failures = label_frames([rattled(0)], slow, ledger, tmp_path, 0.01)
    assert [(failure.reason, failure.limit) for failure in failures] == [("timeout", 0.01)]
    _, same = label_frames([rattled(0)], slow, ledger, tmp_path, 0.01)
    assert same == failures
    labels, failures = label_frames([rattled(0)], slow, ledger, tmp_path, 60)
    assert (len(labels), failures) == (1, [])
    labels, _ = label_frames([rattled(0)], slow, ledger, tmp_path, 0.01)
    assert len(labels) == 1  # what is labelled stays so


def test_a_timeout_of_an_earlier_version_has_its_limit_in_its_message(ledger, tmp_path):
    slow = silicon_engine("SlowSilicon", seconds=0.1)
    label_frames([rattled(0)], slow, ledger, tmp_path, 0.01)
    (path,) = ledger.folder.rglob("*.failed.json")
    record = json.loads(path.read_text())
    del record["limit"], record["schema_version"]
    path.write_text(json.dumps(record))
    found = ledger.find(slow, rattled(0))
    assert found.limit == 0.01
    assert found.final({"timeout": 0.01})
    assert not found.final({"timeout": 0.02})


def old_hash(section):
    """As versions before this one made it: every setting counted, of which there was one less."""
    return "s" + provenance.digest(section.model_dump(mode="json", exclude={"grid_spacing"}))


@pytest.mark.parametrize("cap", [80, 5, 200, 1999])
def test_labels_under_the_hash_of_an_earlier_version_are_still_the_same_labels(ledger, cap):
    """The iteration cap was taken for physics; no label may be lost, whatever the cap is now."""
    before = old_hash(config.Gpaw(max_iterations=cap))
    kept = label(rattled(0), engine="gpaw", settings_hash=before)
    frames.write_frames(ledger.folder / before / f"{frames.frame_id(kept)}.extxyz", [kept])
    for today in (80, 300):
        engine = create(config.Gpaw(max_iterations=today))
        assert engine.settings_hash == old_hash(config.Gpaw())
        found = ledger.find(engine, rattled(0))
        assert found.get_potential_energy() == kept.get_potential_energy()
        assert found.info["settings_hash"] == engine.settings_hash
    assert ledger.same_settings(before) == engine.settings_hash
    assert ledger.find(create(config.Gpaw(ecut=301.0)), rattled(0)) is None


def test_a_higher_iteration_cap_tries_what_did_not_converge_again(ledger):
    """Also what an earlier version has recorded, whose folder tells the cap."""
    section = config.Gpaw(max_iterations=100)
    path = ledger.folder / old_hash(section) / f"{frames.frame_id(rattled(0))}.failed.json"
    record = {"frame_id": "f", "reason": "scf_not_converged", "message": "", "attempts": 2}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    for cap, final in ((80, True), (100, True), (101, False)):
        engine = create(config.Gpaw(max_iterations=cap))
        assert ledger.find(engine, rattled(0)).final(engine.limits) is final


def killed_at(instant, wanted, folder, calls):
    """Label in a process of its own that is killed before the n-th thing that it does.

    These are: a calculation, and every writing or removing of a file. Each calculation leaves a
    line in `calls`.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done = iter(range(instant + 1))

    def fatal(function):
        def either(*arguments, **keywords):
            if next(done, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)

        return either

    def calculate(self, *arguments, _original=silicon.CountingSilicon.calculate, **keywords):
        with calls.open("a") as file:
            file.write("x\n")
        _original(self, *arguments, **keywords)

    try:
        silicon.CountingSilicon.calculate = fatal(calculate)
        for name in ("open", "replace", "unlink", "write_bytes"):
            setattr(Path, name, fatal(getattr(Path, name)))
        label_frames(wanted, silicon_engine("CountingSilicon"), Ledger(folder), folder, 60)
        os._exit(0)
    except BaseException:
        os._exit(1)


def test_no_instant_of_a_kill_loses_a_label_or_makes_more_than_one_twice(tmp_path, counting):
    """Every instant, one after the other: killed there, then started again."""
    wanted = [rattled(seed) for seed in range(2)]
    undisturbed, _ = label_frames(wanted, counting, Ledger(tmp_path / "u"), tmp_path, 60)
    kills = 0
    for instant in range(200):
        folder, calls = tmp_path / f"l{instant}", tmp_path / f"calls{instant}"
        if killed_at(instant, wanted, folder, calls) == 0:
            break
        kills += 1
        assert killed_at(10**6, wanted, folder, calls) == 0
        assert len(calls.read_text().splitlines()) <= len(wanted) + 1
        labels, failures = label_frames(wanted, counting, Ledger(folder), tmp_path, 60)
        assert failures == []
        for one, other in zip(undisturbed, labels, strict=True):
            same(one, other)
        assert not list(folder.glob("*/f*.attempt.json"))
    assert kills > 8


class Forgetful:
    """An engine of somebody else that does not look at its own numbers."""

    name, settings_hash = "forgetful", "s1"
    limits: ClassVar = {}
    earlier_hashes: ClassVar = {}

    def label(self, atoms, workdir, timeout):
        return frames.labelled(atoms, -1.0, np.full((len(atoms), 3), np.nan))


def test_a_label_that_is_no_number_is_a_failure_of_any_engine(ledger, tmp_path):
    labels, (failure,) = label_frames([rattled(0)], Forgetful(), ledger, tmp_path, 60)
    assert labels == []
    assert (failure.reason, failure.message) == ("not_finite", "forces is not finite")
    assert label_frames([rattled(0)], Forgetful(), ledger, tmp_path, 60) == ([], [failure])
