"""κ from force sets: that of the potential whose forces they are, by both ways of displacing."""

import lzma

import numpy as np
import pytest
import yaml
from ase.build import bulk
from phonopy import Phonopy
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.formats.force_sets import load_params
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.transport import bte, force_set_kappa, kappa_command
from umklapp.transport.force_set_kappa import ForceSetKappa

MESH = [5, 5, 5]


def file_of(path, **settings):
    """A params file in 16 atoms of silicon, and κ(300 K) of its own force constants."""
    primitive = bulk("Si", "diamond", a=5.431)
    perfect = phonopy_cells.supercell(primitive, [[2, 0, 0], [0, 2, 0], [0, 0, 2]])
    phonons = config.Phonons(**settings)
    calculation = force_constants.prepare(primitive, perfect, phonons)
    force_constants.evaluate(calculation, AsePotential(StillingerWeberSilicon()), phonons)
    force_constants.write_params(calculation, path)
    solved = bte.solve(calculation, config.Conductivity(temperatures=[300.0]), MESH, -0.05)
    return float(solved.scalar()[0])


@pytest.mark.parametrize(
    ("settings", "way"),
    [
        ({"fc3": "symfc", "random_displacements": 12}, "symfc's least squares"),
        ({"fc3": "displacements", "pair_cutoff": None}, "finite differences"),
    ],
)
def test_kappa_is_that_of_the_forces_in_a_folder_with_a_space(settings, way, tmp_path):
    folder = tmp_path / "force sets"
    folder.mkdir()
    path = folder / "phono3py params.yaml.xz"
    truth = file_of(path, **settings)
    said = kappa_command.run(str(path), mesh=MESH[0], out=folder / "kappa.json")
    record = ForceSetKappa.read(folder / "kappa.json")
    assert record.material == "Si-227"
    assert record.kappa.at_room_temperature == pytest.approx(truth, rel=5e-3)
    assert (record.atoms, record.fitted, record.born) == (16, way, False)
    assert f"fc3 by {way} from {record.frames} cells of 16 atoms" in said
    assert "its error is not known" in said


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Text of a params file of random displacements, not packed."""
    path = tmp_path_factory.mktemp("plain") / "params.yaml.xz"
    file_of(path, fc3="symfc", random_displacements=3)
    return lzma.decompress(path.read_bytes()).decode()


def changed(plain, forces):
    """The file with other forces of the second frame."""
    content = yaml.safe_load(plain)
    content["dataset"]["forces"][1] = [forces] * 16
    return yaml.safe_dump(content)


@pytest.mark.parametrize(
    ("forces", "message"),
    [
        ([0.0, 0.0, 0.0], "displacement 2 has forces that are all exactly zero"),
        ([float("nan"), 0.0, 0.0], "displacement 2 has forces that are no numbers"),
    ],
)
def test_a_cell_that_was_not_calculated_is_named(forces, message, plain, tmp_path):
    (tmp_path / "params.yaml").write_text(changed(plain, forces))
    with pytest.raises(InputError, match=message):
        force_set_kappa.solve(tmp_path / "params.yaml", 3)


@pytest.mark.parametrize("text", ["", "name: demo\n", "- 1\n"])
def test_a_yaml_of_something_else_is_told_from_one_of_a_crystal(text, tmp_path):
    (tmp_path / "other.yaml").write_text(text)
    with pytest.raises(InputError, match="no unit cell in the file"):
        force_set_kappa.solve(tmp_path / "other.yaml", 3)


def test_single_displacements_of_phonopy_have_no_third_order(tmp_path):
    phonon = Phonopy(phonopy_cells.to_phonopy(bulk("Si", "diamond", a=5.431)), np.eye(3, dtype=int))
    phonon.generate_displacements(distance=0.03)
    phonon.forces = np.ones((len(phonon.supercells_with_displacements), 2, 3))
    phonon.save(tmp_path / "phonopy.yaml", settings={"force_sets": True})
    with pytest.raises(InputError, match="one atom is displaced at a time, as phonopy does"):
        force_set_kappa.solve(tmp_path / "phonopy.yaml", 3)


def test_pairs_beyond_the_cutoff_are_no_cells_and_no_mistake(tmp_path):
    path = tmp_path / "params.yaml.xz"
    truth = file_of(path, fc3="displacements", pair_cutoff=3.0)
    record = force_set_kappa.solve(path, MESH[0])
    assert record.frames < len(load_params(path).forces)
    assert record.kappa.at_room_temperature == pytest.approx(truth, rel=2e-2)


def test_a_name_that_says_packed_does_not_make_it_packed(plain, tmp_path):
    (tmp_path / "params.yaml.xz").write_text(plain)
    assert load_params(tmp_path / "params.yaml.xz").forces.shape == (3, 16, 3)


def test_too_few_frames_and_options_of_a_model_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "params.yaml.xz"
    file_of(path, fc3="symfc", random_displacements=12)
    monkeypatch.setattr(force_constants, "unknowns", lambda phonon: 12 * 48 + 1)
    with pytest.raises(InputError, match="12 frames of 16 atoms cannot determine fc3, 13 is"):
        force_set_kappa.solve(path, 3)
    with pytest.raises(InputError, match="has forces and Born charges of its own"):
        kappa_command.run(str(path), model="weights.nqx")
