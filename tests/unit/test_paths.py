"""Names of result files: with numbers, with wildcards, and as they lie on disk today."""

import inspect

import pytest

from umklapp import paths
from umklapp.paths import Folder, Material, Results, Round


def test_numbers_and_wildcards_name_the_same_files():
    results = Results("results/demo")
    pattern = results.material().round().member().model
    assert pattern == "results/demo/{material}/round_{round}/member_{member}/model.ckpt"
    named = results.material("Si-227").round(3).member(0).model
    assert named == pattern.format(material="Si-227", round="03", member=0)
    assert results.material("Si-227").round("03") == results.material("Si-227").round(3)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (Results("r").material("m").seeds.aimd(2), "r/m/seeds/aimd_2.extxyz"),
        (
            Results("r").material("m").stage("round_01").failed(4),
            "r/m/round_01/labels/4.failed.json",
        ),
        (Results("r").material("m").round(1).failed(4), "r/m/round_01/labels/4.failed.json"),
        (Results("r").material("m").final_model(1), "r/m/model/member_1.ckpt"),
        (
            Results("r").material("m").member_conductivity(1).modes,
            "r/m/conductivity/member_1.modes.hdf5",
        ),
        (Results("r").flux_engine(2), "r/engines/2_species_flux"),
        (Results("r").distillation_engine(0, 2), "r/engines/distillation_0_2_species"),
        (Results("r").figures_of("m").csv("kappa"), "r/figures/m/kappa.csv"),
        (Results("r").part_table("costs", "03_of_10"), "r/summaries/costs_03_of_10.csv"),
        (Results("/a/b").material("m").scratch("structure"), "/a/b/m/scratch/structure"),
    ],
)
def test_names_are_those_of_existing_results(path, name):
    """Another name would make results of users invisible."""
    assert path == name


def test_no_two_files_of_a_folder_share_a_name():
    for kind in (each for _, each in inspect.getmembers(paths, inspect.isclass)):
        if issubclass(kind, Folder):
            names = [
                value.name for _, value in inspect.getmembers(kind) if isinstance(value, paths.File)
            ]
            assert len(set(names)) == len(names), kind


def test_rounds_on_disk_are_folders_in_order(tmp_path):
    material = Material(str(tmp_path / "Si-227"))
    for number in (10, 2, 0):
        (tmp_path / f"Si-227/round_{number:02d}").mkdir(parents=True)
    (tmp_path / "Si-227/round_03").touch()
    assert [one.index for one in material.rounds_on_disk()] == [0, 2, 10]
    assert material.key == "Si-227"


def test_a_pattern_has_no_number():
    with pytest.raises(ValueError, match="round"):
        assert Round("results/{material}/round_{round}").index


def test_common_names_are_no_material():
    assert "summary.csv" in paths.COMMON_FILES
    assert {"engines", "figures", "shared"} <= set(paths.COMMON_FOLDERS)
