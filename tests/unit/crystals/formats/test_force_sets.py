"""Force sets of phono3py: what is read, and what cannot be."""

import lzma
from pathlib import Path

import numpy as np
import phono3py
import pytest
import yaml
from conftest import diamond, label
from phono3py import Phono3py
from phonopy import Phonopy
from phonopy.physical_units import get_calculator_physical_units
from umklapp_params import write_params

from umklapp.crystals import frames
from umklapp.crystals.formats import force_sets
from umklapp.crystals.phonopy_cells import from_phonopy, to_phonopy
from umklapp.errors import InputError


@pytest.fixture
def params(tmp_path):
    """Params file of silicon with four random displacements, and the frames behind it."""
    path = tmp_path / "params.yaml"
    return path, write_params(path)


def test_frames_are_those_of_the_file(params):
    path, expected = params
    found = force_sets.read_labelled(path)
    assert len(found) == len(expected) == 4
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-7)
        np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-7)
        assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-6)
        assert not frames.has_stress(ours)
        assert ours.info["frame_id"] == frames.frame_id(ours)
        # forces belong to these positions: calculated anew they are the same
        np.testing.assert_allclose(label(ours).get_forces(), ours.get_forces(), atol=1e-5)


def test_packed_file_is_the_same(params, tmp_path):
    path, _ = params
    packed = tmp_path / "packed.yaml.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    plain, unpacked = force_sets.read_labelled(path), force_sets.read_labelled(packed)
    assert [f.info["frame_id"] for f in plain] == [f.info["frame_id"] for f in unpacked]


def test_cells_of_the_file(params):
    loaded = force_sets.load_params(params[0])
    assert len(loaded.supercell) == 8
    assert len(loaded.primitive) == 2


@pytest.mark.parametrize("what", ["forces", "energies"])
def test_file_without_labels(tmp_path, what):
    path = tmp_path / f"no_{what}.yaml"
    write_params(path, **{what: False})
    words = "no displacements with forces" if what == "forces" else "no supercell energies"
    with pytest.raises(InputError, match=rf"no_{what}\.yaml: .*{words}"):
        force_sets.read_labelled(path)


def test_energies_that_are_null(tmp_path):
    path = tmp_path / "null.yaml"
    write_params(path)
    written = yaml.safe_load(path.read_text())
    assert len(written["dataset"]["supercell_energies"]) > 0
    written["dataset"]["supercell_energies"] = None
    path.write_text(yaml.safe_dump(written))
    with pytest.raises(InputError, match=r"null\.yaml: .*no supercell energies"):
        force_sets.read_labelled(path)


def test_forces_that_are_not_numbers(tmp_path):
    path = tmp_path / "bad.yaml"
    write_params(path)
    loaded = phono3py.load(path, produce_fc=False, log_level=0)
    forces = np.array(loaded.forces)
    forces[2, 5, 1] = np.nan
    loaded.forces = forces
    loaded.save(path, settings={"force_sets": True, "displacements": True})
    with pytest.raises(InputError, match=r"bad\.yaml"):
        force_sets.read_labelled(path)


@pytest.mark.parametrize("name", ["no.yaml", "no.yaml.xz"])
def test_file_that_is_none(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: there is no such file"):
        force_sets.read_labelled(tmp_path / name)
    (tmp_path / name).write_bytes(b"these are not the params")
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        force_sets.read_labelled(tmp_path / name)


def _pairs(path, cutoff, named=True):
    """Params file of pair displacements of silicon; pairs beyond the cutoff are zeros in it.

    Returns:
        The calculated cells with their labels.
    """
    made = Phono3py(to_phonopy(diamond()), np.eye(3, dtype=int), primitive_matrix="F", log_level=0)
    made.generate_displacements(distance=0.05, cutoff_pair_distance=cutoff)
    cells = [
        None if cell is None else label(from_phonopy(cell))
        for cell in made.supercells_with_displacements
    ]
    made.forces = np.array([np.zeros((8, 3)) if c is None else c.get_forces() for c in cells])
    made.supercell_energies = [0.0 if c is None else c.get_potential_energy() for c in cells]
    if not named:  # as a program that writes the zeros without saying so
        del made.dataset["cutoff_distance"]
    made.save(path, settings={"force_sets": True, "displacements": True})
    return [cell for cell in cells if cell is not None], len(cells)


def test_pairs_that_were_not_calculated_are_left_out_and_counted(tmp_path, caplog):
    """Both atoms of a pair are displaced; what phono3py fills with zeros becomes no label."""
    path = tmp_path / "pairs.yaml"
    expected, total = _pairs(path, cutoff=2.5)
    assert 1 < len(expected) < total
    with caplog.at_level("WARNING", logger="umklapp"):
        found = force_sets.read_labelled(path)
    assert len(found) == len(expected)
    assert f"{total - len(expected)} of {total} displaced cells" in caplog.text
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-7)
        np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-7)
        assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-6)


