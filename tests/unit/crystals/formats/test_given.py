"""Labelled files of any format, as seeds take them."""

import bz2
import codecs
import gzip
import lzma
import os

import numpy as np
import pytest
from conftest import diamond, label, labelled_frames, rattled
from phonopy import Phonopy
from umklapp_params import write_params
from vibes_files import dynamics, write_aims, write_nc, write_son

from umklapp import config
from umklapp.campaign import checks
from umklapp.crystals import frames
from umklapp.crystals.formats import force_sets, given
from umklapp.crystals.frame_info import Origin
from umklapp.crystals.phonopy_cells import from_phonopy, to_phonopy
from umklapp.errors import InputError


def write_phonopy(path, kind=1, energies=True, forces=True):
    """A phonopy yaml of silicon: one displacement by symmetry (kind 1), or random ones (2)."""
    phonon = Phonopy(to_phonopy(diamond()), np.eye(3, dtype=int), primitive_matrix="F")
    if kind == 1:
        phonon.generate_displacements(distance=0.03)
    else:
        phonon.generate_displacements(distance=0.03, number_of_snapshots=3, random_seed=1)
    found = [label(from_phonopy(cell)) for cell in phonon.supercells_with_displacements]
    if forces:
        phonon.forces = np.array([frame.get_forces() for frame in found])
        if energies:
            phonon.supercell_energies = np.array([frame.get_potential_energy() for frame in found])
    phonon.save(path, settings={"force_sets": forces, "displacements": True})
    return found


@pytest.fixture(scope="module")
def steps():
    return dynamics()


@pytest.fixture(params=["son", "nc", "aims", "extxyz", "phonopy", "phono3py"])
def file(request, tmp_path, steps):
    """A file of a format and the frames in it, under a name that tells nothing."""
    name = {"extxyz": "x.extxyz", "phonopy": "x.yaml", "phono3py": "x.yaml"}
    path = tmp_path / name.get(request.param, "x.dat")
    wanted = [frame for frame, _ in steps]
    if request.param == "son":
        write_son(path, steps)
    elif request.param == "nc":
        write_nc(path, steps)
    elif request.param == "aims":
        write_aims(path, wanted)
    elif request.param == "extxyz":
        frames.write_frames(path, wanted)
    else:
        wanted = (write_phonopy if request.param == "phonopy" else write_params)(path)
    return path, wanted


def same(found, wanted, forces=1e-6):
    assert len(found) == len(wanted) > 0
    for one, two in zip(found, wanted, strict=True):
        assert one.get_potential_energy() == pytest.approx(two.get_potential_energy(), abs=1e-7)
        np.testing.assert_allclose(one.positions, two.positions, atol=2e-8)
        np.testing.assert_allclose(one.get_forces(), two.get_forces(), atol=forces)
        assert one.info["frame_id"] == frames.frame_id(one)


def test_every_format_is_recognised_by_its_content(file):
    path, wanted = file
    same(list(given.read(path)), wanted)
    assert given.count(path) == len(wanted)
    same(given.first(path), wanted[: len(given.first(path))])


@pytest.mark.parametrize("packer", [gzip, bz2, lzma])
def test_every_format_may_be_packed(file, packer):
    """By its first bytes: the name tells as little as before."""
    path, wanted = file
    path.write_bytes(packer.compress(path.read_bytes()))
    same(list(given.read(path)), wanted)
    assert given.count(path) == len(wanted)


@pytest.mark.parametrize("packer", [None, gzip])
def test_texts_of_windows(file, packer):
    """With a byte order mark before them, and two bytes at the end of a line."""
    path, wanted = file
    if given.format_of(path) == "nc":
        return  # no text
    data = codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(packer.compress(data) if packer else data)
    same(list(given.read(path)), wanted)
    assert given.count(path) == len(wanted)


def test_a_text_in_utf_16_is_named(tmp_path, steps):
    path = tmp_path / "x.extxyz"
    frames.write_frames(path, [frame for frame, _ in steps])
    path.write_text(path.read_text(), encoding="utf-16")
    with pytest.raises(InputError, match=r"x\.extxyz: text in UTF-16 .*UTF-8 is needed: iconv"):
        list(given.read(path))


def test_thinning_is_the_same_in_every_format(file):
    path, wanted = file
    for every, skip in ((2, 0), (1, 1), (2, 1), (3, 0)):
        chosen = wanted[skip::every]
        assert given.count(path, every, skip) == len(chosen)
        if chosen:
            same(list(given.read(path, every, skip)), chosen)


