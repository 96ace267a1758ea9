"""Frames: identity, reading and writing, checks at the border, splitting."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from ase import Atoms
from conftest import diamond, label, labelled_frames, rattled
from hypothesis import assume, given
from hypothesis import strategies as st
from logged import logged

from umklapp.crystals import frames
from umklapp.errors import InputError

coordinate = st.floats(-60, 60, allow_nan=False)


@st.composite
def configurations(draw):
    """Any atoms in any cell with a volume, positions with all the digits of a float."""
    count = draw(st.integers(1, 5))
    numbers = draw(st.lists(st.integers(1, 90), min_size=count, max_size=count))
    positions = draw(
        st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=count, max_size=count)
    )
    lengths = draw(st.tuples(*[st.floats(1.0, 30.0)] * 3))
    tilt = draw(st.floats(-0.9, 0.9))
    cell = np.diag(lengths)
    cell[1, 0] = tilt
    return Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)


def with_zero_forces(atoms, **info):
    return frames.labelled(atoms, -1.25, np.zeros((len(atoms), 3)), **info)


@given(configurations())
def test_identity_survives_a_file(atoms):
    frame = with_zero_forces(atoms)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one.extxyz"
        frames.write_frames(path, [frame])
        again = frames.read_frames(path)[0]
        unlabelled = frames.read_candidates(path)[0]
    assert again.info["frame_id"] == frame.info["frame_id"] == frames.frame_id(atoms)
    assert frames.frame_id(unlabelled) == frames.frame_id(atoms)
    np.testing.assert_array_equal(again.positions, frame.positions)


@given(configurations())
def test_stripping_twice_changes_nothing(atoms):
    once = frames.strip(atoms)
    twice = frames.strip(once)
    np.testing.assert_array_equal(once.positions, twice.positions)
    assert once.info == twice.info
    assert np.abs(once.positions - atoms.positions).max() <= 0.5000001e-8


@given(configurations(), st.data())
def test_identity_tells_a_moved_atom(atoms, data):
    moved = atoms.copy()
    atom = data.draw(st.integers(0, len(atoms) - 1))
    axis = data.draw(st.integers(0, 2))
    length = data.draw(st.floats(2e-8, 1.0) | st.floats(-1.0, -2e-8))
    moved.positions[atom, axis] += length
    assert frames.frame_id(moved) != frames.frame_id(atoms)


@given(configurations(), st.integers(0, 2), st.integers(0, 2), st.floats(1e-7, 1.0))
def test_identity_tells_another_cell(atoms, row, column, change):
    other = atoms.copy()
    cell = other.cell.array.copy()
    cell[row, column] += change
    other.set_cell(cell)
    assert frames.frame_id(other) != frames.frame_id(atoms)


def test_identity_tells_another_element_and_order():
    atoms = Atoms("SiGe", positions=[[0, 0, 0], [1, 1, 1]], cell=[5, 5, 5], pbc=True)
    other = atoms.copy()
    other.numbers[:] = [14, 14]
    swapped = atoms[[1, 0]]
    assert len({frames.frame_id(each) for each in (atoms, other, swapped)}) == 3


def test_identity_ignores_negative_zeros_and_digits_no_file_keeps():
    atoms = Atoms("Si2", positions=[[0.0, 0.0, 0.0], [1, 1, 1]], cell=[5, 5, 5], pbc=True)
    negative = atoms.copy()
    negative.positions[0] = -0.0
    negative.set_cell(np.array([[5, -0.0, 0], [0, 5, 0], [-0.0, 0, 5]]))
    tiny = atoms.copy()
    tiny.positions[0] = [-1e-10, 4e-9, -3e-9]
    assert np.signbit(negative.positions).any()
    assert frames.frame_id(atoms) == frames.frame_id(negative) == frames.frame_id(tiny)


def test_identity_ignores_labels_and_info_and_looks_like_text():
    frame = label(rattled(1), origin="md 0")
    other = frame.copy()
    other.info = {"frame_id": "f0", "energy": 3.0}
    assert frames.frame_id(other) == frame.info["frame_id"]
    assert frame.info["frame_id"][0] == "f"
    assert int(frame.info["frame_id"][1:], 16) >= 0
    assert len(frame.info["frame_id"]) == 16


def test_identity_is_the_same_in_every_release():
    """Ledgers outlive the program that wrote them."""
    atoms = Atoms("Si2", positions=[[0, 0, 0], [1.25, 1.5, 1.75]], cell=[5, 5, 5], pbc=True)
    assert frames.frame_id(atoms) == "fdcff9f872a8819e"


def test_labels_survive_a_file(tmp_path):
    made = labelled_frames(3, origin="md 0", time=1.5, explored=4)
    path = tmp_path / "new folder" / "frames.extxyz"
    frames.write_frames(path, made)
    again = frames.read_frames(path)
    assert len(again) == 3
    for before, after in zip(made, again, strict=True):
        assert after.get_potential_energy() == before.get_potential_energy()
        np.testing.assert_allclose(after.get_forces(), before.get_forces(), atol=0.51e-8)
        np.testing.assert_allclose(after.get_stress(), before.get_stress(), atol=1e-15)
        assert after.info == before.info
    assert [file.name for file in path.parent.iterdir()] == ["frames.extxyz"]


def test_missing_stress_is_not_zero(tmp_path):
    frame = with_zero_forces(diamond())
    assert not frames.has_stress(frame)
    frames.write_frames(tmp_path / "one.extxyz", [frame])
    again = frames.read_frames(tmp_path / "one.extxyz")[0]
    assert not frames.has_stress(again)
    assert np.isnan(frames.stress_of(again)).all()
    assert frames.has_stress(label(diamond()))


def test_strip_leaves_the_labels_behind():
    frame = label(rattled(0), origin="md 0")
    frame.set_velocities(np.ones((8, 3)))
    bare = frames.strip(frame)
    assert bare.calc is None
    assert set(bare.arrays) == {"numbers", "positions"}
    assert bare.info == {"origin": "md 0", "frame_id": frame.info["frame_id"]}
    assert frame.calc is not None


def test_write_replaces_the_file_as_a_whole(tmp_path):
    path = tmp_path / "frames.extxyz"
    frames.write_frames(path, labelled_frames(3))
    with pytest.raises(TypeError):  # nothing can be written of this
        frames.write_frames(path, [*labelled_frames(1), 3])
    assert len(frames.read_frames(path)) == 3


def test_no_frames_are_an_empty_file_of_the_pipeline(tmp_path):
    path = tmp_path / "none.extxyz"
    frames.write_frames(path, [])
    assert frames.read_labels(path) == []
    assert frames.read_candidates(path) == []


# what a user may hand over


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.extxyz"):
        frames.read_frames(tmp_path / "gone.extxyz")


def test_empty_file(tmp_path):
    path = tmp_path / "empty.extxyz"
    path.write_text("")
    with pytest.raises(InputError, match=r"empty\.extxyz: no frames in the file"):
        frames.read_frames(path)


def test_every_truncation_is_noticed(tmp_path):
    """Cut anywhere but between two frames, within the last number too."""
    whole = tmp_path / "whole.extxyz"
    frames.write_frames(whole, labelled_frames(2))
    content = whole.read_bytes()
    frames.write_frames(tmp_path / "first.extxyz", labelled_frames(1))
    boundary = len((tmp_path / "first.extxyz").read_bytes())
    assert content[:boundary] == (tmp_path / "first.extxyz").read_bytes()
    cut = tmp_path / "cut.extxyz"
    lengths = set(range(0, len(content), 7)) | set(range(boundary - 40, boundary + 40))
    lengths |= set(range(len(content) - 60, len(content)))
    for length in sorted(lengths - {boundary}):
        cut.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.extxyz"):
            frames.read_frames(cut)
    cut.write_bytes(content[: len(content) - 100])
    with pytest.raises(InputError, match="truncated"):
        frames.read_frames(cut)


def test_something_that_is_no_extxyz(tmp_path):
    path = tmp_path / "notes.extxyz"
    path.write_text("Dear colleague,\nhere are the frames.\n")
    with pytest.raises(InputError, match=r"notes\.extxyz frame 0: cannot be read"):
        frames.read_frames(path)


def test_another_composition_is_named_with_its_frame(tmp_path):
    made = labelled_frames(3)
    other = made[1].copy()
    other.numbers[0] = 32
    made.insert(2, with_zero_forces(other))
    frames.write_frames(tmp_path / "mixed.extxyz", made)
    with pytest.raises(InputError, match=r"mixed\.extxyz frame 2: composition .*Ge.*frame 0"):
        frames.read_frames(tmp_path / "mixed.extxyz")


def test_other_sizes_of_one_composition_are_fine(tmp_path):
    made = [label(rattled(0)), label(rattled(0, atoms=diamond() * (2, 1, 1)))]
    frames.write_frames(tmp_path / "sizes.extxyz", made)
    assert [len(frame) for frame in frames.read_frames(tmp_path / "sizes.extxyz")] == [8, 16]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["energy", "forces", "stress", "positions"])
def test_numbers_that_are_not_finite(what, value, tmp_path):
    good, atoms = label(rattled(0)), rattled(1)
    labels = {"energy": -3.0, "forces": np.zeros((8, 3)), "stress": np.zeros(6)}
    bad = frames.labelled(atoms, **labels)
    if what == "positions":
        bad.positions[3, 1] = value
    elif what == "energy":
        bad.calc.results["energy"] = value
    else:
        bad.calc.results[what].flat[4] = value
    with pytest.raises(InputError, match=f"here: {what} has values that are not finite"):
        frames.check(bad, "here")
    bad.calc.atoms = bad.copy()  # else ASE takes the labels for those of other atoms
    frames.write_frames(tmp_path / "bad.extxyz", [good, bad])
    with pytest.raises(InputError, match=r"bad\.extxyz frame 1"):
        frames.read_frames(tmp_path / "bad.extxyz")
    with logged() as messages:
        (kept,) = frames.read_labels(tmp_path / "bad.extxyz")
    assert kept.info["frame_id"] == good.info["frame_id"]
    assert any(f"bad.extxyz frame 1: {what} is not finite: left out" in text for text in messages)


def test_missing_labels(tmp_path):
    no_forces = frames.labelled(rattled(0), -1.0, np.zeros((8, 3)))
    del no_forces.calc.results["forces"]
    no_energy = frames.labelled(rattled(0), -1.0, np.zeros((8, 3)))
    del no_energy.calc.results["energy"]
    for bad, words in (
        (no_forces, "no force labels"),
        (no_energy, "no energy label"),
        (frames.strip(rattled(0)), "no energy label"),
    ):
        with pytest.raises(InputError, match=words):
            frames.check(bad, "here")
        frames.write_frames(tmp_path / "bad.extxyz", [bad])
        with pytest.raises(InputError, match=rf"bad\.extxyz frame 0: {words}"):
            frames.read_frames(tmp_path / "bad.extxyz")


def test_cell_without_volume():
    flat = frames.labelled(rattled(0), -1.0, np.zeros((8, 3)))
    flat.set_cell([[5, 0, 0], [0, 5, 0], [5, 5, 0]])
    with pytest.raises(InputError, match="here: the cell has no volume"):
        frames.check(flat, "here")


def test_published_frames_are_read(shared):
    found = frames.read_frames(shared / "data/dft/NaCl-225_vasp_rd003.extxyz")
    assert {len(frame) for frame in found} == {64}
    assert len(frames.unique(found)) == len(found)
    assert found[0].get_potential_energy() == -223.88632405
    assert not frames.has_stress(found[0])


# splitting


def timed(origin, time):
    atoms = Atoms("Si", positions=[[time, 0, 0]], cell=[100, 100, 100], pbc=True)
    return with_zero_forces(atoms, origin=origin, time=time)


@st.composite
def trajectories(draw):
    """Frames of some origins, in time order within each, origins interleaved at random."""
    lengths = draw(st.lists(st.integers(1, 14), min_size=1, max_size=4))
    order = draw(st.permutations([n for n, length in enumerate(lengths) for _ in range(length)]))
    clock = [0] * len(lengths)
    found = []
    for origin in order:
        found.append(timed(f"md {origin}", clock[origin]))
        clock[origin] += 1
    return found


@given(trajectories(), st.floats(0.01, 0.6), st.floats(0.01, 0.6))
def test_split_loses_nothing_and_never_interleaves(found, calibration, test):
    assume(calibration + test < 0.9)
    try:
        parts = frames.split(found, calibration, test)
    except InputError:
        by_origin = {}
        for frame in found:
            by_origin.setdefault(frame.info["origin"], []).append(frame)
        lengths = [len(group) for group in by_origin.values()]
        left = sum(n - round(calibration * n) - round(test * n) for n in lengths)
        assert len(found) < 3 or left < 3
        return
    each = (parts.train, parts.calibration, parts.test)
    assert all(each)
    assert sorted(map(id, chain(*each))) == sorted(map(id, found))
    for origin in {frame.info["origin"] for frame in found}:
        times = [
            [frame.info["time"] for frame in part if frame.info["origin"] == origin]
            for part in each
        ]
        flat = list(chain(*times))
        assert flat == sorted(flat)  # train before calibration before test


def test_split_of_one_run_exactly():
    parts = frames.split([timed("md", n) for n in range(20)], 0.15, 0.2)
    assert [frame.info["time"] for frame in parts.train] == list(range(13))
    assert [frame.info["time"] for frame in parts.calibration] == [13, 14, 15]
    assert [frame.info["time"] for frame in parts.test] == [16, 17, 18, 19]


def test_finite_displacements_are_never_split():
    """However many there are and whatever else there is: none calibrates, none tests."""
    dynamics = [timed("aimd 0", n) for n in range(8)]
    displaced = [timed("harmonic 1 displaced", 100 + n) for n in range(5)]
    parts = frames.split([*displaced[:2], *dynamics, *displaced[2:]], 0.3, 0.3)
    assert list(map(id, parts.displaced)) == list(map(id, displaced))
    assert sorted(map(id, [*parts.train, *parts.calibration, *parts.test])) == sorted(
        map(id, dynamics)
    )
    alone = frames.split(dynamics, 0.3, 0.3)
    assert [len(alone.train), len(alone.calibration)] == [len(parts.train), len(parts.calibration)]
    with pytest.raises(InputError, match="1 frame: too few"):
        frames.split([*displaced, *dynamics[:1]], 0.3, 0.3)


def test_split_cuts_every_origin():
    parts = frames.split([timed(f"md {n % 2}", n) for n in range(40)], 0.1, 0.2)
    assert [frame.info["time"] for frame in parts.test if frame.info["origin"] == "md 0"] == [
        32,
        34,
        36,
        38,
    ]
    assert len(parts.test) == 8
    assert len(parts.calibration) == 4


def test_split_of_few_frames_keeps_the_order():
    parts = frames.split([timed("md", n) for n in range(3)], 0.1, 0.1)
    order = [part[0].info["time"] for part in (parts.train, parts.calibration, parts.test)]
    assert order == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_split_of_too_few_frames(count):
    with pytest.raises(InputError, match=f"{count} frames?: too few"):
        frames.split([timed("md", n) for n in range(count)], 0.15, 0.2)


def test_split_that_leaves_nothing_to_train_on():
    found = [timed(f"md {n // 2}", n) for n in range(6)]
    with pytest.raises(InputError, match="6 frames leave none for training"):
        frames.split(found, 0.4, 0.4)


def test_unique_keeps_the_first_of_each():
    first, second, again = timed("md 0", 1), timed("md 0", 2), timed("md 1", 1)
    assert first.info["frame_id"] == again.info["frame_id"]
    found = frames.unique([first, second, again, second])
    assert [id(frame) for frame in found] == [id(first), id(second)]
    assert frames.unique([]) == []


@given(st.lists(st.integers(0, 6)))
def test_unique_is_a_set_in_order(times):
    found = frames.unique([timed("md", n) for n in times])
    assert [frame.info["time"] for frame in found] == list(dict.fromkeys(times))
    assert [id(a) for a in frames.unique(found)] == [id(a) for a in found]
