"""The configuration: what is valid, and what is said about what is not."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from umklapp import config
from umklapp.crystals.materials import read_table
from umklapp.errors import InputError

CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


def change(plain, key, value):
    """Set one dotted key."""
    *sections, last = key.split(".")
    for section in sections:
        plain = plain[int(section)] if section.isdigit() else plain.setdefault(section, {})
    plain[last] = value


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml"])
def test_shipped_configurations_are_valid(root, name):
    campaign = config.load(root / "config" / name)
    assert campaign.materials.select
    assert campaign.committee.size >= 2


def test_the_campaign_of_prototypes_has_one_crystal_of_each(root):
    chosen = config.load(root / "config/prototypes.yaml").materials
    table = read_table(root / chosen.table)
    prototypes = table.loc[chosen.select, "prototype"]
    assert prototypes.is_unique
    assert set(prototypes) == set(table["prototype"])


@pytest.mark.parametrize("target", config.GENERATED, ids=str)
def test_generated_files_are_in_step(root, target):
    assert (root / target).read_text() == config.GENERATED[target](), "run `make docs`"


def test_generated_files_are_the_same_from_the_command_line(root, tmp_path):
    """`make docs` runs the module as a program, where its classes have other names."""
    for target in config.GENERATED:
        (tmp_path / target).parent.mkdir()
    subprocess.run([sys.executable, "-m", "umklapp", "config"], cwd=tmp_path, check=True)
    for target, make in config.GENERATED.items():
        assert (tmp_path / target).read_text() == make()


def test_schema_knows_every_section_and_refuses_unknown_keys():
    schema = json.loads(config.schema())
    assert schema["additionalProperties"] is False
    for name in ("Materials", "Gpaw", "AimdSeed", "Training", "Rounds"):
        assert schema["$defs"][name]["additionalProperties"] is False


def test_docs_have_a_line_for_every_key():
    text = config.docs_table()
    for key in ("sampling_supercell", "kpoint_density", "pair_cutoff", "label_timeout", "epochs"):
        assert f"| `{key}` |" in text
    assert "## potential.training" in text
    assert "## seeds (aimd)" in text
    assert "| **needed** |" in text
    assert "umklapp.config" not in text
    assert "PydanticUndefined" not in text


def test_every_key_has_a_meaning_and_one_row():
    text = config.docs_table()
    rows = [re.split(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 200
    assert not [row for row in rows if len(row) != 7], "a | in a cell ends it"
    assert not [row[1] for row in rows if not row[5].strip()]
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert len(set(headings)) == len(headings)
    assert "\n    " not in text  # markdown would take an indented sentence for code
    assert text.count("| `quiet_frames` |") == 1


def test_smallest_campaign(plain):
    campaign = config.validate(plain)
    assert campaign.reference.engine == "ase"
    assert campaign.committee.size == 4
    assert campaign.materials.sampling_supercell == CUBE


def test_plain_mapping_gives_the_same_campaign(plain):
    """What rules hand to jobs."""
    campaign = config.validate(plain)
    again = config.validate(campaign.model_dump(mode="json"))
    assert again == campaign
    section = campaign.reference.model_dump(mode="json")
    assert config.parse(config.Reference, section) == campaign.reference
    assert config.parse(config.Seed, campaign.seeds[0].model_dump(mode="json")) == campaign.seeds[0]


def test_campaign_cannot_change_underway(plain):
    campaign = config.validate(plain)
    with pytest.raises(ValidationError):
        campaign.potential.cutoff = 5.0


BAD = [
    ("potential.cutof", 5.0, ["potential.cutof", "unknown key", "5.0", "mean cutoff?"]),
    (
        "potential.training.epoch",
        5,
        ["epoch: unknown key", "mean epochs?", "docs/configuration.md"],
    ),
    ("seeds.0.cuont", 2, ["seeds.0.rattled.cuont", "mean count?"]),
    ("refernce", {}, ["refernce: unknown key", "mean reference"]),
    ("sampling", {}, ["sampling: unknown key (value {}); see docs"]),
    ("reference.ecut", 300, ["reference.ase.ecut", "unknown key"]),
    ("reference.engine", "siesta", ["reference", "'siesta'", "gpaw", "lookup"]),
    ("seeds.0.kind", "random", ["seeds.0", "'random'", "rattled"]),
    ("seeds", [], ["seeds: ", "at least 1 item"]),
    ("seeds.0.count", 0, ["seeds.0.rattled.count", "greater than or equal to 1", "0"]),
    ("conductivity.temperatures", [300, -10], ["conductivity.temperatures.1", "greater than 0"]),
    ("conductivity.temperatures", [200.0], ["conductivity", "must contain 300"]),
    ("exploration", {"kind": "md", "temperatures": [0]}, ["exploration.md.temperatures.0", "0"]),
    ("exploration", {"kind": "md", "timestep": float("nan")}, ["exploration.timestep", "finite"]),
    ("potential.cutoff", 20, ["potential.cutoff", "less than or equal to 12", "20"]),
    ("potential.cutoff", -1.0, ["potential.cutoff", "greater than 0"]),
    ("potential.cutoff", float("inf"), ["potential.cutoff", "finite"]),
    ("potential.features", [8, 8], ["potential", "2 entries", "l_max 2 needs 3"]),
    ("potential.baseline", "taylor", ["potential", "stress_weight to 0"]),
    ("materials.select", [], ["materials.select", "at least 1 item"]),
    ("materials.select", ["Si-227", "Si-227"], ["materials", "names a material twice"]),
    ("materials.sampling_supercell", None, ["materials", "are needed (or cells)"]),
    ("materials.sampling_supercell", [[1, 0], [0, 1]], ["materials.sampling_supercell.0"]),
    ("materials.phonon_supercell", [[0.5, 0, 0], [0, 1, 0], [0, 0, 1]], ["phonon_supercell.0.0"]),
    ("materials.select", "", ["materials.select", "at least 1 character"]),
    ("materials.symmetry", "lose", ["materials.symmetry", "'keep' or 'report'", "lose"]),
    ("materials.sampling_supercell", "publish", ["materials.sampling_supercell: ", "'published'"]),
    ("materials.sampling_supercell", {"atoms": 0}, ["sampling_supercell.atoms: ", "or equal to 1"]),
    ("materials.sampling_supercell", {"Si-227": 3}, ["sampling_supercell.Si-227: ", "valid list"]),
    ("materials.phonon_supercell", {"Si-227": {"atom": 3}}, ["phonon_supercell.Si-227"]),
    ("seeds.0.supercell", "sampling", ["seeds.0.rattled.supercell", "'phonon'"]),
    ("materials.cells", "params.yaml", ["materials", "no supercell matrices"]),
    ("split", {"calibration": 0.5, "test": 0.45}, ["split", "less than 10 %"]),
    ("split.test", 1.5, ["split.test", "less than 1", "1.5"]),
    ("rounds.max", 0, ["rounds.max", "greater than or equal to 1"]),
    ("committee.fraction", 0, ["committee.fraction", "greater than 0"]),
    ("phonons.imaginary", 0.3, ["phonons.imaginary", "less than or equal to 0", "0.3"]),
    ("name", "my campaign", ["name", "'my campaign'"]),
    ("results", "out; rm -rf", ["results", "pattern"]),
    ("results", "-rf", ["results", "pattern"]),
    ("results", "/", ["results: '/' is no folder of this campaign alone"]),
    ("results", "//", ["results: '//' is no folder"]),
    ("results", ".", ["results: '.' is no folder"]),
    ("results", "././", ["results: '././' is no folder"]),
    ("results", "..", ["results: '..' is no folder"]),
    ("results", "results/../..", ["results: 'results/../..' is no folder"]),
    ("results", "/tmp/..", ["results: '/tmp/..' is no folder"]),
    ("results", "~", ["results", "pattern"]),
    ("acquisition", {"spacing": float("nan")}, ["acquisition.spacing: a finite number"]),
    (
        "potential.training",
        {"force_weight": float("inf")},
        ["potential.training.force_weight: a f"],
    ),
    ("reference.parameters", {"a": {"b": [float("inf")]}}, ["reference.parameters.a.b.0: a fin"]),
    ("seed", -1, ["seed", "greater than or equal to 0"]),
    ("exploration", {"kind": "pool"}, ["'lookup'", "'pool'", "belong together"]),
]


@pytest.mark.parametrize(("key", "value", "words"), BAD, ids=[f"{k}={v}" for k, v, _ in BAD])
def test_bad_value_is_named_with_its_key(plain, key, value, words):
    change(plain, key, value)
    with pytest.raises(InputError) as caught:
        config.validate(plain, source="my.yaml")
    text = str(caught.value)
    assert text.startswith("my.yaml cannot be used:\n")
    assert [word for word in words if word not in text] == []


def test_lookup_needs_a_pool(plain):
    plain["reference"] = {"engine": "lookup", "path": "table.extxyz"}
    plain["materials"]["relax"] = False
    plain["seeds"] = [{"kind": "frames", "path": "table.extxyz"}]
    with pytest.raises(InputError, match="belong together"):
        config.validate(plain)
    plain["exploration"] = {"kind": "pool"}
    assert config.validate(plain).reference.engine == "lookup"


def test_lookup_needs_frames(plain):
    plain["reference"] = {"engine": "lookup", "path": "table.extxyz"}
    plain["materials"]["relax"] = False
    plain["exploration"] = {"kind": "pool"}
    with pytest.raises(InputError, match="every seed must be of kind 'frames'"):
        config.validate(plain)


def test_cells_stand_for_matrices(plain):
    plain["materials"] |= {
        "cells": "params.yaml",
        "sampling_supercell": None,
        "phonon_supercell": None,
    }
    assert config.validate(plain).materials.cells == Path("params.yaml")
    plain["materials"]["select"] = ["Si-227", "NaCl-225"]
    with pytest.raises(InputError, match="one material in select"):
        config.validate(plain)


SIZES = {
    "default": "published",
    "Ge-227": {"atoms": 64},
    "C-227": [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
}


def test_supercells_in_all_their_forms(plain):
    plain["materials"] |= {"sampling_supercell": SIZES, "phonon_supercell": {"atoms": 200}}
    campaign = config.validate(plain)
    chosen = campaign.materials
    assert chosen.supercell("sampling", "Si-227") == "published"
    assert chosen.supercell("sampling", "Ge-227") == config.NearlyCubic(atoms=64)
    assert chosen.supercell("sampling", "C-227") == SIZES["C-227"]
    assert chosen.supercell("phonon", "C-227") == config.NearlyCubic(atoms=200)
    assert config.validate(campaign.model_dump(mode="json")) == campaign


def test_a_material_sees_its_own_settings_only(plain):
    """A rule's parameters: what is said for others, or of other materials, changes nothing."""
    plain["materials"]["sampling_supercell"] = SIZES
    before = config.validate(plain).materials.of("Ge-227")
    plain["materials"]["select"] = "all"
    plain["materials"]["sampling_supercell"] = SIZES | {"C-227": "published", "default": CUBE}
    after = config.validate(plain).materials.of("Ge-227")
    assert after == before
    dumped = after.model_dump(mode="json")
    assert config.parse(config.Materials, dumped) == after
    plain["materials"]["sampling_supercell"]["Ge-227"] = {"atoms": 65}
    assert config.validate(plain).materials.of("Ge-227") != before


