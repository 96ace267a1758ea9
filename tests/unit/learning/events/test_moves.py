"""Moves in crystals where the place that is reached is known."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from models import silicon_cubic

from umklapp.learning.events import moves


def shift_of(perfect, **displacements):
    shift = np.zeros((len(perfect), 3))
    for name, vector in displacements.items():
        shift[int(name.removeprefix("atom"))] = vector
    return shift


def test_two_atoms_that_change_places_are_on_each_others_sites():
    perfect = silicon_cubic().repeat(2)
    vector = perfect.get_distance(0, 1, mic=True, vector=True)
    found = moves.moved_atoms(shift_of(perfect, atom0=vector, atom1=-vector), perfect)
    assert [move.to for move in found] == ["the site of atom 1 (Si)", "the site of atom 0 (Si)"]
    assert [move.site for move in found] == ["other", "other"]
    assert moves.motion(found) == "Si to the site of another atom"


def test_an_excursion_of_1_angstrom_and_a_hop_are_not_the_same_motion():
    perfect = bulk("CuI", "zincblende", a=6.014, cubic=True).repeat(2)
    near = moves.moved_atoms(shift_of(perfect, atom0=[1.0, 0, 0]), perfect)
    far = moves.moved_atoms(shift_of(perfect, atom0=[2.2, 0, 0]), perfect)
    assert [near[0].site, far[0].site] == ["own", "interstitial"]
    assert moves.motion(near) == "Cu beside its site"
    assert moves.motion(far) == "Cu to an interstitial"
    assert far[0].distance == pytest.approx(2.2)
    assert far[0].to.startswith("interstitial at 0.18")


def test_equivalent_hops_are_one_motion_and_many_at_once_are_another():
    perfect = bulk("CuI", "zincblende", a=6.014, cubic=True).repeat(2)
    cations = np.flatnonzero(perfect.symbols == "Cu")
    one, two = (moves.moved_atoms(shift_of(perfect, **{f"atom{c}": [0, 2.2, 0]}), perfect)
                for c in cations[:2])  # fmt: skip
    assert moves.motion(one) == moves.motion(two)
    many = {f"atom{number}": [0.0, 2.2, 0.0] for number in cations[:4]}
    found = moves.moved_atoms(shift_of(perfect, **many), perfect)
    assert moves.motion(found) == "many atoms leave their sites"
    assert moves.motion([]) == moves.STILL


def test_a_low_symmetry_cell():
    """The interstitial's coordinates are those of the supercell, in a triclinic cell too."""
    cell = [[3.9, 0.2, 0.1], [0.4, 4.4, 0.3], [0.2, 0.6, 5.1]]
    scaled = [[0, 0, 0], [0.27, 0.21, 0.3]]
    perfect = Atoms("SiC", scaled_positions=scaled, cell=cell, pbc=True)
    perfect = perfect.repeat(2)
    place = np.array([0.3, 0.38, 0.35]) @ perfect.cell.array
    (move,) = moves.moved_atoms(shift_of(perfect, atom0=place), perfect)
    assert (move.site, move.to) == ("interstitial", "interstitial at 0.30, 0.38, 0.35")
    assert move.distance == pytest.approx(np.linalg.norm(place))
