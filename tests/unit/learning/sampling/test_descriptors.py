import numpy as np
import pytest
from models import bare, rattled_silicon, silicon_cubic

from umklapp.learning.sampling import descriptors, exploration
from umklapp.learning.sampling.recording import Trajectory


class Described:
    """Features of an atom: element, number, position. most: atoms that were asked for at once."""

    def __init__(self):
        self.most = 0

    def features(self, frames):
        self.most = max(self.most, sum(map(len, frames)))
        return [
            np.column_stack([frame.numbers, np.arange(len(frame)), frame.positions])
            for frame in frames
        ]


def cells(count):
    """Two species, so that there are two means."""
    found = [bare(frame) for frame in rattled_silicon(count, strain=0)]
    for frame in found:
        frame.numbers[:3] = 6
    return found


def expected(frames, spread):
    """Carbon (the first three atoms), silicon (the others), the atom with the largest spread."""
    rows = Described().features(frames)
    return [
        np.concatenate([row[:3].mean(axis=0), row[3:].mean(axis=0), row[np.argmax(doubt)]])
        for row, doubt in zip(rows, spread, strict=True)
    ]


def test_means_by_species_and_the_most_doubtful_atom():
    frames = cells(3)
    spread = [np.eye(8)[number] for number in (0, 5, 7)]
    found = descriptors.of_frames(Described(), frames, spread, frames[0])
    np.testing.assert_allclose(found, expected(frames, spread))


@pytest.mark.parametrize("atoms", [8, 24, 10_000])
def test_features_of_a_few_frames_are_in_memory_at_a_time(monkeypatch, atoms):
    monkeypatch.setattr(descriptors, "ATOMS", atoms)
    frames, committee = cells(7), Described()
    spread = [np.arange(8.0)] * 7
    found = descriptors.of_frames(committee, frames, spread, frames[0])
    np.testing.assert_allclose(found, expected(frames, spread))
    assert committee.most == min(atoms, 56)


@pytest.mark.parametrize("atoms", [8, 40, 10_000])
def test_replicas_in_a_file_get_their_own(tmp_path, monkeypatch, atoms):
    """Long ones, short ones and an empty one, whatever goes together."""
    monkeypatch.setattr(descriptors, "ATOMS", atoms)
    frames = cells(6)
    replicas, doubt = [], np.arange(8.0)
    for rows in ([0, 1, 2], [], [3], [4, 5]):
        replica = Trajectory(frames[0], 300.0)
        for row in rows:
            replica.time.append(1.0)
            replica.positions.append(frames[row].positions)
            replica.cells.append(frames[row].cell.array)
            replica.forces.append(np.zeros((8, 3)))
            replica.spread.append(doubt)
            for column in ("energy", "temperature", "shortest_distance", "sigma"):
                getattr(replica, column).append(0.0)
            for values in replica.measures.values():
                values.append(0.0)
        replicas.append(replica)
    exploration.write(tmp_path / "e.h5", replicas)
    descriptors.add(tmp_path / "e.h5", Described(), frames[0])
    found = exploration.read(tmp_path / "e.h5").descriptors
    np.testing.assert_allclose(found, expected(frames, [doubt] * 6))


def test_descriptors_are_displacements_however_the_frame_is_wrapped():
    perfect = silicon_cubic()
    frame = bare(rattled_silicon(1, strain=0)[0])
    shifts = frame.positions - perfect.positions
    wanted = (shifts - shifts.mean(axis=0)).ravel()
    wrapped = frame.copy()
    wrapped.wrap()
    far = frame.copy()
    far.positions += (np.arange(24).reshape(8, 3) % 5 - 2) @ frame.cell.array
    assert np.abs(wrapped.positions - frame.positions).max() > 1  # it did wrap
    found = descriptors.displacements([frame, wrapped, far], perfect)
    np.testing.assert_allclose(found, [wanted] * 3, atol=1e-9)


def test_descriptors_in_a_skew_cell():
    perfect = silicon_cubic()
    perfect.set_cell([[5.4, 0, 0], [2.0, 5.0, 0], [1.0, 1.5, 6.0]], scale_atoms=True)
    frame = perfect.copy()
    frame.positions[3] += [0.1, -0.2, 0.3]
    frame.positions[5] += perfect.cell.array[1] - 2 * perfect.cell.array[2]
    found = descriptors.displacements([frame], perfect)[0].reshape(8, 3)
    wanted = np.zeros((8, 3))
    wanted[3] = [0.1, -0.2, 0.3]
    np.testing.assert_allclose(found, wanted - wanted.mean(axis=0), atol=1e-12)
