"""Results and checkpoints of umklapp 0.1, from before its rooms, are read by what is here today."""

import json

import numpy as np
import pandas as pd
import pytest
from backends import needs
from conftest import diamond
from stored_results import RESULTS, SILICON

from umklapp import config, reference
from umklapp.crystals.curvature import CurvatureRecord
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.crystals.frames import read_frames
from umklapp.crystals.structure_record import StructureRecord
from umklapp.errors import InputError
from umklapp.lattice import harmonic_reference
from umklapp.lattice.elastic.record import ElasticRecord, ElasticReference
from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling.acquisition import AcquisitionRecord
from umklapp.learning.seeds.distillation import KeptRecord
from umklapp.learning.seeds.low_fidelity import PoolRecord
from umklapp.potentials.loading import load
from umklapp.potentials.training_records import (
    CompiledGraph,
    Finetuning,
    Pretraining,
    SharedTraining,
    Training,
)
from umklapp.reference.contract import Failures
from umklapp.report import archive, status, summary
from umklapp.report.comparison import Comparison
from umklapp.report.figures import elastic, kappa, learning_curve, uncertainty
from umklapp.report.history import History
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity, MemberConductivity

RECORDS = {
    "Si-227/structure/structure.json": StructureRecord,
    "Si-227/curvature/labels.json": CurvatureRecord,
    "Si-227/low_fidelity/member_?.json": Pretraining,
    "Si-227/low_fidelity/pool_?.json": PoolRecord,
    "Si-227/low_fidelity/kept_?.json": KeptRecord,
    "Si-227/seeds/labels/*.failed.json": Failures,
    "Si-227/round_*/labels/*.failed.json": Failures,
    "Si-227/round_*/member_?/training.json": Training,
    "Si-227/round_*/member_?/finetune.json": Finetuning,
    "Si-227/round_*/committee.json": CommitteeRecord,
    "Si-227/round_*/acquisition.json": AcquisitionRecord,
    "Si-227/history.json": History,
    "Si-227/round_*/conductivity/member_?.json": MemberConductivity,
    "Si-227/conductivity/member_?.json": MemberConductivity,
    "Si-227/conductivity.json": Conductivity,
    "Si-227/effective.json": EffectiveConductivity,
    "Si-227/phonons/thermodynamics.json": ThermodynamicsRecord,
    "Si-227/elastic/reference.json": ElasticReference,
    "Si-227/elastic.json": ElasticRecord,
    "Si-227/green_kubo.json": GreenKuboRecord,
    "Si-227/comparison.json": Comparison,
    "engines/*/engine.json": CompiledGraph,
    "shared/member_?.json": SharedTraining,
}


UPGRADED = {"Si-227/conductivity.json": "std_W_per_mK"}
"""Fields whose meaning has changed since."""


def same(ours, theirs):
    """Whether everything of the old file is in the record, under its name."""
    if isinstance(theirs, dict):
        return all(same(ours[name], value) for name, value in theirs.items())
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


@pytest.mark.parametrize("pattern", RECORDS)
def test_a_record_of_then_says_the_same_today(pattern):
    paths = sorted(RESULTS.glob(pattern))
    assert paths
    for path in paths:
        record = RECORDS[pattern].read(path)
        assert record.schema_version == RECORDS[pattern].VERSION
        then = json.loads(path.read_text())
        then.pop(UPGRADED.get(pattern, ""), None)
        assert same(record.model_dump(mode="json"), then)


def test_the_spread_of_kappa_of_then_is_that_of_a_sample():
    """It was the population's, of two members."""
    then = json.loads((SILICON / "conductivity.json").read_text())
    record = Conductivity.read(SILICON / "conductivity.json")
    assert len(record.members_W_per_mK) == 2
    spread = np.std(record.members_W_per_mK, axis=0, ddof=1)
    np.testing.assert_allclose(record.std_W_per_mK, spread, rtol=1e-9)
    np.testing.assert_allclose(record.std_W_per_mK, np.sqrt(2) * np.array(then["std_W_per_mK"]))


@pytest.mark.parametrize("pattern", RECORDS)
def test_another_record_is_refused_in_a_sentence(pattern, tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"colour": "red"}')
    with pytest.raises(
        InputError, match=r"record\.json: not a \w+ record.*delete it and run again"
    ):
        RECORDS[pattern].read(path)


