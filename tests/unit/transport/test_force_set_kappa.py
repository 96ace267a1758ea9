"""κ from force sets: that of the potential whose forces they are, by both ways of displacing."""

import lzma

import numpy as np
import pytest
import yaml
from ase.build import bulk
from phono3py import Phono3py
from phono3py.cui.load import compute_force_constants_from_datasets
from phono3py.file_IO import write_FORCES_FC3
from phonopy import Phonopy
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.formats.displaced_cells import check_forces
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
    return solved(calculation)


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


def old_style(tmp_path, **settings):
    """A folder with phono3py_disp.yaml and FORCES_FC3, and κ(300 K) of the one file behind it."""
    folder = tmp_path / "old style"
    folder.mkdir()
    truth = file_of(tmp_path / "params.yaml.xz", **settings)
    params = load_params(tmp_path / "params.yaml.xz")
    params.save(folder / "phono3py_disp.yaml", settings={"force_sets": False})
    write_FORCES_FC3(params.dataset, params.forces, filename=folder / "FORCES_FC3")
    return folder / "phono3py_disp.yaml", truth


def test_forces_beside_the_displacements_are_read_from_any_folder(tmp_path, monkeypatch):
    path, truth = old_style(tmp_path, fc3="displacements", pair_cutoff=3.0)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("FORCES_FC3", "BORN", "fc2.hdf5", "fc3.hdf5"):  # phono3py.load would take them
        (elsewhere / name).write_text("of another crystal\n")
    monkeypatch.chdir(elsewhere)
    record = force_set_kappa.solve(path, MESH[0])
    assert record.kappa.at_room_temperature == pytest.approx(truth, rel=2e-2)
    assert not record.born
    packed = path.parent / "FORCES_FC3.xz"
    packed.write_bytes(lzma.compress((path.parent / "FORCES_FC3").read_bytes()))
    (path.parent / "FORCES_FC3").unlink()
    again = force_set_kappa.solve(path, MESH[0]).kappa.at_room_temperature
    assert again == record.kappa.at_room_temperature
    packed.unlink()
    with pytest.raises(InputError, match="no FORCES_FC3 beside the file"):
        force_set_kappa.solve(path, MESH[0])


def test_fc2_is_symmetrised_as_phono3py_does_it(tmp_path):
    """Without its sum rule, forces that do not sum to zero open a gap at Γ, and κ falls."""
    path = tmp_path / "params.yaml.xz"
    file_of(path, fc3="displacements")
    params = load_params(path)
    params.forces = params.forces + np.random.default_rng(0).normal(
        scale=1e-3, size=(len(params.forces), 1, 3)
    )
    force_constants.write_params(params, path)
    found = force_set_kappa.solve(path, MESH[0]).kappa.at_room_temperature
    own, raw = load_params(path), load_params(path)
    compute_force_constants_from_datasets(own)
    assert found == pytest.approx(solved(own), rel=1e-6)
    raw.produce_fc3()
    assert np.abs(raw.fc2.sum(axis=1)).max() > 0.05  # eV/Å²: nobody has mended the sum rule here


def solved(calculation):
    """κ(300 K) of force constants, W/(m K)."""
    solution = bte.solve(calculation, config.Conductivity(temperatures=[300.0]), MESH, -0.05)
    return float(solution.scalar()[0])


def test_an_atom_displaced_there_and_back_has_no_forces(tmp_path):
    """Whoever subtracts the forces of the perfect cell leaves exact zeros in that pair."""
    path = tmp_path / "params.yaml.xz"
    primitive = bulk("ZnS", "wurtzite", a=3.82, c=6.26)
    writer = Phono3py(phonopy_cells.to_phonopy(primitive), np.eye(3, dtype=int))
    writer.generate_displacements(cutoff_pair_distance=0.1)
    cells = [cell or writer.supercell for cell in writer.supercells_with_displacements]
    still = np.array([np.allclose(c.positions, writer.supercell.positions) for c in cells])
    beyond = np.array([cell is None for cell in writer.supercells_with_displacements])
    assert (still & ~beyond).any()
    writer.forces = [writer.supercell.positions - cell.positions for cell in cells]
    force_constants.write_params(writer, path)
    params = load_params(path)
    check_forces(params, path)
    single = params.dataset["first_atoms"][0]
    single["forces"] = np.zeros_like(single["forces"])
    with pytest.raises(InputError, match="displacement 1 has forces that are all exactly zero"):
        check_forces(params, path)