def test_rattled_frames_of_the_phonon_supercell(plain):
    """The word stands for whatever the phonon supercell of each material is."""
    plain["phonons"] = {"correction": "taylor"}
    plain["materials"]["phonon_supercell"] = "published"
    with pytest.raises(
        InputError, match=r"phonons\.correction 'taylor' needs labels in the phonon"
    ):
        config.validate(plain)
    plain["seeds"][0]["supercell"] = "phonon"
    assert config.validate(plain).seeds[0].supercell == "phonon"
    del plain["seeds"][0]["supercell"]
    plain["seeds"].append({"kind": "harmonic", "count": 4, "supercell": "phonon"})
    assert config.validate(plain).seeds[-1].supercell == "phonon"


@pytest.mark.parametrize(
    ("phonons", "dynamics", "corrected"),
    [("taylor", "auto", True), ("none", "auto", False), ("taylor", "none", False),
     ("none", "taylor", True)],
)  # fmt: skip
def test_the_dynamics_follow_the_phonons_unless_told_otherwise(plain, phonons, dynamics, corrected):
    plain["phonons"] = {"correction": phonons}
    plain["seeds"] = [{"kind": "rattled", "count": 12, "supercell": "phonon"}]
    assert not config.validate(plain).corrected_dynamics
    plain["green_kubo"] = {"correction": dynamics}
    assert config.validate(plain).corrected_dynamics == corrected
    if corrected:
        plain["seeds"] = [{"kind": "aimd", "steps": 100}]
        plain["materials"]["phonon_supercell"] = "published"
        with pytest.raises(InputError, match="correction 'taylor' needs labels in the phonon"):
            config.validate(plain)


