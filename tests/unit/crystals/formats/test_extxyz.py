"""Labelled extxyz of others: names, virials, free energies, damage."""

import bz2
import gzip
import lzma

import numpy as np
import pytest
from ase.io import write
from conftest import labelled_frames
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from umklapp.config import LabelKeys
from umklapp.crystals import frames, materials
from umklapp.crystals.formats import given
from umklapp.errors import InputError


def full(stress):
    xx, yy, zz, yz, xz, xy = stress
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def write_as(path, labels, names, unit=1.0):
    """The frames with their labels under other names; `unit` multiplies stress or virial."""
    made = []
    for frame in labels:
        atoms = frames.strip(frame)
        atoms.info = {}
        results = frame.calc.results
        if "energy" in names:
            atoms.info[names["energy"]] = results["energy"]
        if "forces" in names:
            atoms.arrays[names["forces"]] = results["forces"]
        if "stress" in names:
            atoms.info[names["stress"]] = (full(results["stress"]) * unit).ravel()
        if "virial" in names:
            atoms.info[names["virial"]] = (
                -full(results["stress"]) * frame.cell.volume * unit
            ).ravel()
        made.append(atoms)
    write(path, made, format="extxyz")
    text = path.read_text()
    path.write_text(text.replace("REFLABEL_", ""))
    return path


@pytest.fixture
def labels():
    return labelled_frames(6)


def same(found, wanted, stress=True):
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        assert one.get_potential_energy() == pytest.approx(two.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(one.get_forces(), two.get_forces(), atol=1e-6)
        if stress:
            np.testing.assert_allclose(one.get_stress(), two.get_stress(), atol=1e-7)


@pytest.mark.parametrize("prefix", ["REF_", "dft_", "DFT-"])
def test_other_names_are_offered_with_the_setting_that_reads_them(tmp_path, labels, prefix):
    names = {kind: f"REFLABEL_{prefix}{kind}" for kind in ("energy", "forces", "stress")}
    path = write_as(tmp_path / "a.extxyz", labels, names)
    with pytest.raises(InputError, match=rf"frame 0: no energy label.*energy: {prefix}energy"):
        list(given.read(path))
    keys = LabelKeys(**{kind: f"{prefix}{kind}" for kind in names})
    same(list(given.read(path, keys=keys)), labels)
    with pytest.raises(InputError, match=r"keys\.energy: the file has no 'E'"):
        list(given.read(path, keys=LabelKeys(energy="E")))


@pytest.mark.parametrize("name", ["virial", "virials"])
def test_a_virial_is_the_stress(tmp_path, labels, name):
    """stress = −virial/V, against Stillinger–Weber's own stress."""
    names = {"energy": "energy", "forces": "forces", "virial": f"REFLABEL_{name}"}
    path = write_as(tmp_path / "a.extxyz", labels, names)
    found, report = given.inspected(path)
    same(found, labels)
    assert "the stress of 6 frames is −virial/V" in report.notes
    assert all("virial" not in frame.info for frame in found)


def test_a_stress_of_an_unknown_name_is_not_dropped_in_silence(tmp_path, labels):
    names = {"energy": "energy", "forces": "forces", "stress": "REFLABEL_dft_stress"}
    path = write_as(tmp_path / "a.extxyz", labels, names)
    with pytest.raises(InputError, match=r"never ignores silently: .*stress: dft_stress"):
        list(given.read(path))
    same(list(given.read(path, keys=LabelKeys(stress="dft_stress"))), labels)
    bare = list(given.read(path, keys=LabelKeys(stress="none")))
    assert not any(frames.has_stress(frame) for frame in bare)


def test_stress_and_virial_that_contradict_each_other_are_refused(tmp_path, labels):
    names = {"energy": "energy", "forces": "forces", "virial": "REFLABEL_virial"}
    path = write_as(tmp_path / "a.extxyz", labels, names, unit=-1.0)
    text = path.read_text()
    stresses = [" ".join(f"{x:.8f}" for x in full(f.get_stress()).ravel()) for f in labels]
    lines = text.splitlines()
    for number, stress in enumerate(stresses):
        lines[1 + 10 * number] += f' stress="{stress}"'
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="the stress is not −virial/V"):
        list(given.read(path))
    same(list(given.read(path, keys=LabelKeys(stress="stress"))), labels)


