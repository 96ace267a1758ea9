"""A file is there whole or not at all."""

import sys

import h5py
import numpy as np
import pytest
from ase.build import bulk
from conftest import rattled, silicon_engine
from disks import mounted

from umklapp import files
from umklapp.campaign import readiness
from umklapp.crystals import frames
from umklapp.errors import InputError, StorageError
from umklapp.learning.assessment import Assessment
from umklapp.reference.contract import Failure
from umklapp.reference.ledger import Ledger, label_frames


def test_after_an_error_the_old_file_stands(tmp_path):
    path = tmp_path / "a/b.txt"
    files.write_text(path, "old")
    with pytest.raises(TypeError), files.replacing(path) as part:
        part.write_text(1)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def small_disk(small_disk):
    """Half of it is taken."""
    (small_disk / "other").write_bytes(bytes(128_000))
    return small_disk


def texts(path, size):
    files.write_text(path, "x" * size)


def json_files(path, size):
    files.write_json(path, {"x": "x" * size})


def frames_(path, size):
    atoms = bulk("Si") * (size // 100, 1, 1)
    frames.write_frames(path, [frames.labelled(atoms, 0.0, np.zeros((len(atoms), 3)))])


def hdf5(path, size):
    with files.replacing(path) as part, h5py.File(part, "w") as file:
        file["x"] = np.random.default_rng(1).random(size // 8)


def networks(path, size):
    import torch

    with files.replacing(path) as part:
        torch.save(torch.zeros(size // 8, dtype=torch.float64), part)


WRITERS = [texts, json_files, frames_, hdf5, networks]


@pytest.mark.parametrize("write", WRITERS, ids=[write.__name__ for write in WRITERS])
def test_a_full_disk_is_one_sentence_the_old_file_stands_and_space_is_all_it_takes(
    small_disk, write
):
    path = small_disk / "folder/result.pt"
    write(path, 1000)
    before = path.read_bytes()
    with pytest.raises(
        StorageError, match=r"result.pt cannot be written: the disk is full\. What is"
    ):
        write(path, 200_000)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    (small_disk / "other").unlink()
    write(path, 100_000)
    assert path.stat().st_size > 50_000


def test_a_ledger_on_a_full_disk_loses_no_label_and_goes_on(small_disk):
    engine, atoms = silicon_engine(), [rattled(n, 0.1) for n in range(200)]
    ledger = Ledger(small_disk / "ledger")
    with pytest.raises(StorageError, match="the disk is full"):
        label_frames(atoms, engine, ledger, small_disk / "scratch", 60.0)
    made = sorted((small_disk / "ledger").rglob("*.extxyz"))
    assert 0 < len(made) < 200
    assert all(path.stat().st_size for path in made)
    (small_disk / "other").unlink()
    few = atoms[: len(made) + 3]
    labels, failures = label_frames(few, engine, ledger, small_disk / "scratch", 60.0)
    assert (len(labels), failures) == (len(few), [])


def test_a_frame_that_fails_for_want_of_scratch_space_is_not_recorded_as_failed(
    small_disk, tmp_path
):
    class Program:
        """Writes a large file, as programs do, and says that it could not."""

        def __init__(self):
            self.engine, self.name = silicon_engine(), "program"
            self.settings_hash, self.earlier_hashes, self.limits = self.engine.settings_hash, {}, {}

        def label(self, atoms, workdir, timeout):
            try:
                (workdir / "wavefunctions").write_bytes(bytes(200_000))
            except OSError as error:
                return Failure(frames.frame_id(atoms), "crashed", str(error), 2)
            return self.engine.label(atoms, workdir, timeout)

    atoms, ledger = [rattled(1, 0.1)], Ledger(tmp_path / "ledger")
    with pytest.raises(StorageError, match=r"the disk of .* is full, which is not the frame's"):
        label_frames(atoms, Program(), ledger, small_disk, 60.0)
    assert ledger.find(Program(), atoms[0]) is None
    assert ledger.starts(Program(), frames.frame_id(atoms[0])) == 0
    for path in small_disk.iterdir():
        path.unlink()
    assert not label_frames(atoms, Program(), ledger, small_disk, 60.0)[1]


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path):
    with (
        mounted(tmp_path / "read_only", "ro") as folder,
        pytest.raises(StorageError, match="the disk is read-only"),
    ):
        files.write_text(folder / "result", "x")


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_json_nested_without_end_is_refused_before_it_is_parsed(tmp_path, opening):
    """With Python's limit raised, as libraries raise it, parsing it would end the process."""
    path = tmp_path / "assessment.json"
    path.write_text(opening * 200_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        with pytest.raises(InputError, match=r"assessment\.json: not json \(nested .* deep"):
            Assessment.read(path)
        with pytest.raises(ValueError, match="nested"):
            files.check_yaml(path.read_bytes())
        assert readiness.read_finished(path) is None
        assert readiness.read_another_round(path) is None
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_in_texts_are_no_depth():
    text = '{"a": "[[[[' + "[" * 500 + '\\"", "b": [1, {"c": []}]}'
    assert files.json_of(text)["b"] == [1, {"c": []}]
    assert files.json_of(text.encode()) == files.json_of(text)
    files.check_yaml(b"forces:\n- [1, 2, 3]\n" * 1000)


@pytest.mark.parametrize("block", [b"- " * 300, b"\n".join(b" " * n + b"a:" for n in range(900))])
def test_blocks_of_yaml_nested_without_end_are_refused(block):
    with pytest.raises(ValueError, match="nested more than"):
        files.check_yaml(block)
