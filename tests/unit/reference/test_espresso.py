"""Quantum ESPRESSO itself, on two atoms of silicon, where pw.x and a pseudopotential are here.

Debian: `apt-get install quantum-espresso quantum-espresso-data`; the pseudopotential is the
norm-conserving LDA one of its examples.
"""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from conftest import rattled
from engine_contract import EngineContract

from umklapp import config
from umklapp.campaign import checks
from umklapp.crystals.symmetry import primitive_cell, space_group
from umklapp.errors import InputError
from umklapp.reference import Failure, create, espresso, relaxation
from umklapp.reference.programs import ProgramError

PACKED = Path("/usr/share/doc/quantum-espresso/examples/EPW/sic/pp/Si.pz-vbc.UPF.gz")
COARSE = {"ecut": 200.0, "kpoint_density": 0.9}
TIGHT = {"ecut": 1000.0, "kpoint_density": 0.9, "energy_tolerance": 1e-10}


@pytest.fixture(scope="session")
def pseudo(tmp_path_factory):
    """Folder with the pseudopotential."""
    if shutil.which("pw.x") is None:
        pytest.skip("pw.x is not installed (Debian: apt-get install quantum-espresso)")
    if not PACKED.is_file():
        pytest.skip(f"{PACKED} is not installed (Debian: quantum-espresso-data)")
    folder = tmp_path_factory.mktemp("pseudo")
    (folder / "Si.UPF").write_bytes(gzip.decompress(PACKED.read_bytes()))
    return folder


def settings(folder, **more):
    return config.Espresso(pseudo_dir=str(folder), pseudopotentials={"Si": "Si.UPF"}, **more)


def distorted():
    return rattled(1, atoms=bulk("Si", a=5.3), amplitude=0.05)


@pytest.mark.slow
class TestEspresso(EngineContract):
    """Force, and every component of the stress with its sign, against differences of energies.

    Energies of strained cells have the plane waves of a fixed cutoff: at 400 eV the stress is off
    by 4e-3 eV/Å³, at 700 eV by 1e-4, at 1000 eV by 1e-5.
    """

    step = 5e-3
    amount = 5e-3
    force_tolerance = 3e-4
    stress_tolerance = 5e-5

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, pseudo):
        return create(settings(pseudo, **TIGHT))

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        return distorted()

    @pytest.fixture
    def broken(self, pseudo, crystal):
        """The cap is hit in the first attempt and, with careful mixing, in the second."""
        return create(settings(pseudo, **COARSE, max_iterations=2)), crystal, "scf_not_converged", 2

    @pytest.fixture
    def slow(self, engine):
        return engine, 0.2


@pytest.fixture
def engine(pseudo):
    return create(settings(pseudo, **COARSE))


def test_second_attempt_mixes_carefully(pseudo, engine, tmp_path):
    first, second = (engine.namelists(2, attempt, False)["electrons"] for attempt in (1, 2))
    assert (first["mixing_beta"], second["mixing_beta"]) == (0.7, 0.3)
    assert second["electron_maxstep"] == 2 * first["electron_maxstep"]
    capped = create(settings(pseudo, **COARSE, max_iterations=7))
    found = capped.label(distorted(), tmp_path, 60)
    assert not isinstance(found, Failure), found
    assert "mixing_ndim" in (tmp_path / "run/espresso.pwi").read_text()  # it was the second one
    assert found.get_potential_energy() == pytest.approx(
        engine.label(distorted(), tmp_path, 60).get_potential_energy(), abs=1e-6
    )


def test_atoms_that_overlap_are_a_crash_with_the_words_of_the_program(engine, tmp_path):
    atoms = distorted()
    atoms.positions[1] = atoms.positions[0]
    found = engine.label(atoms, tmp_path, 60)
    assert isinstance(found, Failure)
    assert (found.reason, found.attempts) == ("crashed", 2)
    assert "overlap" in found.message


def test_output_of_an_earlier_frame_is_never_taken(pseudo, engine, tmp_path):
    assert not isinstance(engine.label(distorted(), tmp_path, 60), Failure)
    silent = create(settings(pseudo, **COARSE, command="true"))
    found = silent.label(distorted(), tmp_path, 60)
    assert isinstance(found, Failure)
    assert "ended before its last line" in found.message


def test_scratch_folder_is_used_and_emptied(pseudo, tmp_path, monkeypatch):
    monkeypatch.setenv("NODE_DISK", str(tmp_path / "disk"))
    engine = create(settings(pseudo, **COARSE, scratch="$NODE_DISK"))
    found = engine.label(distorted(), tmp_path / "work", 60)
    assert not isinstance(found, Failure), found
    assert list((tmp_path / "disk").iterdir()) == []
    kept = {path.name for path in (tmp_path / "work/run").iterdir()}
    assert {"espresso.pwi", "espresso.pwo"} <= kept


