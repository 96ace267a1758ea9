"""Lengths in bohr taken for Å, or converted twice: no crystal has such distances."""

from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from conftest import ROOT, label, labelled_frames

from umklapp.crystals import frames, materials
from umklapp.crystals.formats import distances, given
from umklapp.errors import InputError

STRUCTURES = ROOT / "config/structures"


def scaled(atoms, factor):
    other = atoms.copy()
    other.set_cell(atoms.cell.array * factor, scale_atoms=True)
    return other


def test_no_crystal_of_the_table_is_refused_and_almost_all_are_in_bohr():
    table = materials.read_table(ROOT / "config/materials.csv")
    crystals = [materials.build_primitive(row, STRUCTURES) for _, row in table.iterrows()]
    assert len(crystals) == 122
    passing = {1 / units.Bohr: 0, units.Bohr: 0}
    for atoms in crystals:
        distances.check_unit(atoms, "right")
        for factor in passing:
            try:
                distances.check_unit(scaled(atoms, factor), "wrong")
                passing[factor] += 1
            except InputError:
                pass
    assert passing == {1 / units.Bohr: 0, units.Bohr: 2}  # hydrogen bonds of NaHF2 and LiHF2


@pytest.mark.parametrize("name", ["Pb", "Li", "Al", "W", "Ta", "Si", "Ar", "Xe", "Cs", "C"])
def test_elements_with_long_and_short_bonds_are_believed(name):
    atoms = bulk(name)
    distances.check_unit(atoms, "right")
    for factor, likely in ((1 / units.Bohr, "bohr taken for Å"), (units.Bohr, "bohr twice")):
        with pytest.raises(InputError, match=f"wrong: .* Likely: .*{likely}"):
            distances.check_unit(scaled(atoms, factor), "wrong")


@pytest.mark.parametrize("factor", [1 / units.Bohr, units.Bohr])
def test_labelled_frames_in_bohr_are_refused_before_their_labels(tmp_path, factor):
    path = tmp_path / "given.extxyz"
    wrong = [
        frames.labelled(scaled(frame, factor), frame.get_potential_energy(), frame.get_forces())
        for frame in labelled_frames(4)
    ]
    frames.write_frames(path, wrong)
    with pytest.raises(InputError, match=r"given\.extxyz frame 0: .* as in no crystal"):
        given.inspected(path)


def test_one_frame_in_bohr_among_others_is_named(tmp_path):
    labels = labelled_frames(6)
    labels[4] = label(scaled(labels[4], 1 / units.Bohr))
    frames.write_frames(tmp_path / "given.extxyz", labels)
    with pytest.raises(InputError, match="frame 4: no two atoms are closer"):
        given.inspected(tmp_path / "given.extxyz")


@pytest.mark.parametrize("name", ["cui/CuI-216.extxyz", "dft/NaCl-225_vasp_rd003_reference.extxyz"])
def test_real_structures_are_believed(shared, name):
    found = materials.read_structure(Path(shared / "data" / name))
    assert np.isfinite(distances.bond_ratios(found)).all()
