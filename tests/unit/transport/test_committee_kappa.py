"""κ of a committee: mean, spread, members without κ, and κ(300 K) from the record."""

import json

import numpy as np
import pytest
from stored_results import SILICON

from umklapp.errors import InputError
from umklapp.transport import bte, committee
from umklapp.transport.kappa_records import Conductivity, Correction, MemberConductivity


def member(folder, number, kappa, reason=None, lowest=-0.01, correction=None):
    found = bte.Kappa(
        [200.0, 300.0],
        None if kappa is None else np.outer([1.5, 1.0], [kappa] * 3 + [0.0] * 3),
        reason,
        lowest,
    )
    path = folder / f"kappa_{number}.json"
    record = MemberConductivity(
        **dict(found.numbers()), mesh=[7, 7, 7], acoustic_sum_residual_eV_per_A2=0.0,
        correction=correction,
    )  # fmt: skip
    record.write(path)
    return path


def test_committee_mean_and_error_bar(tmp_path):
    paths = [member(tmp_path, n, kappa) for n, kappa in enumerate((8.0, 10.0, 12.0))]
    found = committee.combine(paths)
    assert found.temperatures_K == [200.0, 300.0]
    assert found.kappa_W_per_mK == pytest.approx([15.0, 10.0])
    assert found.std_W_per_mK == pytest.approx([3.0, 2.0])  # of a sample, as `statistics.stdev`
    assert np.array(found.members_W_per_mK).shape == (3, 2)
    assert found.not_computed is None
    assert found.mesh == [7, 7, 7]
    assert committee.at_300_kelvin(paths) == pytest.approx([8.0, 10.0, 12.0])


def evidence(with_member, alone):
    return Correction(
        labels=5, residual_before_eV_per_A=0.01, residual_after_eV_per_A=0.001,
        log_evidence_per_force=with_member, log_evidence_without_potential_per_force=alone,
    )  # fmt: skip


def test_members_that_their_labels_speak_against_are_named(tmp_path):
    """2.43 and 2.96 are of a small network for LiAsMg whose κ was wrong by half."""
    corrections = [evidence(2.43, 2.96), evidence(4.1, 2.96), evidence(2.9, None), None]
    paths = [member(tmp_path, n, 8.0, correction=own) for n, own in enumerate(corrections)]
    found = committee.combine(paths)
    assert found.misleading_members == [0]
    assert "speak against 1 member of 4" in found.misleading
    assert committee.combine(paths[1:]).misleading == ""


def test_members_that_are_left_out_are_named_and_no_reason_for_distrust(tmp_path):
    out = evidence(2.43, 2.96).model_copy(update={"potential_left_out": True})
    paths = [member(tmp_path, n, 8.0, correction=own) for n, own in enumerate([out, None, out])]
    found = committee.combine(paths)
    assert found.left_out_members == [0, 2]
    assert found.misleading == ""
    assert "κ of 2 members of 3 is that of the Taylor expansion alone" in found.left_out
    assert not found.labels_alone
    assert committee.combine([paths[0], paths[2]]).labels_alone


def test_one_member_has_no_spread(tmp_path):
    found = committee.combine([member(tmp_path, 0, 8.0)])
    assert found.std_W_per_mK is None
    assert found.at_room_temperature == (8.0, None)


def test_one_unstable_member_leaves_the_committee_without_kappa(tmp_path):
    paths = [
        member(tmp_path, 0, 8.0),
        member(tmp_path, 1, None, "not dynamically stable", lowest=-2.0),
        member(tmp_path, 2, 9.0),
    ]
    found = committee.combine(paths)
    assert found.kappa_W_per_mK is None
    assert found.std_W_per_mK is None
    assert found.not_computed == "member 1: not dynamically stable"
    assert found.lowest_frequency_THz == -2.0
    assert found.members_W_per_mK[1] is None
    assert committee.at_300_kelvin(paths) == [8.0, None, 9.0]


def test_kappa_of_another_temperature_is_not_taken_for_that_of_300_kelvin(tmp_path):
    """The one way to κ(300 K): by its temperature, with a sentence where it was not computed."""
    found = committee.combine([member(tmp_path, n, kappa) for n, kappa in enumerate((8.0, 10.0))])
    assert found.at_room_temperature == pytest.approx((9.0, np.sqrt(2)))
    cold = found.model_copy(update={"temperatures_K": [200.0, 250.0]})
    with pytest.raises(InputError, match=r"κ\(300 K\) was not computed.*200, 250 K: add 300"):
        _ = cold.at_room_temperature
    nothing = cold.model_copy(update={"kappa_W_per_mK": None, "std_W_per_mK": None})
    assert nothing.at_room_temperature is None


def test_reasons_of_members_of_version_0_become_one_sentence(tmp_path):
    record = json.loads((SILICON / "conductivity.json").read_text())
    nothing = {"kappa_W_per_mK": None, "std_W_per_mK": None}
    record |= nothing | {"not_computed": {"1": "not stable", "3": "soft"}}
    path = tmp_path / "conductivity.json"
    path.write_text(json.dumps(record))
    assert Conductivity.read(path).not_computed == "member 1: not stable; member 3: soft"
