"""Frames twice, in another order than their times, or at times of other frames; in every format."""

import json

import h5py
import numpy as np
import pytest
from conftest import labelled_frames
from vibes_files import dynamics, write_nc, write_son

from umklapp.crystals import frames
from umklapp.crystals.formats import border, given, time_axis
from umklapp.errors import InputError

COUNT = 16
RUN = list(range(COUNT))
SHUFFLED = [int(n) for n in np.random.default_rng(0).permutation(COUNT)]


@pytest.fixture(scope="module")
def steps():
    return dynamics(COUNT)


def chosen(steps, order, times):
    """Steps in another order, at other times."""
    return [
        (frames.labelled(steps[n][0], *results(steps[n][0]), time=2.0 * time), steps[n][1])
        for n, time in zip(order, times, strict=True)
    ]


def results(frame):
    return tuple(frame.calc.results.get(name) for name in ("energy", "forces", "stress"))


def written(path, steps):
    """The steps as .nc, .son or extxyz."""
    if path.suffix == ".nc":
        return write_nc(path, steps)
    if path.suffix == ".extxyz":
        frames.write_frames(path, [frame for frame, _ in steps])
        return path
    head, body = write_son(path, steps).read_text().split("\n===\n")
    documents = [json.loads(text) for text in body.split("\n---\n")]
    for document, (frame, _) in zip(documents, steps, strict=True):
        document["atoms"]["info"]["nsteps"] = frame.info["time"] / 2.0
    path.write_text(head + "\n===\n" + "\n---\n".join(map(json.dumps, documents)))
    return path


@pytest.mark.parametrize("kind", ["nc", "son", "extxyz"])
@pytest.mark.parametrize(
    ("order", "said"),
    [
        (RUN[:5] + RUN[4:], "1 of 17 frames came twice"),
        (RUN + RUN[8:12], "4 of 20 frames came twice"),
        (RUN + RUN, "16 of 32 frames came twice"),
        (SHUFFLED, "the frames were sorted by their times"),
        (RUN[::-1], "15 frames came before an earlier one"),
        ([*RUN[:4], 5, 4, *RUN[6:]], "1 frame came before an earlier one"),
    ],
)
def test_copies_are_left_out_and_frames_are_sorted(tmp_path, steps, kind, order, said):
    path = written(tmp_path / f"md.{kind}", chosen(steps, order, order))
    found, report = given.inspected(path)
    assert [frame.info["time"] for frame in found] == [2.0 * n for n in RUN]
    np.testing.assert_allclose(found[7].positions, steps[7][0].positions, atol=1e-8)
    assert report.times == "a frame every 2 fs"
    assert any(said in note for note in report.notes)


@pytest.mark.parametrize("kind", ["nc", "son", "extxyz"])
@pytest.mark.parametrize(
    ("order", "message"),
    [
        (SHUFFLED, "Likely: frames that are not in the order of their times"),
        (RUN[:5] + RUN[4:], "frames 4 and 5 have the same positions, but the times 8 and 10 fs"),
    ],
)
def test_times_of_other_frames_are_refused(tmp_path, steps, kind, order, message):
    path = written(tmp_path / f"md.{kind}", chosen(steps, order, range(len(order))))
    with pytest.raises(InputError, match=rf"md\.{kind}.* {message}"):
        given.inspected(path)


def test_a_time_that_is_no_number_is_refused(tmp_path, steps):
    path = write_nc(tmp_path / "md.nc", steps)
    with h5py.File(path, "a") as file:
        file["time"][3] = np.nan
    with pytest.raises(InputError, match=r"md\.nc frame 3: a time of nan fs"):
        given.inspected(path)


def test_missing_steps_with_times_that_go_on_are_said(steps):
    order = [*RUN[:4], *RUN[13:], *RUN[4:9]]
    labels = [frame for frame, _ in chosen(steps, order, range(len(order)))]
    notes = time_axis.check_motion(labels, range(len(labels)), "here")
    assert "between frames 3 and 4 atoms move farther" in "".join(notes)


def test_a_frame_with_another_order_of_the_atoms_is_named(steps):
    labels = [frame for frame, _ in chosen(steps, RUN, RUN)]
    labels[5].positions = labels[5].positions[::-1].copy()
    with pytest.raises(InputError, match="here frame 5: its atoms lie far from where they are"):
        time_axis.check_motion(labels, RUN, "here")


def test_several_runs_stay_in_their_order(steps):
    one = [frame for frame, _ in chosen(steps, RUN[:6], range(6))]
    two = labelled_frames(4)
    for n, frame in enumerate(two):
        frame.info["time"] = 2.0 * n + 1.0  # no time comes twice
    kept, notes = time_axis.in_order([*one, *two], range(10), "here")
    assert kept == list(range(10))
    assert not notes


def test_two_frames_of_a_second_run_do_not_take_turns_with_the_first(root):
    """A quiet and a hot run, thinned: sorted by time they would jump there and back."""
    labels = list(given.read(root / "benchmarks/data/nacl_gpaw.extxyz"))[::3][:12]
    seen = border.inspect(labels, "thinned")
    assert seen.numbers == list(range(12))
    assert "times do not increase at frame 10" in seen.report.times


@pytest.mark.parametrize("every", [1, 2, 3])
def test_real_trajectories_are_in_order_and_shuffled_ones_are_not(shared, every):
    labels, report = given.inspected(shared / "data/vibes/mgo_aimd.son", every)
    assert not any("twice" in note or "sorted" in note for note in report.notes)
    order = np.random.default_rng(every).permutation(len(labels))
    wrong = [
        frames.labelled(labels[n], *results(labels[n])[:2], time=labels[k].info["time"])
        for k, n in enumerate(order)
    ]
    with pytest.raises(InputError, match="not in the order of their times"):
        border.inspect(wrong, "shuffled")
