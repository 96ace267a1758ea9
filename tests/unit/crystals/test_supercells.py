"""Supercells by size: sublattices counted, symmetry kept, the same everywhere."""

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from ase.geometry import minkowski_reduce
from hypothesis import given
from hypothesis import strategies as st

from umklapp import config
from umklapp.crystals import phonopy_cells, supercells, symmetry
from umklapp.errors import InputError

FCC = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def primitive(name="NaCl", structure="rocksalt", **cell):
    made = symmetry.primitive_cell(bulk(name, structure, **({"a": 5.6} | cell)))
    made.info["material"] = "X-1"
    return made


@pytest.mark.parametrize("count", [1, 2, 4, 6, 12, 30])
def test_all_sublattices_once(count):
    """Their number is the sum of d σ(d) over the divisors d (Hart and Forcade 2008, eq. 2)."""
    forms = supercells.hermite_forms(count)
    divisors = [d for d in range(1, count + 1) if count % d == 0]
    sigma = {d: sum(e for e in range(1, d + 1) if d % e == 0) for d in divisors}
    assert len(forms) == sum(d * sigma[d] for d in divisors)
    assert len(np.unique(forms.reshape(-1, 9), axis=0)) == len(forms)
    np.testing.assert_allclose(np.linalg.det(forms), count)


def test_cubic_sublattices_of_the_fcc_lattice():
    """Simple cubic 4n³, face-centred n³ and body-centred 16n³ keep all rotations; no other does."""
    rotations = symmetry.rotations(primitive())
    found = []
    for count in range(1, 37):
        forms = supercells.hermite_forms(count)
        for rotation in rotations:
            forms = forms[supercells.kept(forms, rotation)]
        found += [count] * len(forms)
    assert found == [1, 4, 8, 16, 27, 32]


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_compactness_is_that_of_the_reduced_cell(count, seed):
    generator = np.random.default_rng(seed)
    cell = np.eye(3) + 0.4 * generator.uniform(-1, 1, (3, 3))
    forms = supercells.hermite_forms(count)
    forms = forms[generator.integers(len(forms), size=5)]
    for form, found in zip(forms, supercells.compactness(forms, cell), strict=True):
        reduced, _ = minkowski_reduce(form @ cell)
        edge = abs(np.linalg.det(reduced)) ** (1 / 3)
        assert found == pytest.approx(np.linalg.norm(reduced, axis=1).min() / edge)


def test_sizes_of_cubes():
    cubes = {8: [[-1, 1, 1], [1, -1, 1], [1, 1, -1]], 64: [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]}
    for atoms, matrix in cubes.items():
        assert supercells.nearly_cubic(primitive(), atoms) == matrix
    cube = supercells.nearly_cubic(primitive("CsCl", "cesiumchloride", a=4.1), 128)
    assert cube == [[4, 0, 0], [0, 4, 0], [0, 0, 4]]


def test_a_supercell_of_the_supercell_of_another_code():
    """The same lattice as ASE makes of the conventional cube."""
    atoms = primitive()
    matrix = supercells.nearly_cubic(atoms, 216)
    ours = phonopy_cells.supercell(atoms, matrix)
    theirs = make_supercell(bulk("NaCl", "rocksalt", a=5.6, cubic=True), 3 * np.eye(3))
    np.testing.assert_allclose(ours.cell.cellpar(), theirs.cell.cellpar(), atol=1e-6)
    assert supercells.symmetry(matrix, atoms) == (48, 48)


@pytest.mark.parametrize("strain", [0.0, 1e-6, 3e-6])
@pytest.mark.parametrize("size", [54, 66 * 2])
def test_the_choice_does_not_hang_on_the_last_digits(size, strain):
    wanted = supercells.nearly_cubic(primitive(), size)
    assert supercells.nearly_cubic(primitive(a=5.6 * (1 + strain)), size) == wanted
    assert supercells.nearly_cubic(primitive("KBr", a=6.6), size) == wanted


def test_no_symmetric_cell_of_that_size():
    """66 primitive cells of an fcc crystal: none is cubic; the choice is compact all the same."""
    atoms = primitive()
    matrix = np.array([supercells.nearly_cubic(atoms, 132)])
    assert supercells.symmetry(matrix[0].tolist(), atoms)[0] < 48
    assert supercells.compactness(matrix, atoms.cell.array)[0] > 0.9
    assert round(np.linalg.det(matrix[0])) == 66


def test_long_cells_are_no_supercells():
    """A prime number of layers only fits as a rod; then symmetry gives way."""
    atoms = primitive("Po", "sc", a=3.3)
    matrix = supercells.nearly_cubic(atoms, 7)
    assert supercells.compactness(np.array([matrix]), atoms.cell.array)[0] >= supercells.COMPACT


def test_about_so_many_atoms_prefers_a_symmetric_cell():
    assert supercells.nearly_cubic(primitive(), 200, 0.2) == [[-3, 3, 3], [3, -3, 3], [3, 3, -3]]
    near = config.NearlyCubic(atoms=200)
    assert supercells.matrix(near, primitive(), None, "x") == [[-3, 3, 3], [3, -3, 3], [3, 3, -3]]
    assert supercells.nearly_cubic(primitive(), 1, 0.2) == np.eye(3, dtype=int).tolist()


def test_what_the_configuration_says():
    atoms = primitive()
    assert supercells.matrix([[1, 0, 0], [0, 1, 0], [0, 0, 2]], atoms, None, "x")[2] == [0, 0, 2]
    assert supercells.matrix("published", atoms, 64, "x") == supercells.nearly_cubic(atoms, 64)
    with pytest.raises(InputError, match=r"key: 'published', but .*n_supercell of X-1 is empty"):
        supercells.matrix("published", atoms, None, "key")
    with pytest.raises(
        InputError, match=r"key: X-1: n_supercell .*13 atoms are no multiple of .*2"
    ):
        supercells.matrix("published", atoms, 13, "key")
    with pytest.raises(InputError, match=r"key: .*singular"):
        supercells.matrix([[1, 0, 0], [1, 0, 0], [0, 0, 2]], atoms, None, "key")
