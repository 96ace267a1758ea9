"""Which materials the stop rule is asked for, and what its records on disk say."""

import os
from pathlib import Path

import pytest
from stop_rules import stop_of

from umklapp import config
from umklapp.campaign.stops import Stops
from umklapp.errors import InputError
from umklapp.paths import Results

SI, C = "Si-227", "C-227"


@pytest.fixture
def results(tmp_path):
    return Results(str(tmp_path))


@pytest.fixture
def stops(results):
    return Stops(config.StopRule(), results)


def test_the_rule_is_asked_before_the_first_round_only(stops, results, tmp_path):
    (tmp_path / f"{SI}/round_00").mkdir(parents=True)
    assert not stops.asks(SI)
    assert stops.asks(C)
    (tmp_path / f"{C}/round_00").mkdir(parents=True)
    assert stops.asks(C), "rounds that begin in this run began because the rule was asked"
    assert not Stops(config.StopRule(), results).asks(C)
    assert not Stops(None, results).asks("GaN-186")


def test_an_archive_of_rounds_is_not_asked(stops, tmp_path):
    (tmp_path / SI).mkdir()
    (tmp_path / f"{SI}/history.json").write_text("{}")
    assert not stops.asks(SI)


def test_the_record_decides_and_is_read_again_when_it_changes(stops, results):
    path = results.material(SI).stop
    stop_of(done=True).write(path)
    assert not stops.was_read(SI)
    assert stops.ended(SI)
    assert not stops.was_read(SI), "looking at the disk is no answer of the workflow"
    assert stops.done(SI)
    assert stops.was_read(SI)
    stop_of(done=False).write(path)
    os.utime(path, ns=(1, 1))
    assert not stops.done(SI)
    assert stops.others([SI, C]) == [SI, C]


def test_a_material_with_rounds_has_not_ended(stops, results, tmp_path):
    stop_of(done=True).write(results.material(SI).stop)
    assert stops.others([SI, C]) == [C]
    assert Stops(None, results).others([SI, C]) == [SI, C]
    (tmp_path / f"{SI}/round_00").mkdir()
    assert not stops.ended(SI)


def test_labels_reach_the_rounds_whether_the_rule_is_on_or_not(results):
    path = Path(results.material(SI).stop_labels)
    assert Stops(None, results).labels(SI) == []
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert Stops(None, results).labels(SI) == [], "an empty file holds no label"
    path.write_text("8\n")
    assert Stops(None, results).labels(SI) == [str(path)]


def test_another_file_of_that_name_is_refused(stops, tmp_path):
    (tmp_path / SI).mkdir()
    (tmp_path / f"{SI}/stop.json").write_text("[]")
    with pytest.raises(InputError, match=r"stop\.json"):
        stops.done(SI)
    with pytest.raises(FileNotFoundError):
        stops.done(C)
