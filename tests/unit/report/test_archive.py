"""The archive behind the figures: what it holds, and what it says when there is nothing."""

import os
import tarfile
from pathlib import Path

import pytest
import yaml
from logged import logged

from umklapp.errors import InputError
from umklapp.report import archive


def campaign(folder, plain):
    path = folder / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    return str(path)


def test_small_files_only(tmp_path, monkeypatch, plain):
    monkeypatch.chdir(tmp_path)
    for name in ("summary.csv", "Si-227/history.json", "Si-227/phonons/bands.h5",
                 "Si-227/model/member_0.ckpt", "Si-227/round_00/exploration.h5"):  # fmt: skip
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    os.utime("results/summary.csv", (1e9, 1e9))  # older than what it was made of, as in a copy
    with logged() as messages:
        archive.run(Path(campaign(tmp_path, plain)), Path("out.tar.gz"))
    with tarfile.open("out.tar.gz") as found:
        assert found.getnames() == [
            "results/summary.csv", "results/Si-227/history.json", "results/Si-227/phonons/bands.h5"
        ]  # fmt: skip
        newest = Path("results/Si-227/history.json").stat().st_mtime
        assert {member.mtime for member in found.getmembers()} == {int(newest)}
    assert "3 files" in messages[0]


def test_nothing_to_archive(tmp_path, monkeypatch, plain):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Si-227: nothing to archive: run Si-227 first"):
        archive.run(Path(campaign(tmp_path, plain)), Path("out.tar.gz"))
