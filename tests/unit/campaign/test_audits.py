"""Audits on disk: who asks for another round, what a failed one left, and whose it is."""

import json
import os
from pathlib import Path

import pytest

from umklapp.campaign.audits import Audits
from umklapp.errors import InputError
from umklapp.paths import Results

SI = "Si-227"


@pytest.fixture
def audits(tmp_path):
    return Audits(Results(str(tmp_path)), members=2)


@pytest.fixture
def files(audits):
    """Files of a round of silicon by its number."""
    return audits.results.material(SI).round


def touch(path, second, text=""):
    """A file that was changed at this second."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(second * 10**9, second * 10**9))


def history(files, failed=True):
    """Round 2: data set at 1, models at 2, a failed audit at 3; the next data set at 4."""
    record = json.dumps({"another_round": failed})
    touch(files(2).dataset, 1)
    for member in range(2):
        touch(files(2).member(member).model, 2)
    touch(files(2).audit, 3, record)
    touch(files(2).lesson_record, 3, record)
    touch(files(2).lesson, 3)
    touch(files(3).dataset, 4)


def test_an_audit_is_read_again_when_it_changes(audits, files):
    touch(files(2).audit, 1, json.dumps({"another_round": True}))
    assert not audits.was_read(SI, 2)
    assert audits.another_round(SI, 2)
    assert audits.was_read(SI, 2)
    touch(files(2).audit, 2, json.dumps({"another_round": False}))
    assert not audits.another_round(SI, 2)


def test_a_foreign_file_is_refused(audits, files):
    touch(files(2).audit, 1, json.dumps({"another_round": "yes"}))
    with pytest.raises(InputError, match="no audit of this workflow"):
        audits.another_round(SI, 2)


def test_a_round_that_was_learned_from_is_settled(audits, files):
    assert not audits.settled(SI, 2)
    history(files)
    assert audits.settled(SI, 2)
    assert audits.lessons(SI, 2) == [files(2).lesson]
    assert audits.of_failed(SI, 3) == [files(2).lesson_record]
    assert audits.of_failed(SI, 2) == []


def test_the_next_round_has_not_learned_yet(audits, files):
    history(files)
    Path(files(3).dataset).unlink()
    assert not audits.settled(SI, 2)
    assert audits.lessons(SI, 2) == [files(2).lesson]
    touch(files(3).dataset, 2)
    assert not audits.settled(SI, 2), "its data set is older than the lesson"


def test_a_committee_trained_after_its_audit_is_not_settled(audits, files):
    history(files)
    touch(files(2).member(1).model, 5)
    assert not audits.settled(SI, 2)


def test_a_lesson_of_an_earlier_history_is_left_out(audits, files):
    """The data set of its round was made again since: other seeds, another reference."""
    history(files)
    touch(files(2).dataset, 5)
    assert audits.lessons(SI, 2) == []
    assert audits.of_failed(SI, 3) == []


def test_the_audit_of_an_archive_from_before_there_were_any(audits):
    material = audits.results.material(SI)
    assert audits.final(SI) == material.audit
    touch(material.history, 1)
    assert audits.final(SI) == [], "no rounds on disk: an archive"
    touch(material.audit, 1)
    assert audits.final(SI) == material.audit
    Path(material.audit).unlink()
    touch(material.round(0).dataset, 1)
    assert audits.final(SI) == material.audit, "an old campaign: its audit is made"
