"""The table, primitive cells, supercells, literature."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from conftest import diamond
from hypothesis import assume, given
from hypothesis import strategies as st

from umklapp import config
from umklapp.crystals import materials, phonopy_cells, symmetry
from umklapp.errors import InputError

BUILT = {
    "Si-227": (227, "Si", 2),
    "C-227": (227, "C", 2),
    "Ge-227": (227, "Ge", 2),
    "GaN-186": (186, "GaN", 4),
    "NaCl-225": (225, "NaCl", 2),
    "MgO-225": (225, "MgO", 2),
    "CuI-216": (216, "CuI", 2),
}
BONDS = {  # shortest distances in Å, from the lattice constants of the structures folder
    "Si-227": 5.431 * 3**0.5 / 4,
    "C-227": 3.567 * 3**0.5 / 4,
    "Ge-227": 5.658 * 3**0.5 / 4,
    "GaN-186": 1.95,
    "NaCl-225": 5.640 / 2,
    "MgO-225": 4.2262 / 2,
    "CuI-216": 6.05 * 3**0.5 / 4,
}


def row(**changes):
    """A row of a table."""
    plain = {
        "material": "Si-227",
        "formula": "Si",
        "space_group": "227",
        "prototype": "diamond",
        "n_primitive": "2",
    }
    return pd.Series(plain | changes)


def test_table_has_all_materials(table):
    assert len(table) == 122
    assert table["set"].value_counts().to_dict() == {"screened": 112, "listed": 6, "benchmark": 4}
    assert table.index.is_unique
    assert (table.index == table["formula"] + "-" + table["space_group"]).all()


@pytest.mark.parametrize("key", BUILT)
def test_rows_that_are_known_well(table, root, key):
    group, formula, count = BUILT[key]
    built = materials.build_primitive(table.loc[key], root / "config/structures")
    assert symmetry.space_group(built) == group
    assert len(built) == count
    assert materials.composition(built) == materials.composition(Atoms(formula))
    assert built.info["material"] == key
    assert built.pbc.all()
    crystal = built * (3, 3, 3)
    distances = crystal.get_all_distances(mic=True)
    shortest = distances[~np.eye(len(crystal), dtype=bool)].min()
    assert shortest == pytest.approx(BONDS[key], abs=0.01)


@pytest.mark.parametrize("suffix", materials.SUFFIXES)
def test_own_file_comes_first(tmp_path, suffix):
    write(tmp_path / f"Si-227{suffix}", bulk("Si", a=5.0, cubic=True))
    built = materials.build_primitive(row(), tmp_path)
    assert len(built) == 2
    assert built.cell.volume == pytest.approx(5.0**3 / 4, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space_group": "216"}, "Si-227: built space group 227, the table says 216"),
        ({"n_primitive": "4"}, "Si-227: built 2 atoms, the table says 4"),
        ({"formula": "Ge"}, "the table says Ge"),
    ],
)
def test_own_file_that_is_not_the_row(tmp_path, changes, words):
    write(tmp_path / "Si-227.cif", bulk("Si", cubic=True))
    with pytest.raises(InputError, match=words):
        materials.build_primitive(row(**changes), tmp_path)


def test_own_file_that_is_no_structure(tmp_path):
    (tmp_path / "Si-227.cif").write_text("nothing\n")
    with pytest.raises(InputError, match=r"Si-227\.cif: cannot be read as a structure: \S"):
        materials.build_primitive(row(), tmp_path)


def test_own_file_with_few_digits(tmp_path):
    """Three decimals, as published tables have: symmetrised, if not by much."""
    wurtzite = bulk("GaN", "wurtzite", a=3.19, c=5.19, u=0.377)
    wurtzite.set_scaled_positions(wurtzite.get_scaled_positions().round(3))
    write(tmp_path / "GaN-186.vasp", wurtzite, direct=True)
    wanted = row(material="GaN-186", formula="GaN", space_group="186", n_primitive="4")
    assert symmetry.space_group(materials.read_structure(tmp_path / "GaN-186.vasp")) != 186
    built = materials.build_primitive(wanted, tmp_path)
    assert symmetry.space_group(built) == 186
    wurtzite.positions[0] += 0.05
    write(tmp_path / "GaN-186.vasp", wurtzite, direct=True)
    with pytest.raises(InputError, match=r"GaN-186: built space group \d+, the table says 186"):
        materials.build_primitive(wanted, tmp_path)


def test_own_file_in_another_orientation(tmp_path):
    """It is turned into the standard orientation: the same crystal, other vectors."""
    turned = bulk("NaCl", "rocksalt", a=5.6)
    turned.rotate(33, (1, 2, 3), rotate_cell=True)
    write(tmp_path / "NaCl-225.extxyz", turned)
    wanted = row(material="NaCl-225", formula="NaCl", space_group="225")
    built = materials.build_primitive(wanted, tmp_path)
    assert not np.allclose(built.cell.array, turned.cell.array, atol=0.1)
    assert phonopy_cells.is_multiple(built, turned)
    np.testing.assert_allclose(built.cell.array[0], [0, 2.8, 2.8], atol=1e-6)


def test_own_file_where_the_table_knows_no_number_of_atoms(tmp_path):
    write(tmp_path / "Si-227.cif", bulk("Si", cubic=True))
    assert len(materials.build_primitive(row(n_primitive=""), tmp_path)) == 2


@pytest.mark.parametrize("name", ["prototypes.yaml", "lattices.yaml"])
def test_structure_files_that_cannot_be_read(tmp_path, root, name):
    for each in ("prototypes.yaml", "lattices.yaml"):
        content = (root / "config/structures" / each).read_text()
        (tmp_path / each).write_text("a: [1" if each == name else content)
    with pytest.raises(InputError, match=name):
        materials.build_primitive(row(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        materials.build_primitive(row(), tmp_path)


def test_unknown_material_with_a_suggestion(table, tmp_path):
    materials.check_selection(table, ["Si-227", "NaCl-225"], tmp_path)
    with pytest.raises(InputError) as caught:
        materials.check_selection(table, ["Si-227", "Si-216"], tmp_path / "materials.csv")
    text = str(caught.value)
    assert "materials.select: 'Si-216' is not in" in text
    assert "materials.csv" in text
    assert "did you mean Si-227?" in text


def test_unknown_material_without_a_suggestion(table, tmp_path):
    with pytest.raises(InputError, match="'Xx-1' is not in") as caught:
        materials.check_selection(table, ["Xx-1"], tmp_path)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "cannot be read as csv"),
        ("material,formula\nSi-227,Si\n", r"columns \['n_primitive', 'prototype', 'space_group'\]"),
        (
            "material,formula,space_group,prototype,n_primitive\n"
            + 2 * "Si-227,Si,227,diamond,2\n",
            r"keys \['Si-227'\] appear more than once",
        ),
    ],
)
def test_bad_tables(tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        materials.read_table(path)
    assert str(path) in str(caught.value)
    with pytest.raises(InputError, match=r"gone\.csv"):
        materials.read_table(tmp_path / "gone.csv")


GOOD = {
    "material": "Si-227",
    "formula": "Si",
    "space_group": "227",
    "prototype": "diamond",
    "n_primitive": "2",
    "n_supercell": "216",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space_group": "Fd-3m"}, "space_group 'Fd-3m': an international number from 1 to 230"),
        ({"space_group": "231"}, "space_group '231'"),
        ({"space_group": ""}, "space_group ''"),
        ({"n_primitive": "two"}, "n_primitive 'two': a whole number, or nothing"),
        ({"n_primitive": "0"}, "n_primitive '0'"),
        ({"n_supercell": "-216"}, "n_supercell '-216'"),
        ({"n_supercell": "215"}, "n_supercell 215 is no multiple of n_primitive 2"),
        ({"formula": "SiX2"}, r"formula 'SiX2': elements and numbers are needed"),
        ({"formula": ""}, "formula ''"),
        ({"formula": "Si999999999"}, "has 999999999 atoms"),
        ({"formula": "(Si1000)1000000O"}, "has 1000000001 atoms"),
        ({"formula": "Si0"}, "has 0 atoms, Si 0"),
        ({"formula": "SiO0"}, "has 1 atoms, O 0"),
        ({"formula": "(("}, "elements and numbers are needed"),
        ({"material": ".."}, r"material '\.\.': letters"),
        ({"material": "-rf"}, "material '-rf': letters"),
        ({"material": "logs"}, "material 'logs' is the name of a folder"),
        ({"material": "engines"}, "material 'engines' is the name of a folder"),
        ({"material": "overview"}, "material 'overview' is the name of a folder"),
        ({"material": "a" * 300}, "at most 100"),
        ({"formula": "SiO2"}, "n_primitive 2 is no multiple of the atoms of SiO2"),
        ({"prototype": ""}, "prototype is empty: a name, or mp-…"),
        ({"material": "Si 227"}, "material 'Si 227': letters, digits"),
        ({"material": ""}, r"row 3 \(no key\)"),
    ],
)
def test_rows_that_cannot_be(tmp_path, changes, words):
    """Line, key, column, value and what is wanted."""
    path = tmp_path / "table.csv"
    rows = [GOOD | {"material": "Si-227b"}, GOOD | changes]
    pd.DataFrame(rows).to_csv(path, index=False)
    with pytest.raises(InputError, match=words) as caught:
        materials.read_table(path)
    assert str(caught.value).startswith(f"{path}: row 3 (")


def test_all_bad_rows_are_named_at_once(tmp_path):
    path = tmp_path / "table.csv"
    rows = [GOOD | {"material": f"A-{n}", "space_group": "0"} for n in range(3)]
    pd.DataFrame(rows).to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        materials.read_table(path)
    assert [f"row {n}" in str(caught.value) for n in (2, 3, 4)] == [True] * 3


def test_a_table_needs_no_published_supercells(tmp_path):
    path = tmp_path / "table.csv"
    plain = {key: value for key, value in GOOD.items() if key != "n_supercell"}
    pd.DataFrame([plain]).to_csv(path, index=False)
    assert materials.published_size(materials.read_table(path).loc["Si-227"]) is None


def test_published_sizes(table):
    assert materials.published_size(table.loc["SnSe-62"]) == 256
    assert materials.published_size(table.loc["Bi2Te3-166"]) is None


def test_keys_of_a_campaign(plain, table):
    assert materials.keys(config.validate(plain).materials) == ["Si-227"]
    plain["materials"]["select"] = "all"
    assert materials.keys(config.validate(plain).materials) == list(table.index)


def test_selections(table, tmp_path):
    everything = materials.selected(table, "all", tmp_path)
    assert everything == list(table.index)
    assert len(materials.selected(table, "screened", tmp_path)) == 112
    assert materials.selected(table, ["Si-227"], tmp_path) == ["Si-227"]
    with pytest.raises(InputError, match=r"no set 'Si-227' \(sets: benchmark, listed, screened\)"):
        materials.selected(table, "Si-227", tmp_path)
    with pytest.raises(InputError, match=r"no set 'screened' \(sets: none\)"):
        materials.selected(table.drop(columns="set"), "screened", tmp_path)


def test_literature(table):
    sodium = materials.literature(table.loc["NaCl-225"])
    assert sodium.experiment == (6.0, 6.06, 6.57, 6.9, 7.1)
    assert sodium.green_kubo == (6.66,)
    assert sodium.describe() == "exp. 6, 6.06, 6.57, 6.9, 7.1; aiGK 6.66"
    silicon = materials.literature(table.loc["Si-227"])
    assert silicon.describe() == "exp. 148, 156"
    assert materials.Literature((), (1.5,)).describe() == "aiGK 1.5"
    assert materials.Literature((), ()).describe() == "none in the table"


# cells

entry = st.integers(-2, 2)
matrices = st.lists(st.lists(entry, min_size=3, max_size=3), min_size=3, max_size=3)


@given(matrices)
def test_supercell_and_its_matrix(matrix):
    determinant = round(np.linalg.det(np.array(matrix, float)))
    assume(0 < determinant <= 8)
    primitive = symmetry.primitive_cell(bulk("NaCl", "rocksalt", a=5.64))
    found = phonopy_cells.supercell(primitive, matrix)
    assert len(found) == determinant * len(primitive)
    np.testing.assert_allclose(found.cell.array, np.array(matrix) @ primitive.cell.array, atol=1e-9)
    assert phonopy_cells.supercell_matrix(primitive, found).tolist() == matrix
    assert materials.composition(found) == materials.composition(primitive)
    distances = found.get_all_distances(mic=True)[~np.eye(len(found), dtype=bool)]
    assert distances.min() == pytest.approx(2.82, abs=1e-6)


@given(matrices)
def test_matrices_that_make_no_supercell(matrix):
    determinant = round(np.linalg.det(np.array(matrix, float)))
    assume(determinant <= 0)
    with pytest.raises(InputError, match="singular" if determinant == 0 else "left-handed"):
        phonopy_cells.supercell(diamond(cubic=False), matrix)


def test_supercell_keeps_the_symmetry_and_the_name():
    primitive = symmetry.primitive_cell(diamond())
    primitive.info["material"] = "Si-227"
    cube = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert len(cube) == 8
    np.testing.assert_allclose(cube.cell.array, 5.431 * np.eye(3), atol=1e-6)
    assert symmetry.space_group(cube) == 227
    assert cube.info["material"] == "Si-227"


def test_cell_that_is_no_multiple():
    primitive = symmetry.primitive_cell(diamond())
    other = bulk("Si", a=5.6, cubic=True)
    with pytest.raises(InputError, match="no multiple of the primitive cell"):
        phonopy_cells.supercell_matrix(primitive, other)
    vacancy = diamond()
    del vacancy[0]
    with pytest.raises(InputError, match="7 atoms, but 4 primitive cells hold 8"):
        phonopy_cells.supercell_matrix(primitive, vacancy)
    assert np.linalg.det(phonopy_cells.supercell_matrix(primitive, diamond())) == pytest.approx(4)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("NaCl", "Na4Cl4", True), ("NaCl", "ClNa", True), ("Si", "Si8", True), ("SiO2", "SiO", False)],
)
def test_composition_counts_ratios(first, second, same):
    assert (materials.composition(Atoms(first)) == materials.composition(Atoms(second))) is same


def test_phonopy_and_back():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    again = phonopy_cells.from_phonopy(phonopy_cells.to_phonopy(atoms))
    assert again.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(again.cell.array, atoms.cell.array)
    np.testing.assert_allclose(again.get_scaled_positions(), atoms.get_scaled_positions())


def test_masses_that_were_set_by_hand_stay():
    """Isotopes: through phonopy and into supercells; natural masses stay the library's own."""
    heavy = bulk("LiH", "rocksalt", a=4.0)
    heavy.set_masses([6.015, 2.014])
    assert phonopy_cells.from_phonopy(phonopy_cells.to_phonopy(heavy)).get_masses().tolist() == [
        6.015,
        2.014,
    ]
    cell = phonopy_cells.supercell(heavy, 2 * np.eye(3, dtype=int))
    assert {*cell.get_masses().round(3)} == {6.015, 2.014}
    assert (cell.get_masses()[cell.numbers == 1] == 2.014).all()
    plain = bulk("LiH", "rocksalt", a=4.0)
    assert not phonopy_cells.from_phonopy(phonopy_cells.to_phonopy(plain)).has("masses")


