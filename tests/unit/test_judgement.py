import numpy as np
import pytest
from models import bare, rattled_silicon, silicon_cubic, springs, sw_potential

from umklapp import judgement
from umklapp.frames import labelled
from umklapp.potentials.committee import Committee
from umklapp.sampling import uncertainty


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
    assert found["force_mae_eV_per_A"] == pytest.approx(0.5 * np.abs(x).mean())
    assert found["force_rmse_eV_per_A"] == pytest.approx(0.5 * np.sqrt((x**2).mean()))
    assert found["force_rms_reference_eV_per_A"] == pytest.approx(5.5 * np.sqrt((x**2).mean()))
    # the mean of the members' zeros is 20 eV for 8 atoms, the mean spring is too soft by 0.5
    per_frame = [(20 - 0.25 * (shift(frame) ** 2).sum()) / 8 for frame in frames]
    assert found["energy_mae_eV_per_atom"] == pytest.approx(np.mean(per_frame))
    assert found["stress_mae_eV_per_A3"] is None


def test_stress_errors_count_only_frames_that_have_one():
    frames = rattled_silicon(3)
    prediction = Committee([sw_potential()]).evaluate_members(frames)
    exact = judgement.errors(prediction, frames)
    assert exact["stress_mae_eV_per_A3"] == pytest.approx(0, abs=1e-9)
    off = [
        labelled(f, f.get_potential_energy(), f.get_forces(), f.get_stress() + 0.01 * (n + 1))
        for n, f in enumerate(frames[:2])
    ]
    last = frames[2]
    off.append(labelled(last, last.get_potential_energy(), last.get_forces()))
    found = judgement.errors(prediction, off)
    assert found["stress_mae_eV_per_A3"] == pytest.approx(0.015)


def test_the_whole_judgement_of_springs(committee):
    calibration, test = spring_labels(4, k=5.5, seed=1), spring_labels(3, k=5.5, seed=2)
    report, table = judgement.judge(committee, silicon_cubic(), calibration, test, "force_max")
    # error 0.5 |x| and spread |x| of every atom
    assert report["calibration_factor"] == pytest.approx(0.5)
    assert report["test_error_over_expected"] == pytest.approx(1)
    assert report["rank_correlation"] == pytest.approx(1)
    assert report["reference_energy_eV_per_atom"] == pytest.approx([10.0, -5.0])
    assert report["frames"] == {"calibration": 4, "test": 3}

    largest = [np.linalg.norm(shift(frame), axis=1).max() for frame in calibration]
    energy = [2.5 * (shift(frame) ** 2).sum() / 8 for frame in calibration]
    statistics = report["statistics"]
    assert statistics["u_mean"] == pytest.approx(np.mean(largest))
    assert statistics["u_std"] == pytest.approx(np.std(largest))
    assert statistics["e_mean"] == pytest.approx(np.mean(energy))
    assert statistics["e_std"] == pytest.approx(np.std(energy))

    wanted = np.array([np.linalg.norm(shift(frame), axis=1).max() for frame in test])
    assert list(table["frame_id"]) == [frame.info["frame_id"] for frame in test]
    assert list(table["origin"]) == ["part 0", "part 1", "part 0"]
    np.testing.assert_allclose(table["uncertainty_eV_per_A"], wanted)
    np.testing.assert_allclose(table["expected_error_eV_per_A"], 0.5 * wanted)
    np.testing.assert_allclose(table["error_eV_per_A"], 0.5 * wanted)


def test_test_frames_decide_nothing(committee):
    calibration = spring_labels(4, k=5.5, seed=1)
    first, _ = judgement.judge(
        committee, silicon_cubic(), calibration, spring_labels(3, 5.5, 2), "force_max"
    )
    other, _ = judgement.judge(
        committee, silicon_cubic(), calibration, spring_labels(2, 9.0, 3), "force_max"
    )
    for key in ("calibration_factor", "statistics", "calibration", "reference_energy_eV_per_atom"):
        assert first[key] == other[key]
    assert other["test_error_over_expected"] == pytest.approx(8.0)  # error 4 |x|, expected 0.5 |x|
    assert first["test"] != other["test"]


def test_the_asked_uncertainty_is_the_one_in_the_statistics(committee):
    calibration, test = spring_labels(4, 5.5, 1), spring_labels(1, 5.5, 2)
    zero = judgement.reference_energies(committee, silicon_cubic())
    spread = uncertainty.measure(committee.evaluate_members(calibration), zero)
    for kind in ("force_max", "force_mean", "energy"):
        report, _ = judgement.judge(committee, silicon_cubic(), calibration, test, kind)
        assert report["statistics"]["u_mean"] == pytest.approx(spread.of(kind).mean())
