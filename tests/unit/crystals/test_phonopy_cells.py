import numpy as np
import pytest
from models import silicon_primitive

from umklapp.crystals import phonopy_cells, symmetry
from umklapp.errors import InputError

MATRIX = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def test_a_calculation_has_the_supercell_in_its_order():
    primitive = symmetry.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, MATRIX)
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    np.testing.assert_allclose(phonon.supercell.positions, perfect.positions, atol=1e-8)
    moved = perfect.copy()
    moved.positions[3] += perfect.cell.array[0]  # the same site in another copy of the cell
    phonopy_cells.harmonic_calculation(primitive, moved)


def test_another_order_is_refused():
    primitive = symmetry.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, MATRIX)
    order = np.roll(np.arange(len(perfect)), 1)
    with pytest.raises(InputError, match="another order"):
        phonopy_cells.harmonic_calculation(primitive, perfect[order])