def test_all_pairs_are_read_where_there_is_no_cutoff(tmp_path, caplog):
    expected, total = _pairs(tmp_path / "pairs.yaml", cutoff=None)
    found = force_sets.read_labelled(tmp_path / "pairs.yaml")
    assert len(found) == len(expected) == total
    assert "left out" not in caplog.text
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-7)


def test_pairs_without_energies_are_no_labels_but_force_sets(tmp_path):
    """phono3py writes none where it was given none, and cannot be asked for them then."""
    path = tmp_path / "pairs.yaml"
    expected, _ = _pairs(path, cutoff=None)
    made = phono3py.load(path, produce_fc=False, log_level=0)
    for single in made.dataset["first_atoms"]:
        del single["supercell_energy"]
        for second in single["second_atoms"]:
            del second["supercell_energy"]
    made.save(path, settings={"force_sets": True, "displacements": True})
    with pytest.raises(InputError, match=r"pairs\.yaml: .*no supercell energies"):
        force_sets.read_labelled(path)
    sets = force_sets.calculated(force_sets.load_params(path), path)
    assert sets.energies is None
    assert len(sets.forces) == len(expected)


def test_displaced_cells_without_any_force_are_refused(tmp_path):
    path = tmp_path / "zeros.yaml"
    _pairs(path, cutoff=2.5, named=False)
    with pytest.raises(InputError, match=r"zeros\.yaml displacement .*never calculated"):
        force_sets.read_labelled(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("first", ["phonopy", "phono3py"])
def test_a_tag_in_a_yaml_is_not_executed(tmp_path, first, packed):
    """phonopy's own loader calls what a tag names."""
    trap = tmp_path / "executed"
    text = f"{first}:\n  version: 4\nx: !!python/object/apply:os.mkdir ['{trap}']\n"
    path = tmp_path / ("p.yaml.xz" if packed else "p.yaml")
    path.write_bytes(lzma.compress(text.encode()) if packed else text.encode())
    with pytest.raises(InputError, match="nothing in it was executed"):
        force_sets.read_labelled(path)
    assert not trap.exists()


def test_an_exclamation_mark_in_text_is_no_tag(tmp_path, params):
    path, expected = params
    path.write_text('note: "taken with care!" # really!\n' + path.read_text())
    assert len(force_sets.read_labelled(path)) == len(expected)


@pytest.mark.parametrize("calculator", ["qe", "abinit", "elk", "cp2k", "siesta"])
@pytest.mark.parametrize("energies", ["calculator", "eV"])
@pytest.mark.parametrize("kind", ["phonopy", "phono3py"])
def test_units_of_the_calculator_are_honoured(tmp_path, calculator, energies, kind):
    """Silicon written in the units of five programs, energies in theirs or in eV."""
    units = get_calculator_physical_units(calculator)
    length, force = units.distance_to_A, units.force_to_eVperA
    energy = units.energy_to_eV if energies == "calculator" else 1.0
    cell = diamond()
    cell.set_cell(cell.cell.array / length, scale_atoms=True)
    setting = {"supercell_matrix": np.eye(3, dtype=int), "primitive_matrix": "F"}
    made = (Phonopy if kind == "phonopy" else Phono3py)(
        to_phonopy(cell), calculator=calculator, **setting
    )
    made.generate_displacements(distance=0.05 / length, number_of_snapshots=4, random_seed=1)
    wanted = []
    for displaced in made.supercells_with_displacements:
        atoms = from_phonopy(displaced)
        atoms.set_cell(atoms.cell.array * length, scale_atoms=True)
        wanted.append(label(atoms))
    made.forces = np.array([frame.get_forces() for frame in wanted]) / force
    made.supercell_energies = np.array([f.get_potential_energy() for f in wanted]) / energy
    path = tmp_path / "units.yaml"
    made.save(path, settings={"force_sets": True, "displacements": True})
    notes: list[str] = []
    for one, two in zip(force_sets.read_labelled(path, notes), wanted, strict=True):
        np.testing.assert_allclose(one.cell.array, two.cell.array, atol=1e-6)
        np.testing.assert_allclose(one.positions, two.positions, atol=1e-6)
        np.testing.assert_allclose(one.get_forces(), two.get_forces(), atol=1e-5)
        assert one.get_potential_energy() == pytest.approx(two.get_potential_energy(), abs=1e-5)
    assert f"units of calculator '{calculator}'" in notes[0]


def test_an_impossible_supercell_is_refused_before_phonopy_builds_it(params):
    path, _ = params
    text = path.read_text()
    path.write_text(text.replace("- [   1,   0,   0 ]", "- [   99999999,   0,   0 ]", 1))
    with pytest.raises(InputError, match=r"params\.yaml: the supercell has 1e\+08 primitive"):
        force_sets.read_labelled(path)


def test_names_of_params_files():
    for name in ("a.yaml", "a.yml", "a.yaml.xz", "b/a.yml.xz", "a.yaml.gz"):
        assert force_sets.is_params(Path(name))
    for name in ("a.extxyz", "yaml", "a.yaml.zip", "a.xz"):
        assert not force_sets.is_params(Path(name))


def test_published_params_and_published_frames_agree(shared):
    """The same 100 VASP calculations in two formats."""
    params = force_sets.read_labelled(shared / "data/dft/NaCl-225_phono3py_params.yaml.xz")
    listed = frames.read_frames(shared / "data/dft/NaCl-225_vasp_rd003.extxyz")
    assert len(params) == len(listed) == 100
    for ours, theirs in zip(params[::10], listed[::10], strict=True):
        assert ours.get_potential_energy() == theirs.get_potential_energy()
        assert np.array_equal(ours.numbers, theirs.numbers)
        np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-7)
        shift = (ours.positions - theirs.positions) @ np.linalg.inv(theirs.cell.array)
        assert np.abs(shift - np.rint(shift)).max() < 1e-6


