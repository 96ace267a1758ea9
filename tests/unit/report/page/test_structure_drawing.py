"""Cells as they are drawn: conventional, with atoms on all faces, bonds between neighbours."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from umklapp.report.page import structure_drawing as drawing


def test_the_conventional_cell_of_rock_salt():
    cell = drawing.conventional(bulk("NaCl", "rocksalt", a=5.64))
    assert len(cell) == 8
    np.testing.assert_allclose(cell.cell.lengths(), 5.64)
    positions, numbers = drawing.filled(cell)
    assert len(positions) == 27
    sodium = int((numbers == 11).sum())
    assert sorted((sodium, 27 - sodium)) == [13, 14]
    assert len(drawing.bonds(positions, numbers)) == 54  # 3 directions × 2 gaps × 9 rows


def test_a_crystal_of_low_symmetry_keeps_its_atoms():
    """Monoclinic ZrO2: no site lies on a face, so nothing is repeated."""
    cell = crystal(
        ["Zr", "O", "O"], [(0.275, 0.040, 0.208), (0.070, 0.332, 0.345), (0.450, 0.757, 0.479)],
        spacegroup=14, cellpar=[5.15, 5.21, 5.32, 90, 99.2, 90],
    )  # fmt: skip
    positions, numbers = drawing.filled(drawing.conventional(cell))
    assert len(positions) == 12
    assert sorted(numbers) == [8] * 8 + [40] * 4
    assert drawing.bonds(positions, numbers)


def test_no_symmetry_and_no_neighbours_is_no_error():
    lonely = Atoms("Ar", cell=[10, 11, 12], positions=[[3, 3, 3]], pbc=True)
    svg = drawing.draw(lonely, "Ar-1")
    assert "Conventional cell of Ar-1, 1 atoms" in svg
    assert 'class="bond"' not in svg


def test_the_view_is_a_rotation():
    for cell in (np.eye(3), [[3, 0, 0], [1, 4, 0], [0.5, -1, 5]]):
        turn = drawing.view(np.array(cell, float))
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1.0)


def test_names_are_escaped():
    assert "<b>" not in drawing.draw(bulk("Si"), "<b>")


def test_colours_are_dark_enough_for_white_paper():
    """Hydrogen is white in Jmol's table."""
    assert drawing.colour(1) != "#ffffff"
    assert [symbol for symbol, _ in drawing.legend(bulk("NaCl", "rocksalt", a=5.6))] == ["Na", "Cl"]
