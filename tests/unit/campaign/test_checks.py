"""What is known to be wrong before the first job starts."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from conftest import diamond, labelled_frames
from umklapp_params import write_params

from umklapp import config
from umklapp.campaign import checks
from umklapp.crystals import frames
from umklapp.crystals.materials import selected
from umklapp.errors import InputError


def check(plain):
    return checks.check(config.validate(plain))


def with_frames(plain, path, **more):
    plain["seeds"] = [{"kind": "frames", "path": str(path), **more}]
    return plain


def test_shipped_campaigns_pass(root, monkeypatch):
    monkeypatch.chdir(root)
    for name in ("config.yaml", "demo.yaml"):
        campaign = config.load(root / "config" / name)
        rows = checks.check(campaign)
        assert list(rows.index) == campaign.materials.select


def test_rows_come_in_the_order_of_the_selection(plain):
    plain["materials"]["select"] = ["NaCl-225", "Si-227"]
    assert list(check(plain)["formula"]) == ["NaCl", "Si"]


def test_unknown_material(plain):
    plain["materials"]["select"] = ["Si-2277"]
    with pytest.raises(InputError, match=r"'Si-2277' is not in .*materials\.csv; did you mean Si"):
        check(plain)


def own_table(plain, tmp_path, *rows):
    """A table with other rows, in the campaign."""
    columns = ("material", "formula", "space_group", "prototype", "n_primitive", "n_supercell")
    lines = [",".join(columns), *(",".join(row) for row in rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    plain["materials"] |= {"table": str(tmp_path / "table.csv"), "select": "all"}
    return plain


def test_materials_that_cannot_be_built_are_named_together(plain, tmp_path):
    rows = [
        ("Si-227", "Si", "227", "diamond", "2", ""),
        ("Si-227b", "Si", "227", "diamant", "2", ""),
        ("Ge-227", "Ge", "227", "diamond", "4", ""),
        ("Sn-227", "Sn", "227", "diamond", "2", ""),
    ]
    with pytest.raises(InputError) as caught:
        check(own_table(plain, tmp_path, *rows))
    text = str(caught.value)
    assert "Si-227b: prototype 'diamant' is not known" in text
    assert "Ge-227: built 2 atoms, the table says 4" in text
    assert "Sn-227: no lattice parameters yet" in text
    assert "Si-227:" not in text


def test_table_with_an_impossible_row(plain, tmp_path):
    rows = [("Si-227", "Si", "227a", "diamond", "2", "")]
    with pytest.raises(InputError, match=r"table\.csv: row 2 \(Si-227\): space_group '227a'"):
        check(own_table(plain, tmp_path, *rows))


def test_rows_of_the_materials_project_need_a_key(plain, tmp_path, monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    plain["materials"]["downloads"] = str(tmp_path / "downloads")
    rows = [("Si-227", "Si", "227", "mp-149", "2", "")]
    with pytest.raises(InputError, match=r"mp-149: a key is needed.*MP_API_KEY"):
        check(own_table(plain, tmp_path, *rows))


def test_published_supercells(plain):
    plain["materials"] |= {"select": "benchmark", "sampling_supercell": "published"}
    plain["materials"]["phonon_supercell"] = {"atoms": 64}
    assert len(check(plain)) == 4
    plain["materials"]["select"] = ["Si-227", "Bi2Te3-166"]
    with pytest.raises(
        InputError,
        match=r"sampling_supercell: .published., but .*n_supercell of Bi2Te3-166 is empty",
    ):
        check(plain)


def test_supercells_by_material(plain):
    sizes = {"default": "published", "Bi2Te3-166": {"atoms": 180}}
    plain["materials"] |= {"select": ["Si-227", "Bi2Te3-166"], "sampling_supercell": sizes}
    plain["materials"]["phonon_supercell"] = {"Si-227": [[2, 0, 0], [0, 2, 0], [0, 0, 2]]}
    with pytest.raises(InputError, match=r"phonon_supercell: nothing for Bi2Te3-166; .*default"):
        check(plain)
    plain["materials"]["phonon_supercell"]["default"] = {"atoms": 5}
    assert len(check(plain)) == 2
    plain["materials"]["sampling_supercell"]["Bi2Te3"] = "published"
    with pytest.raises(InputError, match=r"sampling_supercell: \['Bi2Te3'\] are not in .*csv"):
        check(plain)


def test_the_published_screening(root, monkeypatch):
    """All 122 rows, in supercells of the published sizes where there are any."""
    monkeypatch.chdir(root)
    assert len(check(yaml.safe_load((root / "config/screening.yaml").read_text()))) == 122


@pytest.mark.parametrize("key", ["sampling_supercell", "phonon_supercell"])
def test_matrices_without_volume_or_left_handed(plain, key):
    plain["materials"][key] = [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    with pytest.raises(InputError, match=rf"materials\.{key}: .*\[1, 1, 0\].* is singular"):
        check(plain)
    plain["materials"][key] = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    with pytest.raises(InputError, match=rf"materials\.{key}: .*left-handed.*swap two"):
        check(plain)


def test_matrix_of_a_seed(plain):
    plain["seeds"][0]["supercell"] = [[1, 0, 0], [2, 0, 0], [0, 0, 1]]
    with pytest.raises(InputError, match=r"seeds\.0\.supercell: .*is singular"):
        check(plain)


def test_frames_that_fit(plain, tmp_path):
    frames.write_frames(tmp_path / "given.extxyz", labelled_frames(8))
    assert len(check(with_frames(plain, tmp_path / "given.extxyz"))) == 1


def test_missing_frames(plain, tmp_path):
    with pytest.raises(InputError, match=r"seeds\.0\.path: .*gone\.extxyz does not exist"):
        check(with_frames(plain, tmp_path / "gone.extxyz"))


def test_empty_frames(plain, tmp_path):
    (tmp_path / "empty.extxyz").touch()
    with pytest.raises(InputError, match=r"empty\.extxyz: no frames"):
        check(with_frames(plain, tmp_path / "empty.extxyz"))


def test_truncated_frames(plain, tmp_path):
    path = tmp_path / "cut.extxyz"
    frames.write_frames(path, labelled_frames(4))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"cut\.extxyz.*truncated"):
        check(with_frames(plain, path))


def test_frames_of_another_material(plain, tmp_path):
    path = tmp_path / "given.extxyz"
    made = [
        frames.labelled(Atoms("Ge8", cell=diamond().cell, positions=diamond().positions), -1.0, f)
        for f in np.zeros((4, 8, 3))
    ]
    frames.write_frames(path, made)
    with pytest.raises(
        InputError, match=r"seeds\.0\.path: .*frame 0: composition Ge8, but Si-227 is Si"
    ):
        check(with_frames(plain, path))


def test_frames_with_forces_that_are_not_numbers(plain, tmp_path):
    path = tmp_path / "given.extxyz"
    made = labelled_frames(4)
    made[2].calc.results["forces"][3, 0] = np.nan
    frames.write_frames(path, made)
    with pytest.raises(InputError, match=r"given\.extxyz frame 2: forces .*not finite"):
        check(with_frames(plain, path))


def test_frames_in_a_cell_that_is_no_multiple(plain, tmp_path):
    path = tmp_path / "given.extxyz"
    forces = np.zeros((7, 3))
    forces[:2, 0] = 1.0, -1.0
    odd = frames.labelled(frames.strip(labelled_frames(1)[0])[:7], -1.0, forces)
    frames.write_frames(path, [odd] * 4)
    with pytest.raises(InputError, match="frame 0: 7 atoms are no multiple of the primitive cell"):
        check(with_frames(plain, path))
    large = frames.labelled(diamond(), -1.0, np.zeros((8, 3)))
    large.set_cell(1.15 * large.cell.array, scale_atoms=True)
    frames.write_frames(path, [large] * 4)
    with pytest.raises(
        InputError, match=r"\(6\.246, .*no multiple of the primitive cell of Si-227"
    ):
        check(with_frames(plain, path))


def test_more_frames_wanted_than_there_are(plain, tmp_path):
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labelled_frames(4))
    with pytest.raises(
        InputError, match=r"seeds\.0\.count: 9 frames wanted, .*given\.extxyz has 4"
    ):
        check(with_frames(plain, path, count=9))


def test_table_of_the_lookup_engine(plain, tmp_path):
    path = tmp_path / "table.extxyz"
    frames.write_frames(path, labelled_frames(12))
    plain["reference"] = {"engine": "lookup", "path": str(path)}
    plain["exploration"] = {"kind": "pool"}
    plain["materials"]["relax"] = False
    check(with_frames(plain, path, count=6))
    plain["reference"]["path"] = str(tmp_path / "gone.extxyz")
    with pytest.raises(InputError, match=r"reference\.path: .*gone\.extxyz does not exist"):
        check(plain)


def test_too_few_frames_to_split(plain):
    plain["seeds"] = [{"kind": "rattled", "count": 3}]
    with pytest.raises(InputError, match="seeds: 3 frames leave 1 for training"):
        check(plain)


def test_more_subsamples_than_frames(plain):
    plain["seeds"] = [{"kind": "rattled", "count": 6}]
    plain["committee"] = {"subsamples": 5}
    with pytest.raises(
        InputError, match=r"committee\.subsamples: 5 subsamples of 4 training frames; give fewer"
    ):
        check(plain)
    plain["committee"] = {"subsamples": 4}
    check(plain)


def test_frames_to_expect(plain, tmp_path):
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labelled_frames(4))
    plain["seeds"] = [
        {"kind": "aimd", "steps": 11, "every": 3},
        {"kind": "rattled", "count": 5},
        {"kind": "harmonic", "count": 7},
        {"kind": "frames", "path": str(path)},
        {"kind": "frames", "path": str(path), "count": 2},
    ]
    assert checks.expected_frames(config.validate(plain)) == 3 + 5 + 7 + 4 + 2


def test_cells_of_a_params_file(plain, tmp_path):
    write_params(tmp_path / "params.yaml")
    plain["materials"] |= {
        "cells": str(tmp_path / "params.yaml"),
        "sampling_supercell": None,
        "phonon_supercell": None,
    }
    check(plain)
    plain["materials"]["select"] = ["Ge-227"]
    with pytest.raises(InputError, match=r"params\.yaml holds Si-227, select says Ge-227"):
        check(plain)
    plain["materials"]["cells"] = str(tmp_path / "gone.yaml")
    with pytest.raises(InputError, match=r"gone\.yaml: there is no such file"):
        check(plain)


def test_cells_of_a_trajectory(plain, tmp_path):
    frames.write_frames(tmp_path / "md.extxyz", labelled_frames(6))
    plain["materials"] |= {
        "cells": str(tmp_path / "md.extxyz"),
        "sampling_supercell": None,
        "phonon_supercell": None,
    }
    check(plain)
    plain["materials"]["select"] = ["Ge-227"]
    with pytest.raises(InputError, match=r"md\.extxyz: holds Si8, the table says Ge2"):
        check(plain)


def test_reference_dynamics_are_read_before_the_first_job(plain, tmp_path):
    plain["verdict"] = {"reference": [str(tmp_path / "{material}.extxyz")]}
    with pytest.raises(InputError, match=r"verdict\.reference: .*Si-227\.extxyz does not exist"):
        check(plain)
    found = labelled_frames(3)
    frames.write_frames(tmp_path / "Si-227.extxyz", found)
    with pytest.raises(InputError, match=r"verdict\.reference: .* frame 0: no time"):
        check(plain)
    for number, frame in enumerate(found):
        frame.info["time"] = 2.0 * number
    frames.write_frames(tmp_path / "Si-227.extxyz", found)
    check(plain)
    moved = [frame.copy() for frame in found]
    for frame, old in zip(moved, found, strict=True):
        frame.positions[:4] += 1.3
        frame.calc = old.calc
    frames.write_frames(tmp_path / "Si-227.extxyz", moved)
    with pytest.raises(InputError, match=r"verdict\.reference: .* the atoms lie 0\.\d\d Å"):
        check(plain)


def test_seeds_of_another_structure(plain, tmp_path):
    cubic = diamond()
    cubic.set_scaled_positions(np.stack(np.meshgrid(*[[0.0, 0.5]] * 3), -1).reshape(-1, 3))
    frame = frames.labelled(cubic, -1.0, np.zeros((8, 3)))
    frames.write_frames(tmp_path / "given.extxyz", [frame] * 8)
    with pytest.raises(InputError, match=r"seeds\.0\.path: .*given\.extxyz frame 0: the atoms lie"):
        check(with_frames(plain, tmp_path / "given.extxyz"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calculator": "ase.calculators.lj:LenardJones"}, "did you mean 'LennardJones'"),
        ({"calculator": "ase.calculators.lj:LennardJones", "parameters": {"sigmaa": 2}}, "sigmaa"),
    ],
)
def test_a_misspelled_calculator(plain, changes, message):
    plain["reference"] = {"engine": "ase", **changes}
    with pytest.raises(InputError, match=message):
        check(plain)


def test_force_constants_that_cannot_be_read(plain, tmp_path):
    (tmp_path / "fc.yaml").write_text("nothing: here\n")
    plain["phonons"] = {"force_constants": str(tmp_path / "fc.yaml")}
    with pytest.raises(InputError, match=r"fc\.yaml: cannot be read as phono3py params"):
        check(plain)


def test_force_constants_of_fine_tuning_that_are_not_there(plain, tmp_path):
    plain["finetune"] = {"kind": "curvature", "labels": str(tmp_path / "{material}.yaml")}
    with pytest.raises(InputError, match=r"finetune\.labels: .*Si-227\.yaml does not exist"):
        check(plain)
    (tmp_path / "Si-227.yaml").write_text("")
    check(plain)


@pytest.mark.parametrize("select", [["Si-227", "KCl-225"], "all"])
def test_left_out_materials_must_be_selected(plain: dict, table, select) -> None:
    """A selection is a list of keys, or a word: its letters are no materials."""
    plain["materials"]["select"] = select
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    keys = selected(table, select, Path("materials.csv"))

    def check(left_out: list[str]) -> None:
        checks.check_campaign(config.validate({**plain, "shared": {"leave_out": left_out}}), keys)

    check(["KCl-225"])
    with pytest.raises(
        InputError, match=r"KCl-226, which materials\.select does not have; did you mean"
    ):
        check(["KCl-226"])
    with pytest.raises(InputError, match="every material"):
        check(keys)


@pytest.mark.parametrize("key", ["walltime", "memory"])
def test_factors_are_for_rules_that_exist(plain: dict, key: str) -> None:
    def check(rule: str) -> None:
        checks.check_campaign(config.validate({**plain, "resources": {key: {rule: 2}}}), ["Si-227"])

    for rule in ("default", "conductivity_member", "flux_engine", "acquire", "finetune"):
        check(rule)
    with pytest.raises(InputError, match=rf"resources\.{key}\.trian: .*did you mean train"):
        check("trian")


def test_every_material_without_born_charges_is_named_at_once(plain, root):
    """A table that the user names is for all polar materials; the sentence has what it lacks."""
    plain["materials"]["select"] = ["NaCl-225", "KCl-225", "Si-227", "MgO-225"]
    plain["phonons"] = {"born": str(root / "config/structures/born.yaml")}
    with pytest.raises(InputError) as caught:
        check(plain)
    assert "has no entry for KCl-225, MgO-225" in str(caught.value)


def test_polar_materials_without_born_charges_are_said_before_the_first_job(plain, caplog):
    plain["materials"]["select"] = ["NaCl-225", "KCl-225", "Si-227", "MgO-225"]
    check(plain)
    assert "phonons.born: auto: no Born charges for KCl-225, MgO-225: κ lacks" in caplog.text
    caplog.clear()
    plain["phonons"] = {"born": "none"}
    check(plain)
    assert "phonons.born: none: no Born charges for NaCl-225, KCl-225, MgO-225" in caplog.text


def test_born_charges_and_an_engine_are_wrong_together(plain, tmp_path):
    plain["materials"]["select"] = ["NaCl-225"]
    plain["phonons"] = {"born": str(tmp_path / "{material}" / "BORN")}
    plain["reference"] = {"engine": "ase", "calculator": "silicon:NoSuchCalculator"}
    with pytest.raises(InputError, match=r"(?s)NaCl-225/BORN does not exist.*NoSuchCalculator"):
        check(plain)


def test_modes_to_compare_with_are_looked_for(plain, tmp_path):
    plain["conductivity"] = {"reference": str(tmp_path / "{material}.hdf5")}
    with pytest.raises(InputError, match=r"conductivity\.reference: .*Si-227\.hdf5 does not exist"):
        check(plain)


def test_what_is_wrong_with_foundation_models_is_named_together(plain, tmp_path):
    """An element that the weights lack, and a calculator whose forces do not sum to zero."""
    weights = tmp_path / "salt.nqx"
    names = ("cutoff", "hidden_irreps", "lmax", "n_layers", "radial_basis_size")
    header = {"atomic_numbers": [11, 17], **dict.fromkeys(names, 1)}
    with weights.open("wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        np.save(file, np.zeros(3))
    plain["foundation"] = {"model": {"package": "nequix", "path": str(weights)}}
    plain["foundation"]["model"]["environment"] = sys.prefix
    spring = "ase.calculators.harmonic:SpringCalculator"
    parameters = {"ideal_positions": [[0, 0, 0], [1.3, 1.3, 1.3]], "k": 10.0}
    model = {"package": "ase", "calculator": spring, "parameters": parameters}
    plain["reference"] = {"engine": "foundation", "model": model}
    with pytest.raises(InputError) as caught:
        check(plain)
    text = str(caught.value)
    assert "foundation.model: salt does not know Si (it knows 2 elements)" in text
    assert "reference.model: cannot evaluate Si-227: " in text
    assert "changes when the crystal is shifted" in text


def test_a_stop_rule_needs_an_engine_that_labels_new_frames(plain):
    model = {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}
    campaign = config.validate({**plain, "foundation": {"model": model, "stop": {}}})
    assert checks.foundation_problems(campaign, {}, {}) == []
    lookup = config.parse(config.Reference, {"engine": "lookup", "path": "labels.extxyz"})
    problem, *others = checks.foundation_problems(
        campaign.model_copy(update={"reference": lookup}), {}, {}
    )
    assert "leave out foundation.stop" in problem
    assert not others
