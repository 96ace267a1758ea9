"""VASP: input as its manual wants it, outputs, failures. The program itself is not here.

Real outputs come from the tests that ASE installs (VASP 5.3 and 6.3); a shell that copies them
stands in the place of the program where the whole way of a label is followed.
"""

from pathlib import Path

import ase.test
import numpy as np
import pytest
from ase.io import read
from conftest import diamond, rattled

from umklapp import config
from umklapp.campaign import checks
from umklapp.errors import InputError
from umklapp.reference import Failure, create, vasp

REAL = Path(ase.test.__file__).parent / "testdata/vasp"


@pytest.fixture
def data_sets(tmp_path, monkeypatch):
    """A folder as VASP_PP_PATH, with data sets that hold their names alone."""
    monkeypatch.setenv("VASP_PP_PATH", "")
    for name in ("Si", "Na", "Na_pv", "Cl"):
        folder = tmp_path / "pp/potpaw_PBE.54" / name
        folder.mkdir(parents=True)
        (folder / "POTCAR").write_text(f"  PAW_PBE {name} 01Jan2000\n")
    return tmp_path / "pp"


def settings(data_sets, **more):
    return config.Vasp(pseudo_dir=str(data_sets), version="54", **more)


def written(data_sets, folder, atoms, attempt=1, symmetric=False, **more):
    """INCAR (tag: words), KPOINTS, POSCAR and POTCAR."""
    made = create(settings(data_sets, **more)).fresh_calculator(
        atoms, folder, attempt=attempt, symmetric=symmetric
    )
    made.write_input(atoms)
    incar = {}
    for line in (folder / "INCAR").read_text().splitlines():
        if "=" in line:
            tag, value = line.split("=")
            incar[tag.strip()] = value.split()
    return incar, *((folder / name).read_text() for name in ("KPOINTS", "POSCAR", "POTCAR"))


INCAR = {
    "ENCUT": 520.0, "SIGMA": 0.01, "EDIFF": 1e-8, "NELM": 100, "IBRION": -1, "NSW": 0, "ISIF": 2,
    "ISMEAR": 0, "ISYM": 0,
}  # fmt: skip


def test_input_of_the_published_functional(data_sets, tmp_path):
    atoms = rattled(1, atoms=diamond() * (3, 3, 3))
    incar, kpoints, _, potcar = written(data_sets, tmp_path, atoms, preset="published")
    assert {tag: float(incar[tag][0]) for tag in INCAR} == INCAR
    assert incar["GGA"] == ["PS"]
    assert incar["PREC"] == ["Accurate"]
    assert (incar["LREAL"], incar["LWAVE"], incar["LCHARG"]) == ([".FALSE."],) * 3
    assert [line.strip() for line in kpoints.splitlines()[1:4]] == ["0", "Gamma", "2 2 2"]
    assert potcar == "  PAW_PBE Si 01Jan2000\n"
    again = read(tmp_path / "POSCAR")
    np.testing.assert_allclose(again.positions, atoms.positions, atol=1e-9)


def test_data_sets_of_the_species_in_their_order(data_sets, tmp_path):
    from ase.build import bulk

    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    _, _, poscar, potcar = written(data_sets, tmp_path, atoms, setups={"Na": "_pv"})
    order = poscar.splitlines()[5].split()
    assert sorted(order) == ["Cl", "Na"]
    wanted = {"Na": "  PAW_PBE Na_pv 01Jan2000\n", "Cl": "  PAW_PBE Cl 01Jan2000\n"}
    assert potcar == "".join(wanted[name] for name in order)


def test_remedy_and_symmetry_and_more_tags(data_sets, tmp_path):
    more = {"parameters": {"ncore": 4}}
    incar, *_ = written(data_sets, tmp_path, diamond(), attempt=2, symmetric=True, **more)
    assert (incar["ALGO"], incar["NELM"], incar["ISYM"]) == (["All"], ["200"], ["2"])
    assert incar["NCORE"] == ["4"]


def test_hash_is_of_the_physics(data_sets):
    base = create(settings(data_sets)).settings_hash
    assert create(settings(data_sets, command="srun vasp_std")).settings_hash == base
    assert create(settings(data_sets, setups={"Na": "_pv"})).settings_hash != base
    assert create(settings(data_sets, ecut=521.0)).settings_hash != base


def test_label_from_real_outputs(data_sets, tmp_path):
    """vasprun.xml of VASP 6.3 and an OUTCAR with its end; forces come back in our order."""
    wanted = read(REAL / "vasprun_pstress.xml", index=-1)
    symbols = set(wanted.get_chemical_symbols())
    for name in symbols:
        folder = data_sets / "potpaw_PBE.54" / name
        folder.mkdir(exist_ok=True)
        (folder / "POTCAR").write_text("x\n")
    script = tmp_path / "vasp_std"
    script.write_text(
        f"#!/bin/sh\ncp {REAL}/vasprun_pstress.xml vasprun.xml\ncp {REAL}/OUTCAR_example_1 OUTCAR\n"
    )
    script.chmod(0o755)
    engine = create(settings(data_sets, command=str(script)))
    found = engine.label(wanted, tmp_path / "work", 20)
    assert not isinstance(found, Failure), found
    assert found.get_potential_energy() == wanted.get_potential_energy(force_consistent=True)
    np.testing.assert_allclose(found.get_forces(), wanted.get_forces())
    np.testing.assert_allclose(found.get_stress(), wanted.get_stress())
    assert found.info["program"] == "VASP 5.3.3"
    assert {"INCAR", "OUTCAR", "vasp.out"} <= {p.name for p in (tmp_path / "work/run").iterdir()}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("", "", None),
        ("because EDIFF is reached", "EDIFF was not reached (unconverged)", "scf_not_converged"),
        ("General timing and accounting", "", "crashed"),
    ],
)
def test_end_of_a_real_outcar(tmp_path, old, new, reason):
    text = (REAL / "OUTCAR_example_1").read_text()
    (tmp_path / "OUTCAR").write_text(text.replace(old, new) if old else text)
    found = vasp.diagnose(tmp_path)
    assert (found and found[0]) == reason


def test_program_that_writes_nothing_is_a_crash(data_sets, tmp_path):
    found = create(settings(data_sets, command="true")).label(rattled(0), tmp_path, 20)
    assert isinstance(found, Failure)
    assert (found.reason, found.attempts) == ("crashed", 2)
    assert "see OUTCAR" in found.message


def test_what_is_missing_is_named(plain, data_sets, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UMKLAPP_VASP_COMMAND", raising=False)
    plain["reference"] = {"engine": "vasp", "pseudo_dir": str(data_sets), "version": "54"}
    plain["reference"]["setups"] = {"Si": "_sv"}
    with pytest.raises(InputError) as caught:
        checks.check(config.validate(plain))
    assert "vasp_std is not found" in str(caught.value)
    assert "Si_sv/POTCAR does not exist" in str(caught.value)
    plain["reference"] = {"engine": "vasp", "pseudo_dir": str(data_sets), "version": "64"}
    with pytest.raises(InputError, match=r"potpaw_PBE\.64 does not exist"):
        checks.check(config.validate(plain))
    monkeypatch.delenv("VASP_PP_PATH")
    plain["reference"] = {"engine": "vasp"}
    with pytest.raises(InputError, match=r"pseudo_dir: '\$VASP_PP_PATH' .* not set"):
        checks.check(config.validate(plain))
