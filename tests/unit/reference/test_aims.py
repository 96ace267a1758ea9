"""FHI-aims: input as its manual wants it, outputs, failures. The program itself is not here.

A shell that prints a real output of FHI-aims (../shared/data/vibes/aims.out) stands in its place
where the whole way of a label is followed: what is tested is our side of the border.
"""

import numpy as np
import pytest
from conftest import diamond, rattled

from umklapp import config
from umklapp.campaign import checks
from umklapp.crystals import frames
from umklapp.crystals.formats import aims as outputs
from umklapp.errors import InputError
from umklapp.reference import Failure, aims, create

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

SPECIES = """\
################################################################################
  species        {symbol}
#
    nucleus             {number}
    mass                28.0855
#
    l_hartree           4
#
    cut_pot             3.5          1.5  1.0
    basis_dep_cutoff    1e-4
#
    radial_base         42 5.0
    radial_multiplier   1
    angular_grids       specified
      division   0.5866   50
      division   0.9616  110
      outer_grid  302
#
#  "First tier"
     hydro 3 d 4.2
     hydro 2 p 1.4
"""


@pytest.fixture
def species(tmp_path):
    """A folder as species_defaults, with basis sets of our own."""
    folder = tmp_path / "defaults_2020"
    for basis in ("light", "tight"):
        (folder / basis).mkdir(parents=True)
        text = SPECIES.format(symbol="Si", number=14)
        (folder / basis / "14_Si_default").write_text(text + f"# {basis}\n")
    return folder


def settings(species, **more):
    return config.Aims(species_dir=str(species), **more)


def written(species, tmp_path, atoms, attempt=1, **more):
    """control.in (keyword: words) and geometry.in of a calculation."""
    made = create(settings(species, **more)).fresh_calculator(
        atoms, tmp_path, attempt=attempt, symmetric=False
    )
    made.write_inputfiles(atoms, ["energy"])
    lines = [
        line.split("#")[0].split() for line in (tmp_path / "control.in").read_text().splitlines()
    ]
    control = {}
    for line in filter(None, lines):
        control.setdefault(line[0], line[1:])  # the first of a species' grids is enough
    return control, (tmp_path / "geometry.in").read_text()


def number(words):
    return [float(word) for word in words]


def test_published_settings_are_those_of_the_screening(species, tmp_path):
    """PBEsol, light, 2×2×2, scaled ZORA, in a supercell of the screening's size."""
    atoms = rattled(1, atoms=diamond() * (3, 3, 3))
    control, geometry = written(species, tmp_path, atoms, preset="published")
    assert control["xc"] == ["pbesol"]
    assert control["k_grid"] == ["2", "2", "2"]
    assert control["relativistic"] == ["atomic_zora", "scalar"]
    assert control["compute_forces"] == [".true."]
    assert control["compute_analytical_stress"] == [".true."]
    assert number(control["sc_accuracy_rho"]) == [1e-6]
    assert control["occupation_type"][0] == "gaussian"
    assert number(control["occupation_type"][1:]) == [0.01]
    assert control["species"] == ["Si"]
    assert "# light" not in geometry
    rows = [line.split() for line in geometry.splitlines() if not line.startswith("#")]
    cell = [number(row[1:]) for row in rows if row and row[0] == "lattice_vector"]
    np.testing.assert_allclose(cell, atoms.cell.array, atol=1e-12)
    at = [number(row[1:4]) for row in rows if row and row[0] == "atom_frac"]
    np.testing.assert_allclose(at @ atoms.cell.array, atoms.positions, atol=1e-8)
    assert {row[4] for row in rows if row and row[0] == "atom_frac"} == {"Si"}


def test_a_preset_gives_way_to_the_config(species):
    chosen = settings(species, preset="published", basis="tight", kpoints=[3, 3, 3])
    assert (chosen.basis, chosen.kpoints, chosen.xc) == ("tight", [3, 3, 3], "pbesol")
    engine = create(settings(species, preset="published"))
    spelled = settings(species, xc="pbesol", basis="light", kpoints=[2, 2, 2], kpoint_density=3.5)
    assert engine.settings_hash == create(spelled).settings_hash


