"""The list of everything that is checked before the first job."""

import logging

import pytest
import yaml
from rich.text import Text

from umklapp.campaign import check_list
from umklapp.errors import InputError


@pytest.fixture
def campaign(tmp_path, monkeypatch, plain):
    """A function that writes a configuration and gives its lines."""
    monkeypatch.chdir(tmp_path)

    def lines(**changes):
        plain.update(changes)
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump(plain))
        return check_list.lines(path)

    return lines


def of(lines, outcome):
    return [line for line in lines if line.outcome == outcome]


def test_a_good_campaign(campaign):
    lines = campaign()
    assert of(lines, "wrong") == []
    assert {line.subject for line in lines} >= {"configuration", "materials", "labels", "cells"}
    (small,) = [line for line in of(lines, "note") if line.subject == "cells"]
    assert "sampling cell 8 atoms" in small.text
    assert "no σᴬ will be reported below 60 atoms" in small.text


def test_a_wrong_key_ends_the_list(campaign):
    (line,) = of(campaign(colour="red"), "wrong")
    assert line.subject == "configuration"
    assert "colour" in line.text


def test_an_unknown_material_is_named(campaign, plain):
    plain["materials"]["select"] = ["Unobtainium-1"]
    (line,) = of(campaign(), "wrong")
    assert (line.subject, "Unobtainium-1" in line.text) == ("materials", True)


def test_the_list_goes_on_after_something_wrong(campaign, tmp_path):
    """A missing file of labels and a results folder that is a file, both in one list."""
    (tmp_path / "taken").write_text("")
    lines = campaign(seeds=[{"kind": "frames", "path": "none.extxyz"}], results="taken")
    subjects = [line.subject for line in of(lines, "wrong")]
    assert subjects == ["files and programs", "results folder"]


def test_warnings_become_notes(campaign, monkeypatch):
    def warn(_campaign):
        logging.getLogger("umklapp.campaign.checks").warning("polar, and no Born charges")

    monkeypatch.setattr(check_list.checks, "check", warn)
    assert "polar, and no Born charges" in [line.text for line in of(campaign(), "note")]


def test_the_command_fails_where_something_is_wrong(campaign, tmp_path, capsys):
    campaign()
    check_list.run(tmp_path / "campaign.yaml")
    lines = Text.from_ansi(capsys.readouterr().out).plain.splitlines()
    assert "Nothing is wrong" in lines[-2]
    assert lines[-1].endswith(f"--configfile {tmp_path / 'campaign.yaml'}")  # on one line
    campaign(seed="many")
    with pytest.raises(InputError, match="1 thing is wrong"):
        check_list.run(tmp_path / "campaign.yaml")
