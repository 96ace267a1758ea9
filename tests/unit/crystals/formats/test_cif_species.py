"""Which element a label of a cif is: the formula of the file decides, or the file is refused."""

import pytest
from cif_files import ROCK_SALT, structure

from umklapp.crystals.formats import cif_species
from umklapp.errors import InputError


def of_labels(*labels, formula=None):
    tags = {"_atom_site_label": list(labels)}
    return cif_species.of_sites(tags | ({"_chemical_formula_sum": formula} if formula else {}), "f")


@pytest.mark.parametrize(
    ("labels", "formula", "elements"),
    [
        (("Na1", "Cl1"), None, ["Na", "Cl"]),
        (("NA1", "CL1"), "Cl Na", ["Na", "Cl"]),
        (("na1", "cl1"), "Na4 Cl4", ["Na", "Cl"]),
        (("CA1", "O1"), "Ca O", ["Ca", "O"]),
        (("CA1", "SI1"), "C Si", ["C", "Si"]),
        (("CA1", "C1", "O1"), "Ca C O3", ["Ca", "C", "O"]),
        (("CO1", "CO2", "O1"), "Co O", ["Co", "Co", "O"]),
        (("K", "Br"), None, ["K", "Br"]),
        (("OW1", "ZN1"), "Zn O", ["O", "Zn"]),
    ],
)
def test_a_label_is_the_element_that_the_formula_has(labels, formula, elements):
    assert of_labels(*labels, formula=formula) == elements


@pytest.mark.parametrize(
    ("labels", "formula", "message"),
    [
        (("CA1", "O1"), None, "'CA1' may be Ca or C: add a column _atom_site_type_symbol"),
        (("CA1", "CO1"), "Ca C Co", "'CA1' may be Ca or C"),
        (("K1", "Cl1"), "Na Cl", "'K1' is no element of Cl, Na, which the file names"),
        (("Wat1",), None, "'Wat1' is no element"),
        (("D1", "O1"), None, "'D1' is an isotope"),
        (("M1", "O1"), None, "'M1' is no element"),
    ],
)
def test_a_label_that_is_no_or_two_elements_is_refused(labels, formula, message):
    with pytest.raises(InputError, match=message):
        of_labels(*labels, formula=formula)


@pytest.mark.parametrize(
    ("kind", "element"),
    [("NA", "Na"), ("na", "Na"), ("Na1+", "Na"), ("Na+", "Na"), ("Na0.9+", "Na"), ("X", None),
     ("Cval", None), ("Na1+K1+", None), ("11", None)],
)  # fmt: skip
def test_type_symbols_are_elements_in_any_letters(tmp_path, kind, element):
    text = ROCK_SALT.replace("Na1 Na", f"Na1 {kind}")
    if element is None:
        with pytest.raises(InputError, match=r"own\.cif: _atom_site_type_symbol .* is no element"):
            structure(tmp_path, text)
    else:
        assert str(structure(tmp_path, text).symbols) == "Na4Cl4"


def test_labels_in_capitals_make_the_same_crystal(tmp_path):
    text = ROCK_SALT.replace("_atom_site_type_symbol\n", "_atom_site_type\n").replace("Na1", "NA1")
    text = text.replace("Cl1", "CL1").replace("loop_", "_chemical_formula_sum 'Cl Na'\nloop_")
    assert structure(tmp_path, text) == structure(tmp_path, ROCK_SALT)
