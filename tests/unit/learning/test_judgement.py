import numpy as np
import pytest
from models import bare, rattled_silicon, silicon_cubic, springs, sw_potential

from umklapp.crystals import frame_info
from umklapp.crystals.curvature import CurvatureNumbers
from umklapp.crystals.frames import labelled
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import judgement
from umklapp.learning.sampling import uncertainty
from umklapp.learning.sampling.candidates import SpreadNumbers
from umklapp.potentials.committee import Committee
from umklapp.potentials.training_records import Finetuning, Training


def shift(frame):
    return frame.positions - silicon_cubic().positions


def spring_labels(count, k, seed=0):
    """Frames of independent springs of constant k: every number below can be written down."""
    found = []
    for number, frame in enumerate(rattled_silicon(count, seed, strain=0)):
        x = shift(frame)
        made = labelled(bare(frame), 0.5 * k * (x**2).sum(), -k * x, origin=f"part {number % 2}")
        found.append(made)
    return found


@pytest.fixture
def committee():
    perfect = silicon_cubic()  # mean of the constants: 5
    return Committee([springs(perfect, 4.0, 80.0), springs(perfect, 6.0, -40.0)])


def test_every_member_has_its_own_zero(committee):
    np.testing.assert_allclose(
        judgement.reference_energies(committee, silicon_cubic()), [10.0, -5.0]
    )


def test_errors_in_numbers(committee):
    frames = spring_labels(3, k=5.5)
    found = judgement.errors(committee.evaluate_members(frames), frames)
    x = np.concatenate([shift(frame) for frame in frames]).ravel()
    assert found.force_mae_eV_per_A == pytest.approx(0.5 * np.abs(x).mean())
    assert found.force_rmse_eV_per_A == pytest.approx(0.5 * np.sqrt((x**2).mean()))
    assert found.force_rms_reference_eV_per_A == pytest.approx(5.5 * np.sqrt((x**2).mean()))
    # the mean of the members' zeros is 20 eV for 8 atoms, the mean spring is too soft by 0.5
    per_frame = [(20 - 0.25 * (shift(frame) ** 2).sum()) / 8 for frame in frames]
    assert found.energy_mae_eV_per_atom == pytest.approx(np.mean(per_frame))
    assert found.stress_mae_eV_per_A3 is None


def test_stress_errors_count_only_frames_that_have_one():
    frames = rattled_silicon(3)
    prediction = Committee([sw_potential()]).evaluate_members(frames)
    exact = judgement.errors(prediction, frames)
    assert exact.stress_mae_eV_per_A3 == pytest.approx(0, abs=1e-9)
    off = [
        labelled(f, f.get_potential_energy(), f.get_forces(), f.get_stress() + 0.01 * (n + 1))
        for n, f in enumerate(frames[:2])
    ]
    last = frames[2]
    off.append(labelled(last, last.get_potential_energy(), last.get_forces()))
    found = judgement.errors(prediction, off)
    assert found.stress_mae_eV_per_A3 == pytest.approx(0.015)


def test_the_whole_judgement_of_springs(committee):
    calibration, test = spring_labels(4, k=5.5, seed=1), spring_labels(3, k=5.5, seed=2)
    report, table = judgement.judge(committee, silicon_cubic(), calibration, test)
    # error 0.5 |x| and spread |x| of every atom
    assert report.calibration_factor == pytest.approx(0.5)
    assert report.honesty.error_over_expected == pytest.approx(1)
    assert report.honesty.rank_correlation == pytest.approx(1)
    assert report.honesty.rank_correlation_frames == pytest.approx(1)
    assert report.notes[0].startswith("4 calibration frames: factor and acquisition")
    assert report.reference_energy_eV_per_atom == pytest.approx([10.0, -5.0])
    assert report.frames == {"calibration": 4, "test": 3}

    largest = [np.linalg.norm(shift(frame), axis=1).max() for frame in calibration]
    energy = [2.5 * (shift(frame) ** 2).sum() / 8 for frame in calibration]
    statistics = report.statistics
    assert statistics["force_max"].mean == pytest.approx(np.mean(largest))
    assert statistics["force_max"].std == pytest.approx(np.std(largest))
    assert statistics["energy_above_crystal"].mean == pytest.approx(np.mean(energy))
    assert statistics["energy_above_crystal"].std == pytest.approx(np.std(energy))
    assert statistics["sigma"] == SpreadNumbers(mean=None, std=None)  # no harmonic reference

    wanted = np.array([np.linalg.norm(shift(frame), axis=1).max() for frame in test])
    assert list(table["frame_id"]) == [frame.info["frame_id"] for frame in test]
    assert list(table["origin"]) == ["part 0", "part 1", "part 0"]
    np.testing.assert_allclose(table["uncertainty_eV_per_A"], wanted)
    np.testing.assert_allclose(table["expected_error_eV_per_A"], 0.5 * wanted)
    np.testing.assert_allclose(table["error_eV_per_A"], 0.5 * wanted)


