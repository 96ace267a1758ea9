"""Space groups, rotations and the standard primitive cell."""

import numpy as np
import pytest
from ase import Atoms
from conftest import diamond

from umklapp.crystals import symmetry
from umklapp.errors import InputError


def test_primitive_cell_of_a_supercell():
    primitive = symmetry.primitive_cell(diamond() * (2, 1, 1))
    assert len(primitive) == 2
    assert symmetry.space_group(primitive) == 227


def test_space_group_of_a_broken_symmetry():
    atoms = diamond()
    atoms.positions[0, 0] += 0.1
    assert symmetry.space_group(atoms) < 227
    assert symmetry.space_group(atoms, symprec=0.5) == 227


def test_space_group_of_atoms_on_top_of_each_other():
    atoms = Atoms("Si2", positions=np.zeros((2, 3)), cell=[3, 3, 3], pbc=True)
    with pytest.raises(InputError, match="no space group"):
        symmetry.primitive_cell(atoms)
    assert symmetry.space_group(atoms) == 0


def test_rotations_of_a_tetragonal_crystal_keep_its_lattice_and_sites():
    atoms = Atoms("CuAu", cell=[2.8, 2.8, 3.7], scaled_positions=[[0, 0, 0], [0.5] * 3], pbc=True)
    rotations = symmetry.rotations(atoms)
    assert len(rotations) == 16  # 4/mmm
    metric = atoms.cell.array @ atoms.cell.array.T
    np.testing.assert_allclose(
        np.swapaxes(rotations, 1, 2) @ metric @ rotations, np.broadcast_to(metric, (16, 3, 3))
    )


@pytest.mark.parametrize("cell", [np.nan, 0.0, 1e-3, 0.05, np.inf, 1e7])
def test_no_absurd_cell_reaches_spglib(cell):
    atoms = Atoms("Si2", positions=[[0, 0, 0], [0.1, 0.1, 0.1]], pbc=True)
    atoms.cell[:] = np.eye(3) * cell
    for use in (symmetry.space_group, symmetry.primitive_cell, symmetry.rotations):
        with pytest.raises(InputError, match=r"holds no crystal|not finite"):
            use(atoms)
