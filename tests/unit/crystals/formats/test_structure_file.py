"""A file that holds no crystal, several, or something else than it says is refused."""

import bz2
import gzip
import lzma
import re
import shutil

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from conftest import diamond

from umklapp.crystals.formats import structure_file
from umklapp.errors import InputError

HEAD = "Si\n1.0\n5.431 0 0\n0 5.431 0\n0 0 5.431\nSi\n8\nDirect\n"


def places(positions):
    return "".join("{:f} {:f} {:f}\n".format(*row) for row in positions)


def poscar(path, old="", new="", positions=None, encoding="utf-8"):
    own = diamond().get_scaled_positions() if positions is None else positions
    path.write_bytes((HEAD + places(own)).replace(old, new, 1).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Si\n8", "Si\n7", "more than 7 positions"),
        ("Si\n8", "Si\n9", "cannot be read as a structure"),
        ("1.0", "0", "no cell"),
        ("1.0", "1.8897", "Likely: bohr taken for Å"),
        ("Direct", "Cartesian", "converted from bohr twice, or are in nm"),
        ("Si\n8", "Xx\n8", "cannot be read as a structure"),
    ],
)
def test_a_poscar_with_one_thing_wrong(tmp_path, old, new, message):
    with pytest.raises(InputError, match=rf"POSCAR\.vasp: .*{message}"):
        structure_file.read(poscar(tmp_path / "POSCAR.vasp", old, new))


@pytest.mark.parametrize(
    "name", ["POSCAR", "CONTCAR", "POSCAR_2", "x.POSCAR", "P.vasp.gz", "POSCAR.xz"]
)
def test_the_same_by_another_name_or_packed(tmp_path, name):
    """Whatever tells ASE that it is one."""
    path = poscar(tmp_path / "whole")
    packer = {"gz": gzip, "xz": lzma}.get(name.rsplit(".", maxsplit=1)[-1])
    for old, new in (("", ""), ("Si\n8", "Si\n7")):
        poscar(path, old, new)
        data = path.read_bytes()
        (tmp_path / name).write_bytes(packer.compress(data) if packer else data)
        if not new:
            assert len(structure_file.read(tmp_path / name)) == 8
            continue
        with pytest.raises(InputError, match=rf"{name}: more than 7 positions"):
            structure_file.read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.cif.gz", "a.CIF.bz2", "a.txt", "a"])
def test_a_cif_by_another_name_or_packed(tmp_path, name):
    """ASE's own reader takes a negative length for a positive one."""
    path = tmp_path / name
    write(tmp_path / "a.cif", diamond())
    packer = {"gz": gzip, "bz2": bz2}.get(name.rsplit(".", maxsplit=1)[-1])
    for sign in ("", "-"):
        length = f"_cell_length_a  {sign}5"
        data = re.sub(r"_cell_length_a +5", length, (tmp_path / "a.cif").read_text()).encode()
        path.write_bytes(packer.compress(data) if packer else data)
        if not sign:
            assert len(structure_file.read(path)) == 8
            continue
        with pytest.raises(InputError, match=rf"{name}: a negative length"):
            structure_file.read(path)


def test_what_is_not_read_as_a_structure_is_named(tmp_path):
    path = tmp_path / "a.mcif"
    path.write_text("data_magnetic\n")
    with pytest.raises(InputError, match=r"a\.mcif: a magnetic structure"):
        structure_file.read(path)
    (tmp_path / "notes.txt").write_text("words\n")
    with pytest.raises(InputError, match=r"notes\.txt: neither its name nor its first bytes"):
        structure_file.read(tmp_path / "notes.txt")
    (tmp_path / "big.cif.gz").write_bytes(gzip.compress(bytes(2 * structure_file.LARGEST)))
    with pytest.raises(InputError, match=r"big\.cif\.gz: unpacked it has more than"):
        structure_file.read(tmp_path / "big.cif.gz")


def test_positions_in_angstrom_under_direct(tmp_path):
    with pytest.raises(InputError, match="is `Direct` written over positions in Å"):
        structure_file.read(poscar(tmp_path / "P.vasp", positions=diamond().positions))


def test_velocities_behind_positions_and_names_in_latin_1_are_read(tmp_path):
    path = poscar(tmp_path / "P.vasp", "Si\n1.0", "Zürich\n1.0", encoding="latin-1")
    with path.open("a", encoding="latin-1") as file:
        file.write("\n" + places(np.zeros((8, 3))))
    assert len(structure_file.read(path)) == 8


def test_species_of_the_first_line_are_said(tmp_path, caplog):
    path = poscar(tmp_path / "P.vasp", "5.431\nSi\n8", "5.431\n8")
    assert str(structure_file.read(path).symbols) == "Si8"
    assert "the file names no species (VASP 4); Si8 is taken from its first line" in caplog.text


def wrong(atoms, **changes):
    other = atoms.copy()
    for name, value in changes.items():
        setattr(other, name, value)
    return other


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([diamond(), diamond() * (2, 1, 1)], "2 structures in the file"),
        (wrong(diamond(), pbc=(True, True, False)), "periodic in 2 directions"),
        (wrong(diamond(), cell=[5.431, 5.431, 16.0]), "an empty layer of 11.9 Å: a slab"),
        (Atoms("H2O", positions=[[0, 0, 0], [0, 0, 1], [0, 1, 0]]), "no cell"),
        (diamond() + Atoms("Si", positions=[[5.43, 0.01, 0]]), "atoms 0 and 8 are 0.010 Å apart"),
    ],
)
def test_an_extxyz_that_is_no_crystal(tmp_path, content, message):
    write(tmp_path / "own.extxyz", content)
    with pytest.raises(InputError, match=rf"own\.extxyz: .*{message}"):
        structure_file.read(tmp_path / "own.extxyz")


def test_names_of_files_and_folders(tmp_path):
    (tmp_path / "folder.cif").mkdir()
    for name, message in (("folder.cif", "a folder"), ("none.cif", "no such file")):
        with pytest.raises(InputError, match=message):
            structure_file.read(tmp_path / name)
    write(tmp_path / "a.traj", diamond())
    shutil.copy(tmp_path / "a.traj", tmp_path / "a.extxyz")  # its content says what it is
    assert len(structure_file.read(tmp_path / "a.extxyz")) == 8