def test_small_cells_get_more_k_points(species):
    engine = create(settings(species, preset="published"))
    assert engine.mesh(diamond() * (3, 3, 3)) == (2, 2, 2)
    assert engine.mesh(diamond() * (5, 5, 5)) == (2, 2, 2)
    assert engine.mesh(diamond() * (2, 2, 2)) == (3, 3, 3)
    assert engine.mesh(diamond()) == (5, 5, 5)


def test_remedy_and_more_keywords(species, tmp_path):
    more = {"parameters": {"override_illconditioning": True}, "force_tolerance": 1e-4}
    control, _ = written(species, tmp_path, diamond(), attempt=2, stress=False, **more)
    assert number(control["charge_mix_param"]) == [0.05]
    assert control["sc_iter_limit"] == ["200"]
    assert control["override_illconditioning"] == [".true."]
    assert number(control["sc_accuracy_forces"]) == [1e-4]
    assert "compute_analytical_stress" not in control


def test_hash_is_of_the_physics(species):
    base = create(settings(species)).settings_hash
    assert create(settings(species, command="srun aims.x", scratch="/tmp")).settings_hash == base
    assert create(settings(species, basis="tight")).settings_hash != base
    with (species / "light/14_Si_default").open("a") as file:
        file.write("     hydro 3 s 2.6\n")  # another tier switched on by hand
    assert create(settings(species)).settings_hash != base


def test_label_from_a_real_output(species, shared, tmp_path):
    path = shared / "data/vibes/aims.out"
    frame = list(outputs.read(path))[-1].frame("here")
    engine = create(settings(species, stress=False, command=f"cat {path}"))
    found = engine.label(frames.strip(frame), tmp_path / "work", 20)
    assert not isinstance(found, Failure), found
    assert found.get_potential_energy() == frame.get_potential_energy()
    np.testing.assert_allclose(found.get_forces(), frame.get_forces(), atol=1e-12)
    assert not frames.has_stress(found)
    assert (tmp_path / "work/run/control.in").is_file()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("Self-consistency cycle converged.", ""), "scf_not_converged"),
        (
            ("Self-consistency cycle converged.", "SELF-CONSISTENCY CYCLE DID NOT CONVERGE"),
            "scf_not_converged",
        ),
        (("Have a nice day.", ""), "crashed"),
    ],
)  # fmt: skip
def test_real_output_with_a_bad_end(species, shared, tmp_path, change, reason):
    path = tmp_path / "aims.out"
    path.write_text((shared / "data/vibes/aims.out").read_text().replace(*change))
    frame = list(outputs.read(shared / "data/vibes/aims.out"))[-1].frame("here")
    found = create(settings(species, command=f"cat {path}")).label(frame, tmp_path / "w", 20)
    assert isinstance(found, Failure)
    assert (found.reason, found.attempts) == (reason, 2)
    assert aims.diagnose(tmp_path)[0] == reason


def test_what_is_missing_is_named(plain, species, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AIMS_SPECIES_DIR", raising=False)
    monkeypatch.delenv("UMKLAPP_AIMS_COMMAND", raising=False)
    (species / "light/14_Si_default").unlink()
    plain["reference"] = {"engine": "aims", "species_dir": str(species)}
    with pytest.raises(InputError) as caught:
        checks.check(config.validate(plain))
    assert "aims.x is not found" in str(caught.value)
    assert "UMKLAPP_AIMS_COMMAND" in str(caught.value)
    assert "light/14_Si_default does not exist" in str(caught.value)
    plain["reference"] = {"engine": "aims"}
    with pytest.raises(InputError, match=r"species_dir: '\$AIMS_SPECIES_DIR' .* not set"):
        checks.check(config.validate(plain))
    plain["reference"] = {"engine": "aims", "species_dir": str(species), "basis": "really_tight"}
    with pytest.raises(InputError, match="really_tight does not exist"):
        checks.check(config.validate(plain))


def test_relaxing_without_a_stress_is_refused(plain, species):
    plain["reference"] = {"engine": "aims", "species_dir": str(species), "stress": False}
    with pytest.raises(InputError, match=r"materials\.relax needs a stress: set reference\.stress"):
        config.validate(plain)
    plain["materials"]["relax"] = False
    config.validate(plain)
