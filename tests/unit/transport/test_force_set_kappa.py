"""κ from force sets: that of the potential whose forces they are, by both ways of displacing."""

import pytest
from ase.build import bulk
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells
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


def test_too_few_frames_and_options_of_a_model_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "params.yaml.xz"
    file_of(path, fc3="symfc", random_displacements=12)
    monkeypatch.setattr(force_constants, "unknowns", lambda phonon: 12 * 48 + 1)
    with pytest.raises(InputError, match="12 frames of 16 atoms cannot determine fc3, 13 is"):
        force_set_kappa.solve(path, 3)
    with pytest.raises(InputError, match="has forces and Born charges of its own"):
        kappa_command.run(str(path), model="weights.nqx")
