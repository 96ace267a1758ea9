"""Assessments on disk: read once per version, refused where they are not ours."""

import json
import os
from pathlib import Path

import pytest
from assessments import assessment

from umklapp.campaign.assessments import Assessments
from umklapp.errors import InputError
from umklapp.paths import Results


@pytest.fixture
def assessments(tmp_path):
    return Assessments(Results(str(tmp_path)), max_rounds=4)


def write(assessments, number, finished, material="Si-227", stamp=None):
    path = Path(assessments.path(material, number))
    path.parent.mkdir(parents=True, exist_ok=True)
    assessment(number, met=finished).write(path)
    if stamp is not None:
        os.utime(path, ns=(stamp, stamp))


def test_a_new_version_of_the_file_is_read_again(assessments):
    write(assessments, 0, True, stamp=10**9)
    assert not assessments.was_read("Si-227", 0)
    assert assessments.finished("Si-227", 0)
    assert assessments.was_read("Si-227", 0)
    write(assessments, 0, False, stamp=10**9)
    assert assessments.finished("Si-227", 0), "the same time stamp: not read again"
    write(assessments, 0, False, stamp=2 * 10**9)
    assert not assessments.finished("Si-227", 0)


def test_a_foreign_file_is_refused(assessments):
    path = Path(assessments.path("Si-227", 1))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"finished": True}))
    with pytest.raises(InputError, match="no assessment of this workflow"):
        assessments.finished("Si-227", 1)
    assert not assessments.was_read("Si-227", 1)


def test_on_disk_ends_with_the_first_that_ends_the_rounds(assessments):
    assert assessments.on_disk("Si-227") == []
    write(assessments, 0, False)
    write(assessments, 1, True)
    write(assessments, 2, False)
    assert assessments.on_disk("Si-227") == [assessments.path("Si-227", n) for n in (0, 1)]
    followed = assessments.on_disk("Si-227", lambda material, number: number == 1)
    assert len(followed) == 3, "a finished round whose audit has failed"
    write(assessments, 1, False)
    write(assessments, 3, False)
    assert len(assessments.on_disk("Si-227")) == 4
