"""A cif that lacks an atom is known by its formula, Z, weight, density, types or multiplicities."""

import pytest
from cif_files import GROUP, ROCK_SALT, structure

from umklapp.crystals.formats import cif_formula
from umklapp.errors import InputError

LACKING = ROCK_SALT.replace("Cl1 Cl 0.5 0.5 0.5 1.0\n", "").replace(" 5.64", " 4.2")
PART = ROCK_SALT.replace(GROUP, "_symmetry_space_group_name_H-M 'P 1'\n").replace(" 5.64", " 3.5")
STATEMENTS = [
    "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 4",
    "_chemical_formula_structural NaCl\n_chemical_formula_sum 'Na4 Cl4'\n_cell_formula_units_Z 4",
    "_chemical_formula_sum 'Na1+ Cl1-'",
    "_chemical_formula_sum 'NA1 CL1'",
    "_chemical_formula_sum 'Na0.5 Cl0.50(2)'",
    "_chemical_formula_structural NaCl",
    "_chemical_formula_moiety 'Na1 1+, Cl1 1-'",
    "_chemical_formula_weight 58.44\n_cell_formula_units_Z 4",
    "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\nNa1+ 1\nCl1- -1",
    "_chemical_formula_sum ?\n_cell_formula_units_Z 4",
]


def stating(text, statement):
    return text.replace("loop_", f"{statement}\nloop_", 1)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_whole_cell_is_read_and_one_that_lacks_atoms_refused(tmp_path, statement):
    assert len(structure(tmp_path, stating(ROCK_SALT, statement))) == 8
    for text in (LACKING, PART):
        if text is PART and "_units_Z" not in statement and "Na4" not in statement:
            continue  # the ratio is right, and nothing says how many there are
        if text is LACKING and "?" in statement:
            continue  # four formula units of sodium
        with pytest.raises(InputError, match=r"own\.cif: .* sites or symmetry operations are miss"):
            structure(tmp_path, stating(text, statement))


def test_density_and_multiplicities_count_the_atoms(tmp_path):
    density = "_exptl_crystal_density_diffrn"
    assert len(structure(tmp_path, stating(ROCK_SALT, f"{density} 2.16"))) == 8
    with pytest.raises(InputError, match=rf"{density} is 1\.2 g/cm³, not 2\.164"):
        structure(tmp_path, stating(ROCK_SALT, f"{density} 1.2"))
    column = ROCK_SALT.replace("_atom_site_occupancy", "_atom_site_symmetry_multiplicity")
    right = column.replace("1.0\n", "4\n")
    assert len(structure(tmp_path, right)) == 8
    with pytest.raises(InputError, match="_multiplicity gives 8 Na, 4 Cl, the cell has"):
        structure(tmp_path, right.replace("Na1 Na 0 0 0 4", "Na1 Na 0 0 0 8"))


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Na Cl", {"Na": 1, "Cl": 1}),
        ("NaCl", {"Na": 1, "Cl": 1}),
        ("C O2", {"C": 1, "O": 2}),
        ("'K2 Zn1 F4'".strip("'"), {"K": 2, "Zn": 1, "F": 4}),
        ("C2 H5 +, 2(H2 O)", None),
        ("Xx2", None),
    ],
)
def test_simple_formulas_are_parsed(text, counts):
    assert cif_formula.parsed(text) == counts
