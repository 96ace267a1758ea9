"""`umklapp kappa`: one crystal, any calculator, no DFT."""

import pytest
from ase.build import bulk
from ase.io import write

from umklapp.errors import InputError
from umklapp.transport import kappa_command
from umklapp.transport.baseline_record import Baseline

SILICON = "silicon:StillingerWeberSilicon"
TABLE = kappa_command.ROOT / "config/materials.csv"


def test_a_structure_file_gives_kappa(tmp_path):
    write(tmp_path / "silicon.cif", bulk("Si", "diamond", a=5.431, cubic=True))
    text = kappa_command.run(
        str(tmp_path / "silicon.cif"),
        calculator=SILICON,
        atoms=16,
        mesh=3,
        own_lattice=False,
        out=tmp_path / "record.json",
    )
    record = Baseline.read(tmp_path / "record.json")
    assert record.material == "Si-227"
    assert f"κ(300 K) {record.given.kappa.at_room_temperature:.3g} W/(m K)" in text
    assert "lattice of silicon.cif" in text
    assert "16 atoms" in text
    assert "not polar" in text


def test_a_key_of_the_table_is_a_crystal():
    crystal = kappa_command.crystal_of("NaCl-225", TABLE)
    assert len(crystal.primitive) == 2
    assert crystal.lattice == "of the table"
    with pytest.raises(InputError, match=r"NaCl-255: no such file.*did you mean NaCl-225"):
        kappa_command.crystal_of("NaCl-255", TABLE)


def test_a_file_of_a_crystal_of_the_table_has_its_key_and_so_its_born_charges(tmp_path):
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.7, cubic=True))
    assert kappa_command.crystal_of(str(tmp_path / "salt.cif"), TABLE).key == "NaCl-225"
    write(tmp_path / "other.cif", bulk("NaCl", "cesiumchloride", a=3.4))
    assert kappa_command.crystal_of(str(tmp_path / "other.cif"), TABLE).key == "NaCl-221"


@pytest.mark.parametrize("name", ["mesh", "atoms"])
def test_numbers_that_cannot_be_are_refused(name):
    with pytest.raises(InputError, match=f"--{name} 0: at least 1"):
        kappa_command.run("NaCl-225", **{name: 0})


def test_models_by_path_name_and_calculator(tmp_path):
    assert kappa_command.model_of("weights.nqx", None).path.name == "weights.nqx"
    assert kappa_command.model_of("nequix-mp-1", None).name == "nequix-mp-1"
    assert kappa_command.model_of(None, None).name == "nequix-oam-1-pft"
    assert kappa_command.model_of(None, SILICON).calculator == SILICON
    with pytest.raises(InputError, match="neither a file of weights nor a name"):
        kappa_command.model_of("nequix-oam-9", None)


def test_a_model_that_cannot_is_named_before_anything_is_computed(tmp_path):
    write(tmp_path / "iron.cif", bulk("Fe", cubic=True))
    for options, message in (
        ({"calculator": "ase.calculators.emt:EMT"}, "--model: cannot evaluate Fe-229: No EMT"),
        ({"calculator": "no.such:Thing"}, "--model.calculator: 'no.such:Thing' cannot be imported"),
        ({"model": str(tmp_path / "gone.nqx")}, "--model.path: .*gone.nqx: there is no such file"),
    ):
        with pytest.raises(InputError, match=f"^{message}"):
            kappa_command.run(str(tmp_path / "iron.cif"), **options)