def test_all_problems_are_told_at_once(plain):
    change(plain, "potential.cutoff", 20)
    change(plain, "rounds.max", 0)
    del plain["name"]
    with pytest.raises(InputError) as caught:
        config.validate(plain)
    assert len(str(caught.value).splitlines()) == 4
    assert "name: this key is needed and has no default" in str(caught.value)


def test_load_names_the_file(plain, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    assert config.load(path) == config.validate(plain)
    plain["potential"] = {"cutoff": 20}
    path.write_text(yaml.safe_dump(plain))
    with pytest.raises(InputError, match=r"campaign\.yaml cannot be used"):
        config.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1, 2", r"cannot be read as yaml: [^\n]* in line 1, column \d+$"),
        (b"\xff\xfe\x00a", "cannot be read as yaml"),
        (b"- a\n- b\n", "a mapping of sections is expected, found list"),
        (b"", "a mapping of sections is expected, found NoneType"),
    ],
)
def test_load_of_no_campaign(tmp_path, content, words):
    path = tmp_path / "campaign.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        config.load(path)
    assert str(path) in str(caught.value)


def test_load_of_no_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.yaml: there is no such file"):
        config.load(tmp_path / "gone.yaml")


@given(st.floats(0.01, 0.95), st.floats(0.01, 0.95))
def test_split_leaves_a_tenth_for_training(calibration, test):
    try:
        made = config.Split(calibration=calibration, test=test)
    except ValidationError:
        assert calibration + test >= 0.9
    else:
        assert made.calibration + made.test < 0.9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finetune.weights": {"energy": 1.0}}, "set finetune.equilibrium to 'label'"),
        ({"finetune.compile": True}, "set finetune.columns to 2"),
        ({"finetune.compile": True, "finetune.columns": 2, "finetune.batch_size": 1}, "batch_size"),
        ({"finetune.labels": "x.yaml", "finetune.equilibrium": "label"}, "come without energy"),
        ({"finetune.steps": 0}, "finetune.steps"),
        ({"finetune.kind": "velocity"}, "finetune.kind"),
        ({"finetune.weights": {"curvature": 0.0}}, "finetune.weights.curvature"),
    ],
)
def test_fine_tuning_that_cannot_be(plain, changes, words):
    plain["finetune"] = {"kind": "curvature"}
    assert config.validate(plain).finetune.cotraining == 4
    for key, value in changes.items():
        change(plain, key, value)
    with pytest.raises(InputError, match=words):
        config.validate(plain)


