"""Force sets of phono3py: what is read, and what cannot be."""

import lzma
from pathlib import Path

import numpy as np
import phono3py
import pytest
from conftest import diamond, label
from umklapp_params import write_params

from umklapp.crystals import frames
from umklapp.crystals.formats import force_sets
from umklapp.errors import InputError


@pytest.fixture
def params(tmp_path):
    """Params file of silicon with four random displacements, and the frames behind it."""
    path = tmp_path / "params.yaml"
    return path, write_params(path)


def test_frames_are_those_of_the_file(params):
    path, expected = params
    found = force_sets.read_labelled(path)
    assert len(found) == len(expected) == 4
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-7)
        np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-7)
        assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-6)
        assert not frames.has_stress(ours)
        assert ours.info["frame_id"] == frames.frame_id(ours)
        # forces belong to these positions: calculated anew they are the same
        np.testing.assert_allclose(label(ours).get_forces(), ours.get_forces(), atol=1e-5)


def test_packed_file_is_the_same(params, tmp_path):
    path, _ = params
    packed = tmp_path / "packed.yaml.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    plain, unpacked = force_sets.read_labelled(path), force_sets.read_labelled(packed)
    assert [f.info["frame_id"] for f in plain] == [f.info["frame_id"] for f in unpacked]


def test_extxyz_is_read_too(params, tmp_path):
    _, expected = params
    frames.write_frames(tmp_path / "frames.extxyz", expected)
    found = force_sets.read_labelled(tmp_path / "frames.extxyz")
    assert [f.info["frame_id"] for f in found] == [f.info["frame_id"] for f in expected]


def test_cells_of_the_file(params):
    loaded = force_sets.load_params(params[0])
    assert len(loaded.supercell) == 8
    assert len(loaded.primitive) == 2


@pytest.mark.parametrize("what", ["forces", "energies"])
def test_file_without_labels(tmp_path, what):
    path = tmp_path / f"no_{what}.yaml"
    write_params(path, **{what: False})
    words = "no displacements with forces" if what == "forces" else "no supercell energies"
    with pytest.raises(InputError, match=rf"no_{what}\.yaml: .*{words}"):
        force_sets.read_labelled(path)


def test_forces_that_are_not_numbers(tmp_path):
    path = tmp_path / "bad.yaml"
    write_params(path)
    loaded = phono3py.load(path, produce_fc=False, log_level=0)
    forces = np.array(loaded.forces)
    forces[2, 5, 1] = np.nan
    loaded.forces = forces
    loaded.save(path, settings={"force_sets": True, "displacements": True})
    with pytest.raises(InputError, match=r"bad\.yaml"):
        force_sets.read_labelled(path)


@pytest.mark.parametrize("name", ["no.yaml", "no.yaml.xz"])
def test_file_that_is_none(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        force_sets.read_labelled(tmp_path / name)
    (tmp_path / name).write_bytes(b"these are not the params")
    with pytest.raises(InputError, match=rf"{name}: cannot be read"):
        force_sets.read_labelled(tmp_path / name)


def test_names_of_params_files():
    for name in ("a.yaml", "a.yml", "a.yaml.xz", "b/a.yml.xz"):
        assert force_sets.is_params(Path(name))
    for name in ("a.extxyz", "yaml", "a.yaml.gz", "a.xz"):
        assert not force_sets.is_params(Path(name))


def test_published_params_and_published_frames_agree(shared):
    """The same 100 VASP calculations in two formats."""
    params = force_sets.read_labelled(shared / "data/dft/NaCl-225_phono3py_params.yaml.xz")
    listed = frames.read_frames(shared / "data/dft/NaCl-225_vasp_rd003.extxyz")
    assert len(params) == len(listed) == 100
    for ours, theirs in zip(params[::10], listed[::10], strict=True):
        assert ours.get_potential_energy() == theirs.get_potential_energy()
        assert np.array_equal(ours.numbers, theirs.numbers)
        np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-7)
        shift = (ours.positions - theirs.positions) @ np.linalg.inv(theirs.cell.array)
        assert np.abs(shift - np.rint(shift)).max() < 1e-6


def test_perfect_crystal_has_no_forces():
    """Guards the helper behind these tests."""
    assert np.abs(label(diamond()).get_forces()).max() < 1e-10