# multiples of the primitive cell


def rock_salt(**cell):
    return bulk("NaCl", "rocksalt", a=5.6, **cell)


@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 1, 1), (2, 2, 2)])
def test_supercells_are_multiples_in_any_orientation(repeat):
    cell = rock_salt(cubic=True).repeat(repeat)
    assert phonopy_cells.is_multiple(rock_salt(), cell)
    cell.rotate(33, (1, 2, 3), rotate_cell=True)
    assert phonopy_cells.is_multiple(rock_salt(), cell)


def test_a_strained_supercell_is_still_a_multiple():
    cell = rock_salt(cubic=True)
    cell.set_cell(cell.cell.array @ (np.eye(3) + 0.02 * np.ones((3, 3))), scale_atoms=True)
    assert phonopy_cells.is_multiple(rock_salt(), cell)


def test_the_right_volume_is_not_enough():
    cell = rock_salt(cubic=True)
    cell.set_cell(cell.cell.array * [1.25, 0.8, 1.0], scale_atoms=True)
    assert not phonopy_cells.is_multiple(rock_salt(), cell)
    sheared = rock_salt(cubic=True)
    shear = np.array([[0, 1.2, 0], [0, 0, 0], [0, 0, 0]])
    sheared.set_cell(sheared.cell.array + shear, scale_atoms=True)
    assert not phonopy_cells.is_multiple(rock_salt(), sheared)


