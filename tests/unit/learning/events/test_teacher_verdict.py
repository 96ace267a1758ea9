"""The verdict of a finished campaign on the teacher of CuI, from the records that it wrote.

`data/teacher_campaign.json.xz` says which command made it. The teacher's Cu atom hops and stays;
the first committee had never seen it.
"""

import json
import lzma
from pathlib import Path

import pytest

from umklapp.learning.events import verdict
from umklapp.learning.events.event_record import EventRecord, Trial
from umklapp.learning.events.evidence import Facts

STORED = Path(__file__).parent / "data/teacher_campaign.json.xz"


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