def test_the_label_is_the_free_energy_that_the_forces_belong_to(tmp_path, labels):
    path = tmp_path / "a.extxyz"
    for frame in labels:
        frame.calc.results["free_energy"] = frame.calc.results["energy"]
        frame.calc.results["energy"] = frame.calc.results["energy"] * 0.9
    expected = [frame.calc.results["free_energy"] for frame in labels]
    frames.write_frames(path, labels)
    found, report = given.inspected(path)
    np.testing.assert_allclose([f.get_potential_energy() for f in found], expected)
    assert any("free energies" in note for note in report.notes)


def test_two_energies_are_the_users_choice(tmp_path, labels):
    path = tmp_path / "a.extxyz"
    for frame in labels:
        frame.info["REF_energy"] = frame.get_potential_energy() + 5.0
    frames.write_frames(path, labels)
    with pytest.raises(InputError, match="'REF_energy' is not the same as 'energy'"):
        list(given.read(path))
    one = next(given.read(path, keys=LabelKeys(energy="REF_energy")))
    assert one.get_potential_energy() == pytest.approx(labels[0].get_potential_energy() + 5.0)


@pytest.mark.parametrize(("end", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_packed_files_whatever_their_name_and_damaged_ones(tmp_path, labels, end, pack):
    plain = tmp_path / "a.extxyz"
    frames.write_frames(plain, labels)
    whole = pack.compress(plain.read_bytes())
    for name in (f"a.extxyz.{end}", "b.extxyz"):
        (tmp_path / name).write_bytes(whole)
        same(list(given.read(tmp_path / name)), labels)
    for cut in (len(whole) // 2, len(whole) - 3, 5, 12):
        (tmp_path / "b.extxyz").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"b\.extxyz") as caught:
            list(given.read(tmp_path / "b.extxyz"))
        assert "line break" not in str(caught.value)  # that would damage it


def test_a_species_in_capitals_blank_lines_and_line_ends_of_another_system(tmp_path, labels):
    plain = tmp_path / "a.extxyz"
    frames.write_frames(plain, labels)
    text = plain.read_text()
    for changed in (text.replace("\nSi ", "\nSI "), text + "\n", text.replace("\n", "\r\n")):
        plain.write_bytes(changed.encode())
        same(list(given.read(plain)), labels)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "a.extxyz"
    frames.write_frames(path, labelled_frames(3))
    return path, path.read_bytes()


@drawn(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_bytes_end_in_a_sentence_or_in_finite_frames(content, data):
    """Cut, overwritten and repeated pieces: nothing but `InputError`, and nothing hangs."""
    path, whole = content
    begin = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(begin, min(len(whole), begin + 200)))
    piece = data.draw(st.sampled_from([b"", b"\0", b"nan", b"1e400", b"9" * 12, b'"', b"\xff"]))
    path.write_bytes(whole[:begin] + piece + whole[end:])
    found, message = [], str(path)
    try:
        found, _ = given.inspected(path)
    except InputError as error:
        message = str(error)
    assert str(path) in message
    assert len(message) < 1000
    assert all(np.isfinite(frame.get_forces()).all() for frame in found)


def test_the_samples_of_public_reports(shared):
    cases = shared / "cases"
    with pytest.raises(InputError, match="energy: REF_energy, forces: REF_forces"):
        given.inspected(cases / "01-ref-keys/ref.extxyz")
    keys = LabelKeys(energy="REF_energy", forces="REF_forces", stress="REF_stress")
    found, _ = given.inspected(cases / "01-ref-keys/ref.extxyz", keys=keys)
    virial, _ = given.inspected(cases / "02-virial/virial.extxyz")
    stress, _ = given.inspected(cases / "02-virial/stress.extxyz")
    same(virial, stress)
    same(found, stress)
    foreign = cases / "03-foreign-outputs"
    for name in ("md.xyz", "blank.xyz", "crlf.xyz", "upper.xyz"):
        assert len(given.inspected(foreign / name)[0]) == 4
    for name in ("nopbc.xyz", "pbcF.xyz"):
        with pytest.raises(InputError, match="not in three"):
            given.inspected(foreign / name)
    with pytest.raises(InputError, match=r"keys: \{forces: force\}"):
        given.inspected(foreign / "forcecol.xyz")


SPIN, CHARGE, MASS = "magnetic moments", "no part of umklapp carries them", "isotopes"
CARRIED_NOWHERE = [
    ({"charge": 1}, None, CHARGE),
    ({"total_charge": -2.0}, None, CHARGE),
    ({"DFT_charge": 1.0}, None, CHARGE),
    ({}, ("initial_charges", 0.25), CHARGE),
    ({"total_magnetization": 16.0}, None, SPIN),
    ({"magmom": -2.2}, None, SPIN),
    ({"REF_magmom": 2.2}, None, SPIN),
    ({"spin": 1.0}, None, SPIN),
    ({"spin_multiplicity": 3}, None, "spin multiplicity of 3"),
    ({}, ("magmoms", 2.2), SPIN),
    ({}, ("initial_magmoms", -2.2), SPIN),
    ({}, ("dft_magmoms", 2.2), SPIN),
    ({"electric_field": np.array([0.0, 0.0, 0.1])}, None, "a field of 0.1"),
    ({}, ("masses", 30.0), MASS),
    ({}, ("occupancy", 0.5), "sites that are not full"),
    ({"charge": 0.0, "magmom": 0.001, "multiplicity": 1}, None, None),
    ({}, ("masses", 28.0855), None),
    ({"spin": "none", "charge": "neutral"}, None, None),
]


@pytest.mark.parametrize(("entry", "column", "message"), CARRIED_NOWHERE)
def test_physics_of_a_frame_that_nothing_carries_is_refused(
    tmp_path, labels, entry, column, message
):
    """Also in a structure: one rule for cells and labels."""
    for frame in labels:
        frame.info.update(entry)
        if column:
            frame.set_array(column[0], np.full(len(frame), column[1]))
    path, crystal = tmp_path / "given.extxyz", tmp_path / "crystal.extxyz"
    write(path, labels)
    write(crystal, labels[0])
    if message is None:
        given.inspected(path)
        materials.read_structure(crystal)
        return
    with pytest.raises(InputError, match=rf"given\.extxyz frame 0: .*{message}"):
        given.inspected(path)
    with pytest.raises(InputError, match=rf"crystal\.extxyz: .*{message}"):
        materials.read_structure(crystal)


def test_charges_of_atoms_that_sum_to_none_are_said(tmp_path, labels):
    for frame in labels:
        frame.set_array("charges", np.where(np.arange(len(frame)) % 2, 0.4, -0.4))
    write(tmp_path / "given.extxyz", labels)
    _, report = given.inspected(tmp_path / "given.extxyz")
    assert "charges of atoms (up to 0.4 e) are not carried" in report.notes


def test_what_a_calculation_began_with_does_not_count_beside_its_outcome(tmp_path, labels):
    """VASP begins with 1 µB on every atom, whatever comes out."""
    for frame in labels:
        frame.set_array("initial_magmoms", np.ones(len(frame)))
        frame.set_array("magmoms", np.zeros(len(frame)))
    write(tmp_path / "given.extxyz", labels)
    given.inspected(tmp_path / "given.extxyz")