def test_fine_tuning_needs_something_to_learn_from(plain, tmp_path):
    plain["finetune"] = {"kind": "curvature"}
    plain["potential"] = {"baseline": "taylor", "training": {"stress_weight": 0}}
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    plain["seeds"] = [{"kind": "harmonic", "count": 3}]
    with pytest.raises(InputError, match=r"finetune: a Taylor baseline"):
        config.validate(plain)
    plain["potential"] = {}
    plain["reference"] = {"engine": "lookup", "path": "x.extxyz"}
    plain["exploration"] = {"kind": "pool"}
    plain["materials"]["relax"] = False
    plain["seeds"] = [{"kind": "frames", "path": "x.extxyz"}]
    with pytest.raises(InputError, match=r"finetune.labels 'reference': a table"):
        config.validate(plain)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: a\nseed: 1\nseed: 2\n", r"keys \['seed'\] appear more than once"),
        (b"name: a\nrounds: {max: 1, max: 2}\n", r"keys \['max'\] appear more than once"),
        ("name: Müller\n".encode("latin-1"), r"not UTF-8 text \(byte 7\)"),
        ("name: a\n".encode("utf-16"), r"not UTF-8 text \(byte 0\)"),
        (b"name: 'a\n", "cannot be read as yaml"),
        (b"\x00\x01", "cannot be read as yaml"),
        (b"? [a]\n: 1\n", "cannot be read as yaml"),
        (b"name: !!python/object/apply:os.getcwd []\n", "cannot be read as yaml"),
    ],
)
def test_files_that_say_two_things_or_nothing(tmp_path, content, words):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        config.load(path)
    assert str(caught.value).startswith(str(path))


def test_results_are_said_in_one_way(plain):
    plain["results"] = "./results//si/"
    assert config.validate(plain).results == "results/si"


@pytest.mark.parametrize("value", ["&a [*a]", "[" * 40 + "]" * 40, "BOMB"])
def test_aliases_of_aliases_and_endless_depth_are_refused(tmp_path, value):
    """Such files have ended in a segmentation fault, or in a message of 14 MB."""
    bomb = "b0: &b0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"b{n + 1}: &b{n + 1} [{', '.join([f'*b{n}'] * 10)}]\n" for n in range(6)
    )
    path = tmp_path / "c.yaml"
    path.write_text(bomb if value == "BOMB" else f"name: {value}\n")
    with pytest.raises(InputError, match="levels or") as caught:
        config.load(path)
    assert len(str(caught.value)) < 300


def test_yes_is_no_number(plain):
    plain["rounds"] = {"max": True}
    with pytest.raises(InputError, match="max: a number is needed, not yes or no"):
        config.validate(plain)
