from __future__ import annotations

import json
from pathlib import Path

import pytest

from umklapp import config
from umklapp.campaign import sizes
from umklapp.crystals.materials import read_table


def test_expected_sizes_come_from_matrix_number_and_table(plain: dict, root: Path) -> None:
    table = read_table(root / "config/materials.csv")
    plain["materials"]["phonon_supercell"] = {
        "default": "published",
        "NaCl-225": {"atoms": 100},
    }
    settings = config.validate(plain).materials
    assert sizes.expected(table.loc["Si-227"], settings) == {
        "primitive": 2,
        "sampling": 8,  # |det| = 4
        "phonon": 216,
    }
    assert sizes.expected(table.loc["NaCl-225"], settings)["phonon"] == 100
    assert sizes.expected(table.loc["BaSi2-62"], settings)["phonon"] == sizes.REFERENCE


def test_built_sizes_win_once_they_exist(tmp_path: Path) -> None:
    path = tmp_path / "structure.json"
    assert sizes.built(path) is None
    path.write_text("{")
    assert sizes.built(path) is None
    path.write_text(json.dumps({"atoms": {"primitive": 2, "sampling": 64}}))
    assert sizes.built(path) == {"primitive": 2, "sampling": 64}


def test_labels_ask_for_the_cell_of_the_largest_seed() -> None:
    small = config.HarmonicSeed(count=2)
    assert sizes.labelled([small, config.AimdSeed(steps=4)]) == "sampling"
    assert sizes.labelled([small, config.HarmonicSeed(count=2, supercell="phonon")]) == "phonon"
    own = config.RattledSeed(count=1, supercell=[[3, 0, 0], [0, 3, 0], [0, 0, 3]])
    assert sizes.labelled([own]) == "phonon"


def test_requests_grow_with_attempt_atoms_and_factor_up_to_the_limit() -> None:
    assert sizes.growth(8, 2) == 1
    assert sizes.growth(256, 1.5) == pytest.approx(8)
    assert sizes.request(3000, 2, 8, None) == 48000
    assert sizes.request(3000, 2, 8, 40000) == 40000
    assert sizes.factor({"label": 2.0, "default": 0.5}, "label") == 2
    assert sizes.factor({"label": 2.0, "default": 0.5}, "train") == 0.5
    assert sizes.factor({}, "train") == 1
