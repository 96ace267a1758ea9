"""Campaigns for crystals: cells, cutoffs and meshes by the stated rules, and a file that runs."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.spacegroup import crystal

from umklapp.campaign import new_campaign
from umklapp.config import load
from umklapp.crystals import materials, phonopy_cells, supercells
from umklapp.errors import InputError


def wurtzite():
    return bulk("ZnO", "wurtzite", a=3.25, c=5.2)


def zirconia():
    """Monoclinic ZrO2, space group 14."""
    return crystal(
        ["Zr", "O", "O"], [(0.275, 0.040, 0.208), (0.070, 0.332, 0.345), (0.450, 0.757, 0.479)],
        spacegroup=14, cellpar=[5.15, 5.21, 5.32, 90, 99.2, 90],
    )  # fmt: skip


CRYSTALS = {
    "NaCl-225": lambda: bulk("NaCl", "rocksalt", a=5.64),
    "Si-227": lambda: bulk("Si", cubic=True),
    "ZnO-186": wurtzite,
    "ZrO2-14": zirconia,
}


@pytest.fixture(scope="module", params=CRYSTALS)
def choices(request):
    chosen = new_campaign.choose(CRYSTALS[request.param](), "crystal.cif")
    assert chosen.key == request.param
    return chosen


def test_cells_follow_the_rules(choices):
    for matrix, least in ((choices.sampling, 60), (choices.phonon, 128)):
        cell = phonopy_cells.supercell(choices.primitive, matrix)
        assert least <= len(cell) <= new_campaign.MOST_ATOMS
        kept, of = supercells.symmetry(matrix, choices.primitive)
        assert kept >= of / 2
    assert min(choices.images) >= new_campaign.IMAGES
    assert choices.atoms[0] <= choices.atoms[1]


def test_every_atom_has_its_neighbours(choices):
    assert choices.neighbours >= new_campaign.NEIGHBOURS
    assert choices.cutoff <= new_campaign.MOST_CUTOFF < min(choices.images)


def test_meshes_are_of_equal_density(choices):
    for mesh, cell in zip(
        choices.kpoints,
        (
            choices.primitive,
            phonopy_cells.supercell(choices.primitive, choices.sampling),
            phonopy_cells.supercell(choices.primitive, choices.phonon),
        ),
        strict=True,
    ):
        lengths = 2 * np.pi * np.linalg.norm(cell.cell.reciprocal().array, axis=1)
        assert (np.array(mesh) >= new_campaign.KPOINTS * lengths - 1e-6).all()


def test_hard_elements_get_the_higher_cutoff(choices):
    oxide = "O" in choices.hard
    assert choices.plane_waves == (new_campaign.HARD_CUTOFF if oxide else new_campaign.SOFT_CUTOFF)


def test_polar_crystals_are_told_of_their_born_charges(choices):
    text = "Not polar by symmetry" if choices.key == "Si-227" else "Polar: κ needs"
    assert text in new_campaign.configuration(choices, Path("here"))


def test_a_supercell_of_rock_salt(choices):
    """64 atoms, the cube of 11.28 Å."""
    if choices.key == "NaCl-225":
        assert choices.atoms[0] == 64
        assert choices.images[0] == pytest.approx(11.28)


def test_the_campaign_is_written_and_is_valid(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bulk("Si").write("own.cif")
    text = new_campaign.write(Path("own.cif"))
    config = Path("campaigns/Si-227/Si-227.yaml")
    assert f"umklapp check {config}" in text
    written = yaml.safe_load(config.read_text())
    assert written["materials"]["select"] == ["Si-227"]
    row = materials.read_table(Path("campaigns/Si-227/materials.csv")).loc["Si-227"]
    assert len(materials.build_primitive(row, Path("campaigns/Si-227/structures"))) == 2
    with pytest.raises(InputError, match="exists already"):
        new_campaign.write(Path("own.cif"))


@pytest.mark.parametrize("name", ["my campaigns", "a: b", "#1", "it's"])
def test_folders_of_any_name_can_be_typed_again(tmp_path, monkeypatch, name):
    """The file can be read, the printed commands can be copied, and they name the Snakefile."""
    monkeypatch.chdir(tmp_path)
    bulk("Si").write("own.cif")
    check, run = new_campaign.write(Path("own.cif"), Path(name)).splitlines()[-2:]
    config = f"{name}/Si-227.yaml"
    assert load(Path(config)).materials.table == Path(name, "materials.csv")
    assert shlex.split(check) == ["umklapp", "check", config]
    command = shlex.split(run)
    assert command[-2:] == ["--configfile", config]
    assert Path(command[command.index("--snakefile") + 1]).is_file()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("own.pdb", "x", "are read"),
        ("own.cif", "no crystal", "cannot be read as a structure"),
    ],
)
def test_what_is_no_crystal(tmp_path, name, content, text):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=text):
        new_campaign.write(path, tmp_path / "out")