def test_test_frames_decide_nothing(committee):
    calibration = spring_labels(4, k=5.5, seed=1)
    first, _ = judgement.judge(committee, silicon_cubic(), calibration, spring_labels(3, 5.5, 2))
    other, _ = judgement.judge(committee, silicon_cubic(), calibration, spring_labels(2, 9.0, 3))
    for key in ("calibration_factor", "statistics", "calibration", "reference_energy_eV_per_atom"):
        assert getattr(first, key) == getattr(other, key)
    assert other.honesty.error_over_expected == pytest.approx(8.0)  # error 4 |x|, expected 0.5 |x|
    assert first.test != other.test


def test_all_uncertainties_are_in_the_statistics(committee):
    calibration, test = spring_labels(4, 5.5, 1), spring_labels(1, 5.5, 2)
    zero = judgement.reference_energies(committee, silicon_cubic())
    spread = uncertainty.measure(committee.evaluate_members(calibration), zero)
    report, _ = judgement.judge(committee, silicon_cubic(), calibration, test)
    for name in ("force_max", "force_mean", "energy", "force_max_relative", "energy_relative"):
        assert report.statistics[name].mean == pytest.approx(spread.of(name).mean())


def test_with_a_harmonic_reference_sigma_has_statistics(committee):
    harmonic = HarmonicReference(silicon_cubic(), 4.0 * np.eye(24), "springs")
    calibration, test = spring_labels(4, 5.5, 1), spring_labels(1, 5.5, 2)
    report, _ = judgement.judge(committee, silicon_cubic(), calibration, test, harmonic)
    assert 0 < report.statistics["sigma"].mean < 1 / 6  # the drift of 8 atoms counts


@pytest.mark.parametrize("count", [1, 3])
def test_a_committee_without_uncertainty_is_said_to_be_one(count):
    perfect = silicon_cubic()
    same = Committee([springs(perfect, 5.0)] * count)
    report, table = judgement.judge(
        same, perfect, spring_labels(6, 5.5, 1), spring_labels(2, 5.5, 2)
    )
    assert report.calibration_factor is None
    assert ("committee of one" if count == 1 else "agree exactly") in report.notes[0]
    assert table["expected_error_eV_per_A"].isna().all()
    report.model_dump_json()


def finetuned(number, forgetting, after):
    return Finetuning(
        member=number,
        seed=1,
        limit=1.5,
        steps=20,
        best_step=10,
        before={"curvature_mae_eV_per_A2": 0.4},
        after={"curvature_mae_eV_per_A2": after},
        forgetting=forgetting,
        history=[],
        seconds=1.0,
        label=CurvatureNumbers(
            source="two cells",
            labels=2,
            atoms=8,
            largest_eV_per_A2=1.0,
            mean_eV_per_A2=0.1,
            acoustic_sum_residual_eV_per_A2=0.0,
            asymmetry_eV_per_A2=0.0,
        ),
        phonons={},
        model="m",
        ordinary="o",
    )


def test_fine_tuning_of_the_members_in_one_record():
    found = judgement.finetuning([finetuned(0, 0.9, 0.1), finetuned(1, 1.7, 0.2)])
    assert found.forgetting == 1.7
    assert (found.labels, found.limit) == (2, 1.5)
    assert "0.4000 → 0.1500" in found.words
    assert [member.member for member in found.members] == [0, 1]


def test_the_record_says_how_its_members_were_trained(committee, tmp_path):
    calibration, test = spring_labels(4, k=5.5, seed=1), spring_labels(3, k=5.5, seed=2)
    report, _ = judgement.judge(committee, silicon_cubic(), calibration, test)
    numbers = {"epochs": 3, "best_epoch": 2, "validation": {"loss": 0.1}, "seconds": 1.0}
    training = Training(
        member=0, seed=5, frames={}, model="m", dataset="d", potential={}, **numbers
    )
    dataset = spring_labels(9, k=5.5, seed=3)
    for label, program in zip(dataset, ["pw.x 7.0"] * 5 + ["pw.x 7.2"] * 3, strict=False):
        frame_info.mark(label, program=program)
    plain = judgement.with_training(report, [training], [], dataset)
    assert plain.labelled_by == "pw.x 7.0 (5), pw.x 7.2 (3), version not recorded (1)"
    assert plain.mixed_versions
    assert not judgement.with_training(report, [training], [], dataset[5:]).mixed_versions
    assert plain.finetune is None
    assert plain.frames == {"calibration": 4, "test": 3, "train": 9}
    assert (plain.members[0].epochs, plain.members[0].model) == (3, "m")
    tuned = judgement.with_training(report, [training], [finetuned(0, 0.9, 0.1)], dataset)
    assert tuned.notes == [*report.notes, tuned.finetune.words]
    tuned.write(tmp_path / "committee.json")
    again = judgement.CommitteeRecord.read(tmp_path / "committee.json")
    assert again.model_copy(update={"versions": {}, "code": "unknown"}) == tuned.model_copy(
        update={"schema_version": again.schema_version}
    )
