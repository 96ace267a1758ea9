"""The teacher campaign of CuI, reduced: its networks and records are kept, nothing is trained.

`data/teacher_campaign.json.xz` says which command made it. The teacher's Cu atom hops and stays;
the first committee had never seen it: `data/teacher_first_*.ckpt` are members 0 and 1 of round 0
of `umklapp teacher DIR --seed 2` (code 3d2fc56). The whole campaign, with training and dynamics, is
tests/end_to_end/test_repair.py.
"""

import json
import lzma
from itertools import chain
from pathlib import Path

import pytest
from ase.io import read, write

from umklapp import config
from umklapp.campaign import teacher_campaign
from umklapp.campaign.testbed_campaign import write_crystal
from umklapp.learning.events import quiet, reference_dynamics, reference_replay, verdict
from umklapp.learning.events.event_record import EventRecord, Trial
from umklapp.learning.events.evidence import Facts
from umklapp.potentials.committee import Committee
from umklapp.potentials.loading import load

DATA = Path(__file__).parent / "data"
STORED = DATA / "teacher_campaign.json.xz"
EVERY = 20
"""Frames of the reference (0.1 ps apart) of which one is looked at."""


@pytest.fixture(scope="module")
def campaign():
    with lzma.open(STORED, "rt") as file:
        stored = json.load(file)
    trials = [Trial.model_validate(trial) for trial in stored["trials"]]
    return EventRecord.model_validate(stored["events"]), trials


def test_a_hop_that_the_first_committee_had_never_seen_is_a_missed_event(campaign):
    record, trials = campaign
    judged = verdict.judge(Facts(record, trials))
    assert judged.verdict == "missed event"
    speaking = {piece.name for piece in judged.evidence if piece.points_to == "missed event"}
    assert {"errors along the reference", "labels in events"} <= speaking


def test_labels_alone_tell_it_without_the_references_dynamics(campaign):
    record, trials = campaign
    alone = record.model_copy(update={"reference": None, "along": None})
    assert verdict.judge(Facts(alone, trials)).verdict == "missed event"


def test_without_reference_and_continued_labels_nothing_is_said(campaign):
    record, _ = campaign
    alone = record.model_copy(update={"reference": None, "along": None})
    judged = verdict.judge(Facts(alone))
    assert judged.verdict == "undecided"
    assert any(piece.needs for piece in judged.evidence)


def test_what_the_reference_denies_is_no_missed_event(campaign):
    """The same labels, had the reference been back in the crystal within 100 fs."""
    record, trials = campaign
    denied = [
        trial.model_copy(
            update={"stayed": False, "elsewhere": False, "relaxed": False, "returned": 100.0}
        )
        for trial in trials
    ]
    alone = record.model_copy(update={"reference": None, "along": None})
    assert verdict.judge(Facts(alone, denied)).verdict != "missed event"


@pytest.fixture(scope="module")
def networks(root, campaign, tmp_path_factory):
    """The record with what the networks say of the teacher's trajectories, read as a campaign does.

    Before learning the first committee, after it the teacher; nothing but them and the reference
    speaks.
    """
    folder, kept = tmp_path_factory.mktemp("teacher"), root / teacher_campaign.TEACHER
    teacher = Committee([load(kept / "teacher.ckpt")])
    first = Committee([load(DATA / f"teacher_first_{number}.ckpt") for number in (0, 1)])
    cells = write_crystal(folder, teacher_campaign.PRIMITIVE, teacher_campaign.CUBE)
    harmonic = teacher_campaign.harmonic(teacher, *cells)
    paths = []
    for path in sorted(kept.glob("reference_*.extxyz.xz")):
        paths.append(folder / path.name.removesuffix(".xz"))
        write(paths[-1], read(path, f"::{EVERY}"))
    runs = reference_replay.trajectories(reference_dynamics.read(paths, harmonic.perfect))
    ordered = list(chain.from_iterable(runs))
    series = reference_replay.reference_series(ordered, harmonic, first, teacher)
    sigma = [rows["sigma"].to_numpy() for _, rows in series.groupby("replica")]
    options = config.Verdict().model_dump(include={"enter", "leave", "shortest", "gap"})
    band = quiet.of_source(sigma, None, options["enter"])
    observed = reference_replay.scan_reference(runs, band, harmonic, **options)
    along = reference_replay.along_reference(series, observed)
    changed = {"reference": observed, "along": along, "labels": ()}
    return campaign[0].model_copy(update=changed)


def judged(networks, **along):
    """The verdict, and what the errors along the reference say in it."""
    changed = networks.along.model_copy(update=along)
    result = verdict.judge(Facts(networks.model_copy(update={"along": changed})))
    (piece,) = (piece for piece in result.evidence if piece.name == "errors along the reference")
    return result, piece


def test_networks_that_have_never_seen_the_hop_are_found_out(networks):
    """From the trajectories' files to the word, with the networks themselves."""
    result, errors = judged(networks)
    assert result.verdict == "missed event", result.reason
    assert errors.points_to == "missed event"
    assert not any("learning has not repaired it" in detail for detail in errors.details)


def test_learning_that_did_not_help_is_said(networks):
    _, errors = judged(networks, after=networks.along.before)
    assert any("learning has not repaired it" in detail for detail in errors.details)


def test_networks_that_know_the_hop_are_not_accused(networks):
    _, errors = judged(networks, before=networks.along.after)
    assert errors.points_to == "nothing"
    assert errors.value <= 1.0
