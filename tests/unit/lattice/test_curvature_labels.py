"""Second derivatives as labels: displaced cells, folding, and records."""

import numpy as np
import pytest
from conftest import diamond, silicon_engine
from models import CONVENTIONAL, hessian, response, silicon_primitive, sw_potential
from silicon import LATTICE

from umklapp import config
from umklapp.crystals import curvature, phonopy_cells
from umklapp.crystals.curvature import describe
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import harmonic_reference
from umklapp.lattice.curvature_labels import by_displacements, fold


def settings(**changes):
    return config.CurvatureFinetune(**changes)


@pytest.fixture
def primitive():
    return silicon_primitive(LATTICE)


@pytest.fixture
def cube(primitive):
    return phonopy_cells.supercell(primitive, CONVENTIONAL)


def labelled(primitive, perfect, ledger, folder, engine=None, relaxed=True, **changes):
    return by_displacements(
        *(primitive, perfect, engine or silicon_engine(), settings(**changes)),
        *(ledger, folder, 60.0, relaxed),
    )


def full(array):
    n = len(array)
    return array.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)


def of_potential(primitive, perfect):
    """Full array of Stillinger–Weber by phonopy, for cells too large for `hessian`."""
    n = len(perfect)
    matrix = harmonic_reference.of_potential(sw_potential(), primitive, perfect, 1e-3)
    return matrix.reshape(n, 3, n, 3).transpose(0, 2, 1, 3)


def test_displaced_cells_give_the_hessian_of_the_engine(primitive, cube, ledger, tmp_path):
    found = labelled(primitive, cube, ledger, tmp_path, displacement=1e-3)
    assert found.labels == 1  # symmetry makes all others, and both signs equivalent
    np.testing.assert_allclose(full(found.force_constants), hessian(cube), atol=2e-4)
    vector = np.random.default_rng(0).normal(size=(8, 3))
    expected = (full(found.force_constants) @ vector.ravel()).reshape(8, 3)
    np.testing.assert_allclose(found.product(vector), expected, atol=1e-12)
    assert found.energy is None
    assert not found.forces.any()
    assert not found.stress.any()


def test_directions_and_atoms_are_not_exchanged(primitive, ledger, tmp_path):
    """64 atoms: there Φ_ij of second neighbours is not symmetric, in the cube every block is."""
    perfect = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    found = labelled(primitive, perfect, ledger, tmp_path, displacement=1e-3)
    blocks = found.force_constants
    assert np.abs(blocks - blocks.transpose(0, 1, 3, 2)).max() > 0.2
    vector = np.random.default_rng(0).normal(size=(64, 3))
    np.testing.assert_allclose(found.product(vector), response(perfect, vector), atol=5e-3)


def test_stress_of_a_crystal_that_was_not_relaxed_is_not_claimed(primitive, cube, ledger, tmp_path):
    assert labelled(primitive, cube, ledger, tmp_path, relaxed=False).stress is None


def test_the_perfect_cell_can_be_labelled_too(primitive, ledger, tmp_path):
    """Its energy, forces and stress are targets; it counts as a label."""
    cell = diamond(cubic=False)
    cell.set_cell(1.01 * cell.cell.array, scale_atoms=True)
    perfect = phonopy_cells.supercell(cell, CONVENTIONAL)
    found = labelled(cell, perfect, ledger, tmp_path, equilibrium="label", relaxed=False)
    still = sw_potential().evaluate([perfect])
    assert found.labels == 2
    assert found.energy == pytest.approx(still.energy[0], abs=1e-6)
    np.testing.assert_allclose(found.stress, still.stress[0], atol=1e-8)
    assert found.stress[0] > 1e-3


def test_labels_come_from_the_ledger_the_second_time(primitive, cube, ledger, tmp_path):
    counting = silicon_engine("CountingSilicon")
    from silicon import CountingSilicon

    CountingSilicon.calls = 0
    labelled(primitive, cube, ledger, tmp_path, counting)
    once = CountingSilicon.calls
    labelled(primitive, cube, ledger, tmp_path, counting)
    assert once > 0
    assert CountingSilicon.calls == once


def test_a_displaced_cell_without_a_label_is_named(primitive, cube, ledger, tmp_path):
    engine = silicon_engine("DivergingSilicon")
    with pytest.raises(CalculationError, match=r"displaced cell f\w+ got no label \(not_finite"):
        labelled(primitive, cube, ledger, tmp_path, engine)


def test_a_written_label_is_the_same_label(primitive, cube, ledger, tmp_path):
    found = labelled(primitive, cube, ledger, tmp_path)
    found.write(tmp_path / "l.h5")
    again = curvature.read(tmp_path / "l.h5")
    np.testing.assert_array_equal(again.force_constants, found.force_constants)
    np.testing.assert_array_equal(again.perfect.positions, cube.positions)
    np.testing.assert_array_equal(again.representatives, found.representatives)
    assert (again.energy, again.labels, again.source) == (None, 1, found.source)
    record = describe(again)
    assert record.acoustic_sum_residual_eV_per_A2 < 1e-10
    assert record.labels == 1


def test_folding_a_large_cell_is_exact(primitive, cube):
    """Moving an atom in every copy of the small cell is moving it in the small cell."""
    large = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    found = fold(of_potential(primitive, large), large, cube)
    np.testing.assert_allclose(full(found), hessian(cube), atol=1e-3)


def test_folding_follows_another_order_and_origin(primitive, cube):
    array = of_potential(primitive, cube)
    order = np.random.default_rng(0).permutation(8)
    other = cube[order]
    other.positions += [0.3, -0.2, 1.1]
    other.wrap()
    np.testing.assert_allclose(fold(array[order][:, order], other, cube), array, atol=1e-10)


@pytest.mark.parametrize("kind", ["lattice", "species", "turned", "smaller"])
def test_another_cell_is_refused_and_both_are_named(primitive, cube, kind):
    other = cube.copy()
    if kind == "lattice":
        other.set_cell(1.05 * cube.cell.array, scale_atoms=True)
    elif kind == "species":
        other.numbers[:] = 32
    elif kind == "turned":
        other.rotate(30, "z", rotate_cell=True)
    else:
        other = primitive
    with pytest.raises(InputError, match=r"another cell: .* but the supercell of the campaign is"):
        fold(np.zeros((len(other), len(other), 3, 3)), other, cube)
