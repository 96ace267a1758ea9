"""Frames of the stop rule: how far atoms are moved, where frames say they are from."""

import numpy as np
from ase.build import bulk

from umklapp.crystals.frame_info import FrameInfo, identity
from umklapp.transport.stop_rule import drawing


def test_every_atom_is_displaced_by_the_same_length_in_all_directions():
    perfect = bulk("Si", "diamond", a=5.431).repeat(3)
    drawn = drawing.rattled(perfect, 3, 0.03, np.random.default_rng(0))
    shifts = np.array([atoms.positions - perfect.positions for atoms in drawn])
    np.testing.assert_allclose(np.linalg.norm(shifts, axis=2), 0.03)
    assert np.abs(shifts.mean(axis=(0, 1))).max() < 0.006
    assert not np.allclose(shifts[0], shifts[1])


def test_frames_say_where_they_are_from_and_keep_their_identity():
    perfect = bulk("Si", "diamond", a=5.431)
    (sent,) = drawing.asked([perfect], "Si-227", drawing.CHECK)
    info = FrameInfo.of(sent)
    assert info.material == "Si-227"
    assert str(info.origin) == "stop rule, check"
    assert FrameInfo.of_entries(sent.info).origin == drawing.CHECK
    (again,) = drawing.asked([sent], "Si-227", drawing.AUDIT)
    assert identity(again) == identity(sent)
    assert "frame_id" not in perfect.info
