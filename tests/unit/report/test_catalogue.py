"""All rows of the table build, look like crystals, and are listed in docs/materials.md."""

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list

from umklapp.crystals import materials, phonopy_cells, prototypes, sites, supercells, symmetry
from umklapp.report import catalogue

# Effective ionic radii (Å), six-fold coordination: Shannon, Acta Cryst. A 32, 751 (1976); H−, N3−,
# P3−, As3−: rounded common values, Shannon has none in salts.
TEXT = """
Li 0.76  Na 1.02  K 1.38  Rb 1.52  Cs 1.67  Mg 0.72  Ca 1.00  Sr 1.18  Ba 1.35  Sc 0.745  Zn 0.74
Cd 0.95  Cu 0.77  Ag 1.15  Al 0.535  Ga 0.62  In 0.80  Pb 1.19  Sn 1.18  Sb 0.76  Bi 1.03  Rh 0.665
Ti 0.605  O 1.40  S 1.84  Se 1.98  Te 2.21  F 1.33  Cl 1.81  Br 1.96  I 2.20  H 1.40  N 1.46
P 2.0  As 2.1
"""
IONIC = dict(zip(TEXT.split()[::2], map(float, TEXT.split()[1::2]), strict=True))


@pytest.fixture(scope="module")
def rows(root):
    return materials.read_table(root / "config/materials.csv")


@pytest.fixture(scope="module")
def folder(root):
    return root / "config/structures"


@pytest.fixture(scope="module")
def built(rows, folder):
    return {key: materials.build_primitive(row, folder) for key, row in rows.iterrows()}


def test_every_row_is_built(rows, built):
    """Space group, composition and number of atoms, by spglib and from the table."""
    assert len(built) == 122
    for key, atoms in built.items():
        row = rows.loc[key]
        assert symmetry.space_group(atoms) == int(row["space_group"]), key
        assert materials.composition(atoms) == materials.composition(Atoms(row["formula"])), key
        assert len(symmetry.primitive_cell(atoms)) == len(atoms), key
        if row["n_primitive"]:
            assert len(atoms) == int(row["n_primitive"]), key


def test_distances_are_those_of_bonds(built):
    """Every element's nearest neighbour within 20 % of a sum of ionic or of covalent radii.

    The hydrogen of F–H–F sits in the middle of a bond that neither kind of radii knows.
    """
    far = {}
    for key, atoms in built.items():
        first, second, distances = neighbor_list("ijd", atoms, 5.0)
        for symbol in set(atoms.symbols) - ({"H", "F"} if key.endswith("F2H-166") else set()):
            around = np.flatnonzero(atoms.symbols[first] == symbol)
            nearest = around[distances[around].argmin()]
            pair = symbol, atoms.symbols[second[nearest]]
            sums = [sum(covalent_radii[atomic_numbers[each]] for each in pair)]
            if all(each in IONIC for each in pair):
                sums.append(sum(IONIC[each] for each in pair))
            if min(abs(distances[nearest] / each - 1) for each in sums) > 0.2:
                far[key] = (pair, round(distances[nearest], 3), np.round(sums, 2))
    assert not far


# (key, elements, shortest distance in Å): experiment, textbook values to two digits.
BONDS = [
    ("CaF2-225", ("Ca", "F"), 2.37),
    ("Li2O-225", ("Li", "O"), 2.00),
    ("SrTiO3-221", ("O", "Ti"), 1.95),
    ("CsCl-221", ("Cl", "Cs"), 3.57),
    ("CuGaO2-166", ("Cu", "O"), 1.85),
    ("NaF2H-166", ("F", "H"), 1.13),
    ("ZnO-186", ("O", "Zn"), 1.98),
    ("AgGaSe2-122", ("Ga", "Se"), 2.42),
    ("SnSe-62", ("Se", "Sn"), 2.74),
    ("BaSi2-62", ("Si", "Si"), 2.40),
]


@pytest.mark.parametrize(("key", "pair", "distance"), BONDS)
def test_known_bonds(built, key, pair, distance):
    found, elements = sites.closest_pair(built[key])
    assert elements == pair
    assert found == pytest.approx(distance, rel=0.025)


def test_published_supercells(rows, built):
    """The published number of atoms, and cells that calculations can be done in."""
    for key, row in rows.iterrows():
        size = materials.published_size(row)
        if size is None:
            assert row["set"] == "listed"
            continue
        matrix = supercells.matrix("published", built[key], size, "x")
        cell = phonopy_cells.supercell(built[key], matrix)
        assert len(cell) == size, key
        lengths = cell.cell.lengths()
        assert lengths.min() > 8, (key, lengths)
        assert lengths.max() < 2 * lengths.min(), (key, lengths)
        kept, of = supercells.symmetry(matrix, built[key])
        broken = row["prototype"] in ("fluorite/antifluorite", "half-Heusler")
        assert kept == of or broken, key  # 198 and 162 atoms: no cubic cell has so many


def test_every_number_has_a_source(rows, folder):
    estimates = set()
    for key, row in rows.iterrows():
        made_of = prototypes.recipe(row, folder)
        assert made_of["source"].strip(), key
        if made_of["estimate"]:
            estimates.add(key)
            assert "to be relaxed" in made_of["source"], key
    assert len(estimates) == 10
    assert set(prototypes.read_yaml(folder / prototypes.LATTICES)) == set(rows.index)


def test_the_catalogue_is_in_step(root, monkeypatch):
    monkeypatch.chdir(root)
    assert catalogue.TARGET.read_text() == catalogue.catalogue(), "run `make docs`"
