"""A copied folder has the order of its times again; one that was not copied is left alone."""

import os
import shutil

from umklapp.campaign import copies

NAMES = ["z.json", "m/a.extxyz", "m/engine/.snakemake_timestamp", "a.csv"]
"""In the order in which they were made, which is not that of their names."""


def folder(tmp_path):
    for number, name in enumerate(NAMES):
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, ns=(0, 10**18 + number * 10**10))
    copies.remember(tmp_path / "here")
    return tmp_path / "here"


def order(results):
    return sorted(NAMES, key=lambda name: (results / name).stat().st_mtime_ns)


def copied(here, keep_times=False):
    there = here.parent / "there"
    shutil.copytree(here, there, copy_function=shutil.copy2 if keep_times else shutil.copy)
    return there


def test_a_copy_without_times_gets_their_order_back(tmp_path):
    there = copied(folder(tmp_path))
    for number, name in enumerate(sorted(NAMES)):
        os.utime(there / name, ns=(0, number * 10**9))
    assert order(there) != NAMES
    assert copies.settle(there) == len(NAMES)
    assert order(there) == NAMES
    assert (
        min((there / name).stat().st_mtime for name in NAMES) > 1.1e9
    )  # newer than what was cloned
    assert copies.settle(there) == 0


def test_a_copy_with_its_times_and_the_folder_itself_are_left(tmp_path):
    here = folder(tmp_path)
    (here / "z.json").touch()  # the user's wish: everything after it again
    assert copies.settle(here) == 0
    assert order(here)[-1] == "z.json"
    copies.remember(here)
    before = {name: (here / name).stat().st_mtime_ns for name in NAMES}
    there = copied(here, keep_times=True)
    assert copies.settle(there) == 0
    assert {name: (there / name).stat().st_mtime_ns for name in NAMES} == before


def test_work_done_since_comes_after_everything_else(tmp_path):
    here = folder(tmp_path)
    (here / "z.json").write_text("made again, longer")
    (here / "m/new.json").write_text("new")
    there = copied(here)
    assert copies.settle(there) == len(NAMES) + 1
    last = (there / "a.csv").stat().st_mtime_ns
    assert (there / "z.json").stat().st_mtime_ns > last
    assert (there / "m/new.json").stat().st_mtime_ns > last


def test_a_folder_without_the_list(tmp_path):
    (tmp_path / copies.NAME).write_text("[]")
    assert copies.settle(tmp_path) == 0
    assert copies.settle(tmp_path / "none") == 0
