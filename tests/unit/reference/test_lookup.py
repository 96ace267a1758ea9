"""A table in another setting is laid on the sites once, and its frames are found there."""

import numpy as np
import pytest
from ase import Atoms
from conftest import diamond, labelled_frames

from umklapp import config
from umklapp.crystals import frame_info, frames, phonopy_cells, sites
from umklapp.crystals.frame_info import Origin, identity
from umklapp.reference import create, lookup
from umklapp.reference.contract import Failure

TURN = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])


@pytest.fixture
def table(tmp_path):
    """Silicon turned about z and shifted, in ASE's order of atoms, and where it lies."""
    made = []
    for atoms in labelled_frames(6):
        moved = Atoms(atoms.numbers, cell=atoms.cell.array @ TURN, pbc=True)
        moved.positions = (atoms.positions + np.array([0.9, 2.1, 0.4])) @ TURN
        forces = atoms.get_forces() @ TURN
        made.append(frames.labelled(moved, atoms.get_potential_energy(), forces))
    frames.write_frames(tmp_path / "table.extxyz", made)
    return tmp_path / "table.extxyz"


@pytest.fixture
def perfect():
    """The sampling supercell: the same cube in phonopy's order."""
    cube = diamond()
    primitive = Atoms("Si2", cell=cube.cell.array[0, 0] / 2 * (1 - np.eye(3)), pbc=True)
    primitive.set_scaled_positions([[0, 0, 0], [0.25] * 3])
    return phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])


def test_a_frame_on_the_sites_has_the_label_of_the_table(table, perfect, tmp_path, calculator):
    laid = list(lookup.table(table, perfect).values())
    assert np.linalg.norm(sites.of_frames(laid, perfect), axis=-1).max() < 0.5
    engine = create(config.Lookup(path=table), perfect)
    for frame in laid:
        label = engine.label(frames.strip(frame), tmp_path, 10)
        assert not isinstance(label, Failure)
        again = frame.copy()
        again.calc = calculator
        np.testing.assert_allclose(label.get_forces(), again.get_forces(), atol=1e-5)
    strange = engine.label(perfect, tmp_path, 10)
    assert isinstance(strange, Failure)


def test_seeds_from_the_table_are_its_frames(table, perfect):
    """Whatever part of it they are: a frame that trains must not be labelled again."""
    given = frames.read_frames(table)[3:5]
    for frame in given:
        frame_info.mark(frame, origin=Origin(kind="frames", seed=0))
    seeds = lookup.as_in_table(given, table, perfect)
    pool = {identity(frame) for frame in lookup.table(table, perfect).values()}
    assert {identity(frame) for frame in seeds} < pool
    assert [str(frame.info["origin"]) for frame in seeds] == ["frames 0", "frames 0"]
