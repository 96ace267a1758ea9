"""A cif that contradicts itself, or leaves out what decides, is refused."""

import pytest
from cif_files import GROUP, ROCK_SALT, structure

from umklapp.crystals import symmetry
from umklapp.errors import InputError

OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n{}\nloop_\n_atom_site_label"
MOMENTS = "loop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\nNa1 2.0\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Na1 Na 0 0 0 1.0", "Na1 Na 0 0 0 ."),
        ("Na1 Na 0 0 0 1.0", "Na1 Na 0 0 0 1.0(2)"),
        ("Na1 Na", "Na1+ Na1+"),
        (" 5.64", " 5.6402(2)"),
        ("_symmetry_space_group_name_H-M 'F m -3 m'\n", ""),
        ("loop_", "_cell_volume 179.4\n_chemical_formula_sum 'Cl Na'\nloop_"),
        ("loop_", "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 4\nloop_"),
        ("data_NaCl", "\ufeffdata_NaCl"),
    ],
)
def test_what_programs_and_databases_write_is_read(tmp_path, old, new):
    atoms = structure(tmp_path, ROCK_SALT.replace(old, new, 3 if "5.64" in old else 1))
    assert symmetry.space_group(atoms) == 225
    assert len(atoms) == 8


def test_a_name_in_latin_1_is_read(tmp_path):
    assert len(structure(tmp_path, ROCK_SALT + "_journal_name 'Zürich'\n", "latin-1")) == 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GROUP, "", "no space group and no symmetry operations"),
        ("225\n", "221\n", r"'F m -3 m', which is 225, and also 221"),
        ("loop_\n_atom_site_label", OPERATIONS.format("x,y,z\n-x,-y,-z"), "2 symmetry operations"),
        ("loop_\n_atom_site_label", OPERATIONS.format("x,y,w"), "'x,y,w' is no symmetry operation"),
        ("'F m -3 m'\n_symmetry_Int_Tables_number 225", "'R -3 m'", "another setting"),
        ("1.0\nCl1", "1.0\nNa1B Na 0.05 0 0 1.0\nCl1", "Å apart: alternatives of one site"),
        ("_atom_site_occupancy", "_atom_site_disorder_group", "sites of disorder groups"),
        ("_atom_site_occupancy", "_atom_site.occupancy", None),
        ("0 0 0 1.0", "0 0 0 ?", r"an occupancy '\?' is no number"),
        ("loop_", "_cell_volume 500.0\nloop_", "_cell_volume is 500"),
        ("loop_", "_chemical_formula_sum 'K Cl'\nloop_", "_chemical_formula_sum is 'K Cl'"),
        ("loop_", "_chemical_formula_sum NaCl\n_cell_formula_units_Z 1\nloop_", "twice"),
        ("_atom_site_fract", "_atom_site_Cartn", "no fractional coordinates"),
        ("Na1 Na", "Cl37 37Cl", "'37Cl' is an isotope"),
        ("_a 5.64", "_a nan", "hold no crystal"),
        ("_gamma 90", "_gamma 180", "hold no crystal"),
        ("Cl1 Cl 0.5 0.5 0.5 1.0\n", f"Cl1 Cl 0.5 0.5 0.5 1.0\n{MOMENTS}", "magnetic moments"),
        ("data_NaCl", "data_NaCl\ndata_other", None),
    ],
)
def test_contradictions_and_gaps_are_refused(tmp_path, old, new, message):
    text = ROCK_SALT.replace(old, new)
    assert text != ROCK_SALT
    if message is None:
        assert len(structure(tmp_path, text)) == 8
        return
    with pytest.raises(InputError, match=rf"own\.cif: .*{message}"):
        structure(tmp_path, text)


def test_one_of_two_structures_is_not_chosen_silently(tmp_path):
    other = ROCK_SALT.replace("data_NaCl", "data_KCl").replace("Na1 Na", "K1 K")
    with pytest.raises(InputError, match="2 structures in the file"):
        structure(tmp_path, ROCK_SALT + other)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.5 0.5 0.5", "50 50 50", "_atom_site_fract_x 50 is no fraction of the cell"),
        ("0.5 0.5 0.5", "2.82 2.82 2.82", "is it in Å"),
        ("Cl1 Cl 0.5 0.5 0.5 1.0", "Cl1 Cl 1 1 1 1.0", "two elements on one place"),
        (" 5.64", " 10.658", "Likely: bohr taken for Å"),
    ],
)
def test_coordinates_of_another_unit_and_sites_on_each_other(tmp_path, old, new, message):
    with pytest.raises(InputError, match=rf"own\.cif: .*{message}"):
        structure(tmp_path, ROCK_SALT.replace(old, new))