def test_relaxation_finds_the_known_lattice_constant(pseudo, tmp_path):
    """LDA: 5.38 Å (converged 5.40); the space group is used and kept."""
    engine = create(settings(pseudo, ecut=300.0, kpoint_density=1.8))
    found, _ = relaxation.relax(primitive_cell(bulk("Si", a=5.3)), engine, tmp_path, 0.01, 1e-3)
    assert space_group(found) == 227
    assert (4 * found.cell.volume) ** (1 / 3) == pytest.approx(5.385, abs=0.03)
    assert "nosym            = .false." in (tmp_path / "kept/espresso.pwi").read_text()


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_two_ranks_give_the_same_label(pseudo, engine, tmp_path, monkeypatch):
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    command = "mpirun --oversubscribe -np 2 pw.x"
    parallel = create(settings(pseudo, **COARSE, command=command))
    one, two = (each.label(distorted(), tmp_path, 100) for each in (engine, parallel))
    assert not isinstance(two, Failure), two
    assert "running on     2 proc" in (tmp_path / "run/espresso.pwo").read_text()
    np.testing.assert_allclose(two.get_forces(), one.get_forces(), atol=1e-4)
    assert parallel.settings_hash == engine.settings_hash  # the same physics


# what needs no program


def test_units_of_the_input(tmp_path):
    (tmp_path / "Si.UPF").write_text("none")
    chosen = settings(tmp_path, ecut=136.05693, ecut_density=1360.5693, smearing=0.1360569)
    made = create(chosen).namelists(4, 1, False)
    assert made["system"]["ecutwfc"] == pytest.approx(10, rel=1e-6)
    assert made["system"]["ecutrho"] == pytest.approx(100, rel=1e-6)
    assert made["system"]["degauss"] == pytest.approx(0.01, rel=1e-6)
    assert made["electrons"]["conv_thr"] == pytest.approx(4e-8 / 13.605693, rel=1e-6)
    assert made["system"]["nosym"] is True
    assert made["control"]["tstress"] is made["control"]["tprnfor"] is True


def test_more_input_by_namelist(tmp_path):
    chosen = settings(tmp_path, **COARSE, parameters={"SYSTEM": {"nbnd": 12}})
    made = create(chosen).namelists(2, 1, True)["system"]
    assert (made["nbnd"], made["nosym"]) == (12, False)


def test_hash_is_of_the_physics(tmp_path):
    (tmp_path / "Si.UPF").write_text("one")
    base = create(settings(tmp_path, **COARSE)).settings_hash
    same = settings(tmp_path, **COARSE, command="mpirun -np 8 pw.x", scratch="/tmp")
    assert create(same).settings_hash == base
    assert create(settings(tmp_path, ecut=201.0, kpoint_density=0.9)).settings_hash != base
    (tmp_path / "Si.UPF").write_text("another pseudopotential under the same name")
    assert create(settings(tmp_path, **COARSE)).settings_hash != base


def test_what_is_missing_is_named_before_the_first_job(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    plain["reference"] = settings(tmp_path, **COARSE).model_dump(mode="json")
    with pytest.raises(InputError) as caught:
        checks.check(config.validate(plain))
    message = str(caught.value)
    assert "command: pw.x is not found in PATH" in message
    assert f"{tmp_path / 'Si.UPF'} does not exist" in message
    plain["reference"]["check_command"] = False
    (tmp_path / "Si.UPF").write_text("x")
    checks.check(config.validate(plain))
    plain["reference"]["pseudopotentials"] = {"C": "C.UPF"}
    with pytest.raises(InputError, match="no UPF file is named for Si"):
        checks.check(config.validate(plain))
    plain["reference"]["pseudo_dir"] = "$NO_SUCH_VARIABLE"
    with pytest.raises(InputError, match=r"reference\.pseudo_dir: .* not set"):
        checks.check(config.validate(plain))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("convergence NOT achieved after 2 iterations: stopping\nJOB DONE.", "scf_not_converged"),
        (" %%%%\n     Error in routine electrons (1):\n     charge is wrong\n %%%", "crashed"),
        ("     Program PWSCF v.6.7MaX starts", "crashed"),
        ("", "crashed"),
        ("convergence has been achieved in 7 iterations\n   JOB DONE.", None),
    ],
)
def test_words_of_the_output(tmp_path, text, reason):
    (tmp_path / "espresso.pwo").write_text(text)
    found = espresso.diagnose(tmp_path)
    assert (found and found[0]) == reason
    assert found is None or ProgramError(*found).reason == reason


def test_no_output(tmp_path):
    assert espresso.diagnose(tmp_path)[0] == "crashed"
