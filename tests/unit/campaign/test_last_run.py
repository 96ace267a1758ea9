"""What a campaign was when it last ran: seeds keep their places, and every change is named."""

import pytest

from umklapp import config
from umklapp.campaign import last_run
from umklapp.errors import InputError


@pytest.fixture
def campaigns(plain, tmp_path):
    """A campaign that has run, and another version of it."""

    def of(**changes):
        before = config.validate(plain)
        last_run.write(tmp_path / "campaign.json", before)
        for section, values in changes.items():
            plain[section] = values
        return config.validate(plain), last_run.read(tmp_path / "campaign.json")

    return of


FIRST, SECOND = {"kind": "rattled", "count": 12}, {"kind": "harmonic", "count": 4}


def test_seeds_keep_their_places(plain, campaigns):
    plain["seeds"] = [FIRST, SECOND]
    asked, last = campaigns(seeds=[{"kind": "aimd", "steps": 5}, SECOND, FIRST])
    kept = last_run.settled(asked, last)
    assert [seed.kind for seed in kept.seeds] == ["rattled", "harmonic", "aimd"]
    lines = last_run.changes(kept, asked, last)
    assert {line.partition(".")[2].partition(".")[0] for line in lines} == {
        "2"
    }  # the new one alone


def test_seeds_that_were_taken_out_are_out(plain, campaigns):
    plain["seeds"] = [FIRST, SECOND]
    asked, last = campaigns(seeds=[SECOND])
    assert last_run.settled(asked, last).seeds == asked.seeds


def test_label_chunks_are_those_of_the_first_run(campaigns):
    asked, last = campaigns(resources={"label_chunks": 7})
    kept = last_run.settled(asked, last)
    assert kept.resources.label_chunks == 2
    (line,) = last_run.changes(kept, asked, last)
    assert line.startswith("resources.label_chunks: 7 is for new campaigns")


def test_every_changed_key_is_named(campaigns):
    asked, last = campaigns(phonons={"mesh": [4, 4, 4]}, potential={"cutoff": 5.0})
    assert last_run.changes(asked, asked, last) == [
        "phonons.mesh: [20, 20, 20] → [4, 4, 4]",
        "potential.cutoff: 4.0 → 5.0",
    ]


def test_changed_versions_code_and_lock_are_named(campaigns):
    campaign, last = campaigns()
    assert last_run.changes(campaign, campaign, last) == []
    versions = {**last.versions, "ase": "3.0"}
    other = last.model_copy(update={"versions": versions, "code": "a", "lock": "b"})
    lines = last_run.changes(campaign, campaign, other)
    assert lines[0].startswith("version of ase: 3.0 → ")
    assert lines[1].startswith("code: a → ")
    assert lines[2] == "envs/requirements.lock has changed"


def test_before_the_first_run(plain, tmp_path):
    campaign = config.validate(plain)
    assert last_run.read(tmp_path / "none.json") is None
    assert last_run.settled(campaign, None) == campaign
    assert last_run.changes(campaign, campaign, None) == []
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(InputError, match="not a LastRun record"):
        last_run.read(tmp_path / "none.json")


def test_another_version_of_the_calculators_package_is_named(plain, tmp_path, monkeypatch):
    """A real installed package, found where Python looks for them."""
    folder = tmp_path / "packages"
    info = folder / "labels_of_ours-1.0.dist-info"
    info.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labels_of_ours\nVersion: 1.0\n")
    plain["reference"] = {"engine": "ase", "calculator": "labels_of_ours.dft:Engine"}
    campaign = config.validate(plain)
    path = tmp_path / "campaign.json"
    last_run.write(path, campaign)
    assert last_run.read(path).program == "labels_of_ours 1.0"
    assert last_run.changes(campaign, campaign, last_run.read(path)) == []
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labels_of_ours\nVersion: 2.0\n")
    info.rename(folder / "labels_of_ours-2.0.dist-info")
    (line,) = last_run.changes(campaign, campaign, last_run.read(path))
    assert line.startswith("reference: labels_of_ours 1.0 → labels_of_ours 2.0: the first new")