def test_too_few_atoms_for_the_cell_are_no_multiple():
    cell = rock_salt(cubic=True)
    del cell[[0, 1]]
    assert not phonopy_cells.is_multiple(rock_salt(), cell)


CIF = """data_test
_symmetry_space_group_name_H-M 'P m -3 m'
_cell_length_a 3.7081
_cell_length_b 3.7081
_cell_length_c 3.7081
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ("Au1 Au 0 0 0 1.0\nCu1 Cu 0.5 0.5 0 0.85\n", "occupied by Cu 0.85"),
        ("Au1 Au 0 0 0 0.7\nCu2 Cu 0 0 0 0.3\nCu1 Cu 0.5 0.5 0 1.0\n", "Au 0.7, Cu 0.3"),
        ("Au1 Au 0 0 0 1.0\nCu1 Cu 0.5 0.5 0 1.0\n", None),
    ],
)
def test_shared_and_partly_empty_sites_are_refused(tmp_path, sites, message):
    path = tmp_path / "AuCu3-221.cif"
    path.write_text(CIF + sites)
    if message is None:
        assert len(materials.read_structure(path)) == 4
        return
    with pytest.raises(InputError, match=rf"AuCu3-221\.cif: site \d is .*{message}"):
        materials.read_structure(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.set_initial_magnetic_moments([2.2]), "magnetic moments .*without spin"),
        (lambda a: a.set_initial_charges([1.0]), "charges"),
        (lambda a: a.set_masses([62.93]), "isotopes"),
        (lambda a: a.set_masses([63.55]), None),
    ],
)
def test_what_no_step_carries_is_refused(tmp_path, change, message):
    atoms = bulk("Cu", a=3.6)
    change(atoms)
    path = tmp_path / "Cu-225.extxyz"
    write(path, atoms)
    if message is None:
        materials.read_structure(path)
        return
    with pytest.raises(InputError, match=rf"Cu-225\.extxyz: .*{message}"):
        materials.read_structure(path)


@pytest.mark.parametrize("length", ["nan", "0.05", "0", "1e9", "inf"])
def test_an_absurd_cell_of_the_users_own_file_is_named(tmp_path, root, table, length):
    """spglib ends the process with a segmentation fault on some of them."""
    for name in ("prototypes.yaml", "lattices.yaml"):
        (tmp_path / name).write_text((root / "config/structures" / name).read_text())
    write(tmp_path / "Si-227.cif", bulk("Si"), format="cif")
    text = (tmp_path / "Si-227.cif").read_text()
    lines = [
        f"{line.split()[0]} {length}" if line.startswith("_cell_length") else line
        for line in text.splitlines()
    ]
    (tmp_path / "Si-227.cif").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"Si-227"):
        materials.build_primitive(table.loc["Si-227"], tmp_path)


def test_a_structure_that_is_a_link_to_nothing(tmp_path, table):
    (tmp_path / "Si-227.cif").symlink_to(tmp_path / "gone.cif")
    with pytest.raises(InputError, match=r"Si-227\.cif: a link to .*gone\.cif, which is not there"):
        materials.build_primitive(table.loc["Si-227"], tmp_path)
    (tmp_path / "Si-227.cif").unlink()
    (tmp_path / "Si-227.cif").mkdir()
    with pytest.raises(InputError, match=r"Si-227\.cif: no file"):
        materials.build_primitive(table.loc["Si-227"], tmp_path)


@pytest.mark.parametrize("name", ["_cell_length_b", "_cell_angle_gamma"])
def test_a_negative_length_is_no_cell(tmp_path, name):
    """ASE would take its absolute value."""
    path = tmp_path / "Si.cif"
    path.write_text(f"data_x\n{name}   -5.4\n")
    with pytest.raises(InputError, match="a negative length or angle"):
        materials.read_structure(path)


def test_a_file_too_large_for_a_primitive_cell(tmp_path):
    path = tmp_path / "Si.cif"
    path.write_text("#" * 1_000_001)
    with pytest.raises(InputError, match="are no file of a primitive cell"):
        materials.read_structure(path)


def test_a_table_without_rows(tmp_path, table):
    with pytest.raises(InputError, match="has no row"):
        materials.selected(table.iloc[:0], "all", tmp_path)


def test_a_table_that_is_not_there_tells_from_where_paths_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"no such file.*here {tmp_path}: change to the folder"):
        materials.read_table(Path("config/materials.csv"))
