"""hdf5 files on a disk that may be full."""

import errno
import os

import h5py
import numpy as np
import pytest

from umklapp import hdf5
from umklapp.errors import StorageError


def write(path, values, compression=None):
    with hdf5.writing(path) as file:
        for number in range(20):
            group = file.create_group(f"group_{number}")
            group.attrs["of"] = "attributes"
            group.create_dataset("values", data=values, compression=compression)


def add(path, values):
    with hdf5.changing(path) as file:
        file["new"] = values


def content(path):
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


def test_what_is_written_is_read(tmp_path):
    values = {"a": np.arange(3.0), "b": np.zeros((0, 3)), "c": np.array(2)}
    with hdf5.writing(tmp_path / "new/file.h5") as file:
        for name, value in values.items():
            file[name] = value
    with hdf5.changing(tmp_path / "new/file.h5") as file:
        file["d"] = np.full(1000, 7)
        del file["b"]
    found = content(tmp_path / "new/file.h5")
    assert set(found) == {"a", "c", "d"}
    np.testing.assert_array_equal(found["a"], values["a"])
    np.testing.assert_array_equal(found["d"], 7)


@pytest.mark.parametrize("free", [0, 4096, 3 * 4096])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(small_disk, free, compression):
    (small_disk / "filler").write_bytes(bytes(256 * 1024 - free - 4096))
    values = np.random.default_rng(0).normal(size=30000)
    with pytest.raises(StorageError, match=r"file\.h5 cannot be written: the disk is full"):
        write(small_disk / "file.h5", values, compression)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_file_that_cannot_grow_stays_as_it_was(small_disk):
    with hdf5.writing(small_disk / "file.h5") as file:
        file["old"] = np.arange(100)
    before = (small_disk / "file.h5").read_bytes()
    with pytest.raises(StorageError, match=r"file\.h5 cannot be written: the disk is full"):
        add(small_disk / "file.h5", np.random.default_rng(0).normal(size=60000))
    assert (small_disk / "file.h5").read_bytes()[: len(before)] == before
    np.testing.assert_array_equal(content(small_disk / "file.h5")["old"], np.arange(100))


def test_an_error_of_the_block_is_its_own(tmp_path):
    with pytest.raises(TypeError):
        write(tmp_path / "file.h5", object())
    assert list(tmp_path.iterdir()) == []


class Broken:
    """A file of a disk that fails."""

    read = seek = tell = flush = None

    def refuse(self, *_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    write = truncate = refuse


@pytest.mark.parametrize("call", ["write", "truncate"])
def test_the_first_error_is_kept_and_nothing_is_tried_again(call):
    kept = hdf5._Kept(Broken())
    getattr(kept, call)({"write": b"something", "truncate": 3}[call])
    first = kept.error
    assert first.errno == errno.EIO
    assert kept.write(b"something") == 9
    assert kept.truncate(10) == 10
    assert kept.error is first
