"""Force constants in the files of phonopy and phono3py, and what is refused."""

import lzma

import numpy as np
import pytest
from conftest import silicon_engine
from models import CONVENTIONAL, response, silicon_primitive, sw_potential
from phonopy import Phonopy
from phonopy.file_IO import write_FORCE_CONSTANTS, write_force_constants_to_hdf5
from silicon import LATTICE

from umklapp import config
from umklapp.crystals import curvature, phonopy_cells
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.lattice.curvature_labels import by_displacements
from umklapp.lattice.force_constant_files import read


@pytest.fixture
def primitive():
    return silicon_primitive(LATTICE)


@pytest.fixture
def cube(primitive):
    return phonopy_cells.supercell(primitive, CONVENTIONAL)


@pytest.fixture
def label(primitive, cube, ledger, tmp_path):
    chosen = config.CurvatureFinetune()
    return by_displacements(primitive, cube, silicon_engine(), chosen, ledger, tmp_path, 60.0, True)


def filled(primitive, matrix=CONVENTIONAL, scale=1):
    """A phonopy calculation with forces of Stillinger–Weber."""
    phonon = Phonopy(
        phonopy_cells.to_phonopy(primitive),
        supercell_matrix=scale * np.array(matrix).T,
        primitive_matrix="P",
    )
    phonon.generate_displacements(distance=0.03)
    cells = [phonopy_cells.from_phonopy(each) for each in phonon.supercells_with_displacements]
    phonon.forces = np.array(sw_potential().evaluate(cells).forces)
    return phonon


def same(found, label):
    np.testing.assert_allclose(found.force_constants, label.force_constants, atol=1e-6)
    assert found.labels == 0
    assert sorted(found.representatives) == sorted(label.representatives)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("what", ["forces", "constants", "compact"])
def test_phonopy_yaml(primitive, cube, label, tmp_path, what, packed):
    phonon = filled(primitive)
    path = tmp_path / "phonopy_params.yaml"
    if what != "forces":
        phonon.produce_force_constants(calculate_full_force_constants=what == "constants")
    phonon.save(
        path, settings={"force_constants": what != "forces", "force_sets": what == "forces"}
    )
    if packed:
        path.with_suffix(".yaml.xz").write_bytes(lzma.compress(path.read_bytes()))
        path = path.with_suffix(".yaml.xz")
    same(read(path, primitive, cube, True), label)


@pytest.mark.parametrize("compact", [False, True])
def test_directions_and_atoms_are_not_exchanged(primitive, tmp_path, compact):
    """As in test_curvature_labels; rows of a primitive cell are completed by translations."""
    phonon = filled(primitive, scale=2)
    phonon.produce_force_constants(calculate_full_force_constants=not compact)
    phonon.save(tmp_path / "p.yaml", settings={"force_constants": True, "force_sets": False})
    perfect = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    found = read(tmp_path / "p.yaml", primitive, perfect, True)
    vector = np.random.default_rng(0).normal(size=(64, 3))
    wrong = found.product(vector) - response(perfect, vector)
    assert np.abs(wrong).max() < 0.1  # displacements of 0.03 Å; exchanged directions: above 1
    exchanged = np.einsum("ijab,ja->ib", found.force_constants, vector)
    assert np.abs(exchanged - response(perfect, vector)).max() > 1.0


def test_yaml_of_a_larger_supercell_is_folded(primitive, cube, label, tmp_path):
    phonon = filled(primitive, scale=2)
    phonon.save(tmp_path / "p.yaml")
    found = read(tmp_path / "p.yaml", primitive, cube, True)
    np.testing.assert_allclose(found.force_constants, label.force_constants, atol=2e-2)


def test_text_and_hdf5_full_and_compact(primitive, cube, label, tmp_path):
    array, rows = label.force_constants, label.representatives
    write_FORCE_CONSTANTS(array, tmp_path / "FORCE_CONSTANTS")
    write_FORCE_CONSTANTS(array[rows], tmp_path / "COMPACT", p2s_map=rows)
    write_force_constants_to_hdf5(array, tmp_path / "f.hdf5", physical_unit="eV/angstrom^2")
    write_force_constants_to_hdf5(array[rows], tmp_path / "c.hdf5", p2s_map=rows)
    for name in ("FORCE_CONSTANTS", "COMPACT", "f.hdf5", "c.hdf5"):
        found = read(tmp_path / name, primitive, cube, False)
        np.testing.assert_allclose(found.force_constants, array, atol=1e-8)
        assert found.stress is None