@pytest.mark.parametrize("kind", [1, 2])
def test_both_kinds_of_phonopy_data(tmp_path, kind, monkeypatch):
    path = tmp_path / "phonopy_params.yaml"
    wanted = write_phonopy(path, kind)
    (tmp_path / "FORCE_SETS").write_text("not ours\n")  # phonopy's loader would take it
    monkeypatch.chdir(tmp_path)
    assert force_sets.is_phonopy(path)
    same(force_sets.read_labelled(path), wanted)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"forces": False}, "no displacements with forces"),
        ({"forces": False, "kind": 2}, "no displacements with forces"),
        ({"energies": False}, "no supercell energies"),
        ({"energies": False, "kind": 2}, "no supercell energies"),
    ],
)
def test_phonopy_file_that_lacks_something(tmp_path, more, message):
    path = tmp_path / "phonopy.yaml"
    write_phonopy(path, **more)
    with pytest.raises(InputError, match=rf"phonopy\.yaml: .*{message}"):
        force_sets.read_labelled(path)


def settings(**more):
    return config.FramesSeed(path="unused", **more)


def take(paths, **more):
    origin = Origin.parse("frames 0")
    return given.take(paths, settings(**more), np.random.default_rng(3), origin, diamond())[0]


def test_every_file_is_an_origin_of_its_own(tmp_path, steps):
    paths = [write_son(tmp_path / f"{n}.son", steps[n : n + 4]) for n in (0, 2)]
    found = take(paths)
    assert [frame.info["origin"] for frame in found] == ["frames 0 0"] * 4 + ["frames 0 1"] * 4
    assert [frame.info["time"] for frame in found[:4]] == [0, 2, 4, 6]
    assert {frame.info["origin"] for frame in take(paths[:1])} == {"frames 0"}


def test_a_draw_keeps_the_order_of_time(tmp_path, steps):
    path = write_son(tmp_path / "t.son", steps)
    found = take([path], count=3)
    times = [frame.info["time"] for frame in found]
    assert times == sorted(times)
    assert len(set(times)) == 3
    assert [f.info["time"] for f in take([path], count=3)] == times  # the same generator
    with pytest.raises(InputError, match=r"count: 4 frames wanted, .*t\.son gave 3"):
        take([path], count=4, every=2)
    with pytest.raises(InputError, match="no frames are left after skip 9"):
        take([path], skip=9)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.son: there is no such file"):
        list(given.read(tmp_path / "none.son"))


@pytest.mark.parametrize("more", [{}, {"every": 2}, {"skip": 1, "count": 5}])
def test_a_trajectory_in_a_campaign_is_checked_by_its_first_frame(plain, tmp_path, steps, more):
    path = write_son(tmp_path / "t.son", dynamics(12))
    plain["seeds"] = [{"kind": "frames", "path": str(path), **more}]
    plain["committee"] = {"subsamples": 1, "seeds": 2}
    campaign = config.validate(plain)
    checks.check(campaign)
    assert checks.expected_frames(campaign) == more.get("count", 12 // more.get("every", 1))


def test_too_few_frames_are_named_before_the_first_job(plain, tmp_path, steps):
    path = write_son(tmp_path / "t.son", steps)
    for more in ({"count": 7}, {"skip": 6}):
        plain["seeds"] = [{"kind": "frames", "path": str(path), **more}]
        with pytest.raises(InputError, match=r"seeds\.0\.count: .* wanted, .*t\.son has"):
            checks.check(config.validate(plain))


def test_another_crystal_in_a_trajectory_is_named(plain, tmp_path):
    wrong = rattled(1, atoms=diamond() * (2, 1, 1))
    wrong.set_cell(wrong.cell * 1.3, scale_atoms=True)
    frames.write_frames(tmp_path / "a.extxyz", [label(wrong)])
    steps = [(label(wrong), np.zeros((16, 3)))] * 8
    path = write_son(tmp_path / "t.son", steps)
    plain["seeds"] = [{"kind": "frames", "path": str(path)}]
    with pytest.raises(InputError, match=r"seeds\.0\.path: .*t\.son frame 0: the supercell"):
        checks.check(config.validate(plain))


def test_path_of_each_material(plain, tmp_path):
    frames.write_frames(tmp_path / "Si-227.extxyz", labelled_frames(12))
    plain["seeds"] = [{"kind": "frames", "path": str(tmp_path / "{material}.extxyz")}]
    checks.check(config.validate(plain))


def test_a_pipe_or_a_folder_is_no_file(tmp_path):
    """Opening a pipe that nobody writes to would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="a pipe or a device, not a file"):
            given.inspected(path)