def test_frames_of_then_have_their_origins():
    infos = [FrameInfo.of(frame) for frame in read_frames(SILICON / "seeds/train.extxyz")]
    origins = {info.origin for info in infos}
    assert {origin.kind for origin in origins} == {
        *("aimd", "harmonic", "displaced", "rattled", "low_fidelity"),
    }
    assert Origin(kind="displaced", seed=1) in origins
    assert all(info.frame_id and info.engine == "ase" for info in infos)
    picked = read_frames(SILICON / "round_01/labels/0.extxyz")
    assert {FrameInfo.of(frame).origin for frame in picked} == {Origin(kind="round", index=1)}
    assert all(FrameInfo.of(frame).explored is not None for frame in picked)


def test_force_constants_of_then():
    reference = harmonic_reference.read(SILICON / "structure/harmonic.h5")
    assert "finite displacements of the reference engine" in reference.source


def predictions(name):
    stored = np.load(RESULTS / f"{name}_predictions.npz")
    forces = [stored[f"forces_{number}"] for number in range(len(stored["energy"]))]
    return stored["energy"], forces, stored["stress"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("nequip", SILICON / "round_01/member_0/model.ckpt"),
        pytest.param("allegro", RESULTS / "allegro/model.ckpt", marks=needs("allegro")),
    ],
)
def test_checkpoints_of_then_predict_the_same(name, path):
    energy, forces, stress = predictions(name)
    found = load(path).evaluate(read_frames(SILICON / "seeds/test.extxyz")[: len(energy)])
    np.testing.assert_allclose(found.energy, energy, rtol=1e-5)
    np.testing.assert_allclose(found.stress, stress, atol=1e-5)
    for ours, theirs in zip(found.forces, forces, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("umklapp.testbed:DoubleWellCrystal", {}),
        (
            "umklapp.potentials.empirical:manybody",
            {"form": "kumagai", "parameters": "Kumagai_Comp_Mat_Sci_39_Si"},
        ),
    ],
)
def test_names_that_users_write_in_configurations(name, parameters, tmp_path):
    settings = config.AseCalculator(engine="ase", calculator=name, parameters=parameters)
    assert reference.create(settings).calculator(diamond(), tmp_path) is not None


def test_what_a_user_asks_of_results_of_then():
    """Status, the table of the summary as text, and the list of files behind the figures."""
    row = status.of_material(SILICON, [], 2)
    mean_and_std = Conductivity.read(SILICON / "conductivity.json").at_room_temperature
    assert (row["stage"], row["round"], row["failed_labels"]) == ("finished", 1, 0)
    assert (row["kappa_300K_W_per_mK"], row["kappa_300K_std_W_per_mK"]) == mean_and_std
    error = CommitteeRecord.read(SILICON / "round_01/committee.json").test.force_mae_eV_per_A
    assert row["test_force_mae_eV_per_A"] == error
    row = summary.MaterialSummary.read(SILICON / "summary.json")
    assert (row.material, row.audit) == ("Si-227", "not audited")
    assert "46.5 ± 3.4" in summary.render(pd.read_csv(RESULTS / "summary.csv"))
    names = {str(path.relative_to(RESULTS)) for path in archive.files(RESULTS, ["Si-227"])}
    assert {"summary.csv", "Si-227/history.json", "Si-227/green_kubo.json"} <= names


def test_figures_are_drawn_of_records_of_then(tmp_path):
    rounds = History.read(SILICON / "history.json").rounds
    table = learning_curve.table(rounds)
    assert table["training_labels"].tolist() == [19, 22]
    learning_curve.draw(table, "Si-227", [tmp_path / "learning_curve.png"])
    errors = uncertainty.accepted(pd.read_csv(SILICON / "test_errors.csv"), 0.09)
    uncertainty.draw(errors, rounds, 0.09, "Si-227", [tmp_path / "uncertainty.png"])
    conductivity = Conductivity.read(SILICON / "conductivity.json")
    kappa.draw(conductivity, None, "Si-227", [tmp_path / "kappa.png"])
    elastic.draw(ElasticRecord.read(SILICON / "elastic.json"), "Si-227", [tmp_path / "c.png"])
    assert len(list(tmp_path.glob("*.png"))) == 4