@pytest.mark.slow
def test_phono3py_params(shared):
    """Two 512-atom cells folded agree with a fit to all 100 frames of 64 atoms."""
    path = shared / "data/dft/NaCl-225_phono3py_params.yaml.xz"
    phonon = force_constants.from_params(path)
    perfect = phonopy_cells.from_phonopy(phonon.supercell)
    primitive = phonopy_cells.from_phonopy(phonon.primitive)
    ordered = phonopy_cells.supercell(primitive, phonopy_cells.supercell_matrix(primitive, perfect))
    found = read(path, primitive, ordered, True)
    record = curvature.describe(found)
    assert record.acoustic_sum_residual_eV_per_A2 < 1e-6
    assert record.largest_eV_per_A2 == pytest.approx(2.525, abs=0.01)


# what is refused


def test_compact_rows_of_another_primitive_cell(primitive, cube, label, tmp_path):
    write_FORCE_CONSTANTS(label.force_constants[:4], tmp_path / "FC")
    with pytest.raises(InputError, match=r"compact force constants with 4 rows.*--full-fc"):
        read(tmp_path / "FC", primitive, cube, True)


def test_another_number_of_atoms(primitive, cube, label, tmp_path):
    write_FORCE_CONSTANTS(label.force_constants[:4, :4], tmp_path / "FC")
    with pytest.raises(InputError, match=r"of 4 × 4 atoms, the supercell .* has 8"):
        read(tmp_path / "FC", primitive, cube, True)


def test_yaml_of_another_cell(cube, tmp_path):
    other = silicon_primitive(1.05 * LATTICE)
    filled(other).save(tmp_path / "p.yaml")
    with pytest.raises(InputError, match=r"p\.yaml: force constants of another cell: Si8 .* Si8"):
        read(tmp_path / "p.yaml", silicon_primitive(LATTICE), cube, True)


def test_stated_units_of_another_program(primitive, cube, tmp_path):
    phonon = filled(primitive)
    phonon.produce_force_constants()
    phonon.save(tmp_path / "p.yaml", settings={"force_constants": True})
    text = (tmp_path / "p.yaml").read_text()
    for old, new, words in (
        ('"eV/angstrom^2"', '"Ry/au^2"', "force constants in Ry/au"),
        ('length: "angstrom"', 'length: "au"', "lengths in au"),
    ):
        assert old in text
        (tmp_path / "q.yaml").write_text(text.replace(old, new))
        with pytest.raises(InputError, match=words):
            read(tmp_path / "q.yaml", primitive, cube, True)
    array = np.zeros((8, 8, 3, 3))
    write_force_constants_to_hdf5(array, tmp_path / "f.hdf5", physical_unit="hartree/au^2")
    with pytest.raises(InputError, match="hartree/au"):
        read(tmp_path / "f.hdf5", primitive, cube, True)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1 / 97.17, "could be Ry/bohr² or Hartree/bohr²"),
        (48.6, "expected 0.2 to 500"),
        (np.nan, "finite"),
    ],
)
def test_numbers_that_cannot_be_in_electronvolts(primitive, cube, label, tmp_path, factor, words):
    write_FORCE_CONSTANTS(factor * label.force_constants, tmp_path / "FC")
    with pytest.raises(InputError, match=words):
        read(tmp_path / "FC", primitive, cube, True)


def test_files_that_are_none(primitive, cube, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "nothing.yaml", primitive, cube, True)
    for name, words in (
        ("a.yaml", "a.yaml"),
        ("b.hdf5", "cannot be read"),
        ("FC", "cannot be read"),
    ):
        (tmp_path / name).write_text("what is this")
        with pytest.raises(InputError, match=words):
            read(tmp_path / name, primitive, cube, True)
    phonon = filled(primitive)
    phonon.save(tmp_path / "p.yaml", settings={"force_sets": False, "displacements": False})
    with pytest.raises(InputError, match="neither force constants nor displacements"):
        read(tmp_path / "p.yaml", primitive, cube, True)
