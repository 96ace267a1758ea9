"""Born charges in files, in every form that users have them."""

import gzip

import numpy as np
import pytest
from ase.build import bulk
from perovskite import of_perovskite, perovskite
from phono3py import Phono3py
from phonopy import Phonopy
from phonopy.physical_units import get_calculator_physical_units

from umklapp.crystals.formats import born_files
from umklapp.crystals.formats.force_sets import load_params
from umklapp.crystals.phonopy_cells import to_phonopy
from umklapp.errors import InputError

KEY = "KZnF3-221"


def rock_salt():
    return bulk("NaCl", "rocksalt", a=5.6)


def table(folder, text):
    path = folder / "born.yaml"
    path.write_text(text)
    return path


def test_the_shipped_table(root):
    charges, words = born_files.read(root / "config/structures/born.yaml", rock_salt(), "NaCl-225")
    np.testing.assert_allclose(charges.charges[0], 1.09044 * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(charges.dielectric, 2.56346 * np.eye(3), atol=1e-12)
    assert charges.nac_params()["factor"] == pytest.approx(14.39965, abs=1e-4)
    assert "phono3py (BSD-3)" in words


@pytest.mark.parametrize(
    "said",
    [
        "charges: {K: 1.2, Zn: 2.2, F: [-0.9, -0.9, -1.6]}",
        "charges: {K: 1.2, Zn: 2.2, F: [[-0.9, 0, 0], [0, -0.9, 0], [0, 0, -1.6]]}",
        "sites: [{K: 1.2}, {Zn: 2.2}, {F: [-0.9, -0.9, -1.6]}]",
        "sites: [{K: 1.2}, {Zn: 2.2}, {F: [-0.9, -0.9, -1.6]}, {F: [-0.9, -1.6, -0.9]}, "
        "{F: [-1.6, -0.9, -0.9]}]",
    ],
)
def test_every_form_of_a_table_says_the_same(tmp_path, said):
    path = table(tmp_path, f"{KEY}: {{{said}, dielectric: 2.2}}")
    charges, words = born_files.read(path, perovskite(), KEY)
    np.testing.assert_allclose(charges.charges, of_perovskite(), atol=1e-9)
    assert words == f"{path}, {KEY}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("KCl-225: {charges: {K: 1, Cl: -1}, dielectric: 2}", "no entry for NaCl-225"),
        ("NaCl-225: {charges: {Na: 1}, dielectric: 2}", r"no charge for \['Cl'\]"),
        ("NaCl-225: {charges: {Na: 1, Cl: -0.9}, dielectric: 2}", "do not add up to zero"),
        ("NaCl-225: {charges: {Na: one, Cl: -1}, dielectric: 2}", "'one' is no number"),
        ("NaCl-225: {charges: {Na: 1, Cl: -1}}", "`dielectric` and one of `charges`"),
        ("NaCl-225: {charges: {Na: 1, Cl: -1}, dielectric: 2, z: 1}", "not z"),
        ("NaCl-225: {sites: [{Cl: -1}, {Na: 1}], dielectric: 2}", "Cl stands where .*atom 0, Na"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        born_files.read(table(tmp_path, text), rock_salt(), "NaCl-225")


def born_file(path, charges, dielectric=2.2):
    rows = [np.eye(3) * dielectric, *charges]
    lines = ["# units", *(" ".join(f"{x:.6f}" for x in np.ravel(row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("number", [3, 5])
def test_born_of_phonopy_with_independent_or_all_atoms(tmp_path, number):
    path = born_file(tmp_path / "BORN", of_perovskite()[:number])
    charges, _ = born_files.read(path, perovskite(), KEY)
    np.testing.assert_allclose(charges.charges, of_perovskite(), atol=1e-9)


def test_a_file_that_is_no_born_file(tmp_path):
    (tmp_path / "BORN").write_text("14.4\n1 2 3\n")
    with pytest.raises(InputError, match="not a BORN file of phonopy"):
        born_files.read(tmp_path / "BORN", perovskite(), KEY)


def test_yaml_of_phonopy_in_another_order(tmp_path):
    atoms = perovskite()
    order = [4, 1, 2, 0, 3]
    phonon = Phonopy(to_phonopy(atoms[order]), supercell_matrix=np.eye(3), primitive_matrix="P")
    phonon.nac_params = {"born": of_perovskite()[order], "dielectric": 2.2 * np.eye(3)}
    path = tmp_path / "phonopy.yaml"
    phonon.save(path)
    assert born_files.has_charges(path)
    charges, _ = born_files.read(path, atoms, KEY)
    np.testing.assert_allclose(charges.charges, of_perovskite(), atol=1e-6)
    with pytest.raises(InputError, match="not the primitive cell"):
        born_files.read(path, rock_salt(), "NaCl-225")


def test_one_file_per_material_by_folder_and_by_pattern(tmp_path):
    (tmp_path / KEY).mkdir()
    path = born_file(tmp_path / KEY / "BORN", of_perovskite()[:3])
    assert born_files.path_of(tmp_path, KEY) == path
    assert born_files.path_of(tmp_path / "{material}" / "BORN", KEY) == path
    with pytest.raises(InputError, match=r"has none of NaCl-225/BORN, NaCl-225\.BORN"):
        born_files.path_of(tmp_path, "NaCl-225")
    with pytest.raises(InputError, match="does not exist"):
        born_files.path_of(tmp_path / "{material}.yaml", KEY)


def test_another_entry_of_a_table_changes_nothing(tmp_path):
    path = table(tmp_path, "NaCl-225: {charges: {Na: 1, Cl: -1}, dielectric: 2}\n")
    first = born_files.identity(path, "NaCl-225")
    path.write_text(path.read_text() + "KCl-225: {charges: {K: 1, Cl: -1}, dielectric: 2}\n")
    assert born_files.identity(path, "NaCl-225") == first
    path.write_text(path.read_text().replace("dielectric: 2", "dielectric: 3"))
    assert born_files.identity(path, "NaCl-225") != first


BORN = """14.400
2.43 0 0 0 2.43 0 0 0 2.43
1.08 0 0 0 1.08 0 0 0 1.08
-1.08 0 0 0 -1.08 0 0 0 -1.08
"""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("2.43\n", "2.43 # ε∞\n"),
        lambda text: text.replace("\n1.08", "\n#Na\n1.08"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    ],
)
@pytest.mark.parametrize("packer", [None, gzip])
def test_comments_line_ends_and_packing_are_as_phonopy_has_them(tmp_path, change, packer):
    path, data = tmp_path / "BORN", change(BORN).encode()
    path.write_bytes(packer.compress(data) if packer else data)
    charges, _ = born_files.read(path, rock_salt(), "NaCl-225")
    np.testing.assert_allclose(charges.charges[:, 0, 0], [1.08, -1.08])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.08", "108", r"a Born charge \(e\) of 108; no crystal has more than 30"),
        ("2.43", "2430", "a ε∞ of 2.43e\\+03; no crystal"),
        ("2.43 0 0", "2.43 1 0", "ε∞ does not have the symmetry of the crystal"),
    ],
)
def test_tensors_of_no_crystal_are_refused(tmp_path, old, new, message):
    (tmp_path / "BORN").write_text(BORN.replace(old, new))
    with pytest.raises(InputError, match=rf"BORN: {message}"):
        born_files.read(tmp_path / "BORN", rock_salt(), "NaCl-225")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("3", "3 where `dielectric` and `charges` are expected"),
        (
            "{charges: [1, -1], dielectric: 2.4}",
            r"charges: \[1, -1\]; a number or tensor by species",
        ),
        ("{sites: [1, -1], dielectric: 2.4}", r"sites: \[1, -1\]; a list with the species"),
        ("{sites: {Na: 1}, dielectric: 2.4}", "sites: .*; a list with the species"),
        ("{charges: {Na: 1, Cl: -1, K: 1}, dielectric: 2.4}", "charges: K is not in the crystal"),
    ],
)
def test_an_entry_of_another_shape_is_a_sentence(tmp_path, entry, message):
    path = table(tmp_path, f"NaCl-225: {entry}\n")
    with pytest.raises(InputError, match=rf"born\.yaml, NaCl-225: {message}"):
        born_files.read(path, rock_salt(), "NaCl-225")


def test_a_born_file_beside_a_yaml_belongs_to_it(tmp_path):
    """Charges are in e and force constants in eV/Å², whatever the units of the program are."""
    bohr = get_calculator_physical_units("qe").distance_to_A
    cell = bulk("NaCl", "rocksalt", a=5.64)
    cell.set_cell(cell.cell.array / bohr, scale_atoms=True)
    written = Phono3py(to_phonopy(cell), np.eye(3, dtype=int), calculator="qe")
    path = tmp_path / "phono3py_disp.yaml"
    written.save(path)
    assert not born_files.has_charges(path)
    without = born_files.identity(path, "NaCl-225")
    tensors = [2.4 * np.eye(3), 1.1 * np.eye(3), -1.1 * np.eye(3)]
    lines = [" ".join(map(str, tensor.ravel())) for tensor in tensors]
    (tmp_path / "BORN").write_text("\n".join(["default value", *lines]))
    assert born_files.has_charges(path)
    assert born_files.identity(path, "NaCl-225") != without
    charges = born_files.of_params(path, bulk("NaCl", "rocksalt", a=5.64))
    np.testing.assert_allclose(charges.charges[0], 1.1 * np.eye(3), atol=1e-8)
    loaded = load_params(path)
    np.testing.assert_allclose(loaded.nac_params["born"][0], 1.1 * np.eye(3), atol=1e-8)
    assert loaded.nac_params["factor"] == pytest.approx(14.39965, rel=1e-5)
    (tmp_path / "BORN").write_text("default value\n2.4 0 0 0 2.4 0 0 0 2.4\n")
    with pytest.raises(InputError, match="BORN, which lies beside the yaml, is no BORN of NaCl"):
        born_files.has_charges(path)
