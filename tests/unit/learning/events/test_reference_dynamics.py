"""Reference MD is read in every format of the seeds, on the sites, or refused with its reason."""

import numpy as np
import pytest
from conftest import diamond, label, rattled
from vibes_files import dynamics, write_aims, write_nc, write_son

from umklapp.crystals import frames, sites
from umklapp.errors import InputError
from umklapp.learning.events import reference_dynamics, reference_replay


@pytest.fixture(scope="module")
def steps():
    return dynamics(4)


def in_another_setting(atoms):
    """Turned about z and shifted, with its labels."""
    turn = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ turn)
    moved.positions = (atoms.positions + np.array([0.7, 1.9, -3])) @ turn
    forces = atoms.get_forces() @ turn
    return frames.labelled(moved, atoms.get_potential_energy(), forces)


def test_trajectories_of_all_formats_are_replicas_on_the_sites(tmp_path, steps):
    wanted = [frame for frame, _ in steps]
    paths = [tmp_path / name for name in ("a.son", "b.nc", "c.extxyz")]
    write_son(paths[0], steps)
    write_nc(paths[1], steps)
    frames.write_frames(paths[2], [in_another_setting(frame) for frame in reversed(wanted)])
    found = reference_dynamics.read(paths, diamond())
    origins = [str(frame.info["origin"]) for frame in found]
    assert origins == [str(path) for path in paths for _ in wanted]
    assert [frame.info["time"] for frame in found] == [0, 2, 4, 6] * 3
    u = np.linalg.norm(sites.of_frames(found, diamond()), axis=-1)
    once = np.linalg.norm(sites.of_frames(wanted, diamond()), axis=-1)
    np.testing.assert_allclose(np.sort(u), np.sort(np.tile(once, (3, 1))), atol=1e-6)


def test_two_runs_in_one_file_are_not_shuffled_into_one(tmp_path, steps):
    """Each begins at time 0: sorted by time, frames of the two would take turns."""
    run = [frame for frame, _ in steps]
    other = [label(rattled(seed)) for seed in range(3)]
    for frame, first in zip(other, run, strict=False):
        frame.info["time"] = first.info["time"]
    frames.write_frames(tmp_path / "two.extxyz", [*run, *other])
    found = reference_dynamics.read([tmp_path / "two.extxyz"], diamond())
    assert [frame.info["time"] for frame in found] == [0, 2, 4, 6, 0, 2, 4]
    assert [len(one) for one in reference_replay.trajectories(found)] == [4, 3]


def test_copies_are_left_out_and_frames_of_one_time_are_no_trajectory(tmp_path, steps):
    path, run = tmp_path / "md.extxyz", [frame for frame, _ in steps]
    frames.write_frames(path, [run[0], run[2], run[1], *run[1:]])
    found = reference_dynamics.read([path], diamond())
    assert [frame.info["time"] for frame in found] == [0, 2, 4, 6]
    still = [frames.labelled(f, f.get_potential_energy(), f.get_forces(), time=0.0) for f in run]
    frames.write_frames(path, still)
    with pytest.raises(InputError, match=r"md\.extxyz: times do not increase at 3 of 4 frames"):
        reference_dynamics.read([path], diamond())


def test_a_file_without_times_is_refused(tmp_path, steps):
    path = tmp_path / "aims.out"
    write_aims(path, [frame for frame, _ in steps])
    with pytest.raises(InputError, match=r"verdict\.reference: .*aims\.out frame 0: no time"):
        reference_dynamics.read([path], diamond())


def test_another_cell_and_another_structure_are_refused(tmp_path, steps):
    write_son(tmp_path / "md.son", steps)
    with pytest.raises(InputError, match=r"none of 4 frames is in the sampling supercell of Si64"):
        reference_dynamics.read([tmp_path / "md.son"], diamond() * (2, 2, 2))
    cubic = diamond()
    cubic.set_scaled_positions(np.stack(np.meshgrid(*[[0.0, 0.5]] * 3), -1).reshape(-1, 3))
    with pytest.raises(InputError, match=r"md\.son frame 0: the atoms lie \d\.\d\d Å"):
        reference_dynamics.read([tmp_path / "md.son"], cubic)
