"""The library of prototypes: what is wrong in it is named with file, key and remedy."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import yaml
from ase.io import read, write

from umklapp.crystals import materials, prototypes
from umklapp.errors import InputError

WURTZITE = {
    "space_group": 186,
    "angles": [90, 90, 120],
    "sites": ["A", "B"],
    "basis": [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, "u"]],
}
ZINC_OXIDE = {
    "a": 3.25,
    "c": 5.21,
    "u": 0.382,
    "species": {"A": "Zn", "B": "O"},
    "source": "somewhere",
}
ROW = {
    "material": "ZnO-186",
    "formula": "ZnO",
    "space_group": "186",
    "prototype": "wurtzite",
    "n_primitive": "4",
}


def library(folder, lattice=(), prototype=()):
    """A library with one prototype and one material, changed as asked; None takes a key away."""
    made = {"wurtzite": WURTZITE | dict(prototype)}, {"ZnO-186": ZINC_OXIDE | dict(lattice)}
    for name, content in zip((prototypes.PROTOTYPES, prototypes.LATTICES), made, strict=True):
        kept = {
            key: {k: v for k, v in deepcopy(entry).items() if v is not None}
            for key, entry in content.items()
        }
        (folder / name).write_text(yaml.safe_dump(kept))
    return pd.Series(ROW)


def test_a_prototype(tmp_path):
    row = library(tmp_path)
    made_of = prototypes.recipe(row, tmp_path)
    assert made_of["lattice"] == {"a": 3.25, "c": 5.21, "u": 0.382}
    assert (made_of["source"], made_of["estimate"]) == ("somewhere", False)
    atoms = materials.build_primitive(row, tmp_path)
    assert atoms.symbols.formula.count() == {"Zn": 2, "O": 2}
    bonds = atoms.get_all_distances(mic=True)[0, atoms.numbers != atoms.numbers[0]]
    assert bonds.min() == pytest.approx(0.382 * 5.21, abs=0.02)


@pytest.mark.parametrize(
    ("lattice", "words"),
    [
        ({"u": None}, r"lattices\.yaml: ZnO-186: parameters \['u'\] are missing"),
        ({"c": None, "a": None}, r"parameters \['a', 'c'\] are missing"),
        ({"source": None}, "source is missing; say where"),
        ({"source": " "}, "source is missing"),
        ({"v": 0.1}, r"\['v'\] are no parameters of the prototype \['a', 'c', 'u'\]"),
        ({"u": "large"}, "{'u': 'large'}: numbers are needed"),
        ({"a": -3.25}, r"{'a': -3\.25}: .*lengths above zero"),
        ({"species": {"A": "Zn"}}, r"species .* must give an element for each site \['A', 'B'\]"),
        ({"species": {"A": "Zn", "B": "Q"}}, "must give an element"),
        ({"species": None}, "a mapping with species, source"),
    ],
)
def test_lattice_parameters_that_do_not_do(tmp_path, lattice, words):
    with pytest.raises(InputError, match=words) as caught:
        materials.build_primitive(library(tmp_path, lattice), tmp_path)
    assert "ZnO-186" in str(caught.value)


@pytest.mark.parametrize(
    ("prototype", "words"),
    [
        ({"angles": None}, r"prototypes\.yaml: wurtzite: \['angles'\] are missing"),
        ({"sites": ["A"]}, "one entry per Wyckoff site"),
    ],
)
def test_prototypes_that_do_not_do(tmp_path, prototype, words):
    with pytest.raises(InputError, match=words):
        materials.build_primitive(library(tmp_path, prototype=prototype), tmp_path)


def test_what_is_not_there(tmp_path):
    row = library(tmp_path)
    row["prototype"] = "spinel"
    with pytest.raises(InputError, match=r"ZnO-186: prototype 'spinel' .*wurtzite.*ZnO-186\.cif"):
        prototypes.recipe(row, tmp_path)
    row["prototype"], row["material"] = "wurtzite", "ZnS-186"
    with pytest.raises(InputError, match=r"ZnS-186: no lattice parameters .*ZnS-186\.cif"):
        prototypes.recipe(row, tmp_path)


def test_a_wrong_parameter_shows_in_the_space_group(tmp_path):
    """u = 1/2 is a flat layer: another space group than the table says."""
    row = library(tmp_path, {"u": 0.5})
    with pytest.raises(InputError, match="ZnO-186: built space group 194, the table says 186"):
        materials.build_primitive(row, tmp_path)


@pytest.mark.parametrize("name", [prototypes.LATTICES, prototypes.PROTOTYPES])
def test_keys_that_stand_twice(tmp_path, name):
    row = library(tmp_path)
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text + text)
    with pytest.raises(InputError, match=rf"{name}: cannot be .*\['\S+'\] appear more than once"):
        prototypes.recipe(row, tmp_path)


def test_a_list_is_no_library(tmp_path):
    row = library(tmp_path)
    (tmp_path / prototypes.LATTICES).write_text("- 1\n")
    with pytest.raises(InputError, match="a mapping is expected, found list"):
        prototypes.recipe(row, tmp_path)


def test_a_recipe_changes_with_what_it_is_made_of(tmp_path):
    """Jobs run again for another recipe, and for nothing else."""
    row = library(tmp_path)
    before = prototypes.recipe(row, tmp_path)
    assert prototypes.recipe(row, tmp_path) == before
    row = library(tmp_path, {"a": 3.3})
    after = prototypes.recipe(row, tmp_path)
    assert after != before
    write(tmp_path / "ZnO-186.vasp", materials.build_primitive(row, tmp_path))
    own = prototypes.recipe(row, tmp_path)
    assert own["source"] == "own file ZnO-186.vasp"
    atoms = read(tmp_path / "ZnO-186.vasp")
    atoms.set_cell(1.01 * np.array(atoms.cell), scale_atoms=True)
    write(tmp_path / "ZnO-186.vasp", atoms)
    assert prototypes.recipe(row, tmp_path)["sha256"] != own["sha256"]
