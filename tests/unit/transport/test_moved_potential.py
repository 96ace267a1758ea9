"""What is said of the potential that Green–Kubo moves, before it does."""

import pytest

from umklapp import config
from umklapp.potentials.taylor.dynamics import DynamicsCorrection
from umklapp.transport.moved_potential import MovedPotential

NUMBERS = {
    "labels": 4.0, "labels_left_out": 0.0, "residual_before_eV_per_A": 0.02,
    "residual_after_eV_per_A": 0.002, "noise_eV_per_A": 1e-3, "log_evidence_per_force": 2.0,
}  # fmt: skip


def test_a_corrected_potential_names_its_labels_and_its_range(tmp_path):
    events = {**NUMBERS, "labels_left_out": 3.0, "residual_before_eV_per_A": 0.04}
    record = MovedPotential.corrected(DynamicsCorrection([], [events, NUMBERS], 4.89))
    record.write(tmp_path / "potential.json")
    again = MovedPotential.read(tmp_path / "potential.json")
    assert again.correction == "taylor"
    assert again.cubic_cutoff_A == 4.89
    assert [one.labels_left_out for one in again.members] == [3, 0]
    for part in (
        "4 labels",
        "30 meV/Å",
        "2 with it",
        "4.89 Å",
        "0.5 of a bond",
        "3 labels with an",
    ):
        assert part in again.words
    assert (
        "event were" not in MovedPotential.corrected(DynamicsCorrection([], [NUMBERS], 4.89)).words
    )


@pytest.mark.parametrize(
    ("asked", "reason"),
    [("none", "green_kubo.correction is 'none'"), ("auto", "phonons.correction")],
)
def test_without_correction_the_reason_is_said(asked, reason):
    record = MovedPotential.not_asked(config.GreenKubo(correction=asked))
    assert record.correction == "none"
    assert "without the Taylor correction" in record.words
    assert reason in record.words
    assert "too small" in MovedPotential.plain("the cell is too small").words