def test_perfect_crystal_has_no_forces():
    """Guards the helper behind these tests."""
    assert np.abs(label(diamond()).get_forces()).max() < 1e-10


def edited(tmp_path, change):
    """The params file of the tests after a change of its content."""
    path = tmp_path / "params.yaml"
    write_params(path)
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))
    return path


def reordered(content):
    """The supercell's atoms in another order, as another program writes them."""
    content["supercell"]["points"] = content["supercell"]["points"][::-1]


def strained(content):
    """A supercell of another lattice constant."""
    cell = np.array(content["supercell"]["lattice"])
    content["supercell"]["lattice"] = (1.1 * cell).tolist()


def other_species(content):
    """A supercell of another crystal."""
    for point in content["supercell"]["points"]:
        point["symbol"] = "Ge"


@pytest.mark.parametrize("change", [reordered, strained, other_species])
def test_a_supercell_that_is_not_the_one_of_the_unit_cell_is_refused(tmp_path, change):
    path = edited(tmp_path, change)
    with pytest.raises(InputError, match=r"not its unit cell times .* order of the atoms"):
        force_sets.load_params(path)


def with_points(**entries):
    """A change of every atom of every cell."""

    def change(content):
        for name in ("unit_cell", "primitive_cell", "supercell"):
            for point in content[name]["points"] if name in content else ():
                point.update(entries)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_points(mass=30.0), "isotopes, or species and masses"),
        (with_points(magnetic_moment=1.0), "magnetic moments"),
    ],
)
def test_masses_and_moments_of_the_cells_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        force_sets.read_labelled(edited(tmp_path, change))


def test_another_number_of_energies_than_of_forces_is_named(tmp_path):
    def change(content):
        content["dataset"]["supercell_energies"].pop()

    with pytest.raises(InputError, match="they must be as many"):
        force_sets.read_labelled(edited(tmp_path, change))
