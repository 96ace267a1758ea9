"""κ of Stillinger–Weber silicon and of NaCl against other people's numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import silicon_phonons

from umklapp import config, force_constants
from umklapp.conductivity import bte, committee
from umklapp.force_sets import load_params

SETTINGS = config.Conductivity(temperatures=[300.0, 600.0])
NACL = Path(__file__).parents[3] / "shared/data/dft/NaCl-225_phono3py_params.yaml.xz"
GATE = -0.05


@pytest.fixture(scope="module")
def silicon():
    return bte.solve(silicon_phonons(), SETTINGS, [11, 11, 11], GATE)


@pytest.mark.slow
def test_kappa_of_silicon(silicon):
    """64 atoms, 11 × 11 × 11, pair cutoff 4 Å: 502 W/(m K) by phono3py alone."""
    assert silicon.reason is None
    assert silicon.scalar()[0] == pytest.approx(501.5, rel=0.004)
    assert silicon.lowest_frequency == pytest.approx(0, abs=1e-4)


@pytest.mark.slow
def test_kappa_of_a_cubic_crystal_is_a_number(silicon):
    kappa = silicon.kappa
    assert kappa.shape == (2, 6)
    np.testing.assert_allclose(kappa[:, :3], np.repeat(silicon.scalar()[:, None], 3, axis=1))
    np.testing.assert_allclose(kappa[:, 3:], 0, atol=1e-6)


@pytest.mark.slow
def test_kappa_falls_as_one_over_temperature(silicon):
    """Three-phonon scattering above the Debye temperature; at 300 K silicon is not there yet."""
    cold, hot = silicon.scalar()
    assert 1.8 < cold / hot < 2.3


def test_isotopes_lower_kappa():
    pure = bte.solve(silicon_phonons(), config.Conductivity(), [5, 5, 5], GATE)
    natural = bte.solve(silicon_phonons(), config.Conductivity(isotopes=True), [5, 5, 5], GATE)
    assert 0.5 < natural.scalar()[0] / pure.scalar()[0] < 0.99


def test_stronger_anharmonicity_lowers_kappa_with_its_square():
    pure = bte.solve(silicon_phonons(), config.Conductivity(), [5, 5, 5], GATE)
    phonon = silicon_phonons()
    phonon.fc3 = 2 * phonon.fc3
    strong = bte.solve(phonon, config.Conductivity(), [5, 5, 5], GATE)
    assert pure.scalar()[0] / strong.scalar()[0] == pytest.approx(4, rel=1e-6)


def test_an_unstable_crystal_has_no_kappa_but_a_reason():
    phonon = silicon_phonons()
    phonon.fc2 = -phonon.fc2
    found = bte.solve(phonon, SETTINGS, [5, 5, 5], GATE)
    assert found.kappa is None
    assert found.scalar() is None
    assert found.reason == (
        "not dynamically stable: -17.831 THz at q = (0.000, 0.000, 0.000), gate -0.05 THz"
    )
    record = found.as_dict()
    assert record["kappa_W_per_mK"] is record["kappa_tensor_W_per_mK"] is None
    assert record["not_computed"] == found.reason
    assert record["lowest_frequency_THz"] == pytest.approx(-17.83, abs=0.01)


def test_the_q_point_in_the_reason_is_where_it_is_unstable():
    """Soften the zone boundary only: an alternating field on the acoustic branch."""
    phonon = silicon_phonons()
    from umklapp.phonons import harmonic

    phonon.fc2 = 0.99 * phonon.fc2
    for pair in (0, 1):  # on-site minus its mirror half a cell away, so that the sum rule holds
        atom = int(phonon.phonon_primitive.p2s_map[pair])
        cell = phonon.phonon_supercell
        shift = cell.scaled_positions - cell.scaled_positions[atom] - [0.5, 0.5, 0.0]
        other = int(np.argmin(np.abs(shift - np.rint(shift)).sum(axis=1)))
        phonon.fc2[pair, atom] -= 6 * np.eye(3)
        phonon.fc2[pair, other] += 6 * np.eye(3)
    found = bte.solve(phonon, SETTINGS, [4, 4, 4], GATE)
    assert found.kappa is None
    inside = found.reason.split("q = (")[1].split(")")[0]
    q = [float(x) for x in inside.split(",")]
    assert np.abs(q).max() > 0.1
    model = harmonic(phonon)
    model.run_qpoints([q])
    assert model.qpoints.frequencies.min() == pytest.approx(found.lowest_frequency, abs=2e-3)


def test_the_gate_is_the_configured_one():
    phonon = silicon_phonons()
    phonon.fc2 = -phonon.fc2
    assert "gate -3 THz" in bte.solve(phonon, SETTINGS, [3, 3, 3], imaginary=-3.0).reason
    below = bte.solve(phonon, SETTINGS, [3, 3, 3], imaginary=-20.0)  # unstable, but let through
    assert below.lowest_frequency < -17
    assert "gate" not in (below.reason or "")


def test_no_scattering_is_no_kappa():
    phonon = silicon_phonons()
    phonon.fc3 = np.zeros_like(phonon.fc3)
    found = bte.solve(phonon, config.Conductivity(), [3, 3, 3], GATE)
    assert found.kappa is None
    assert found.reason == "κ is not positive and finite"


@pytest.mark.slow
@pytest.mark.skipif(not NACL.exists(), reason="no shared data")
def test_nacl_from_published_forces():
    """symfc fits of 100 frames (64 atoms) and of the 512-atom set: 8.48 W/(m K), PBEsol data."""
    phonon = force_constants.from_params(NACL)
    params = load_params(NACL)
    phonon.dataset = {"displacements": params.displacements, "forces": params.forces}
    phonon.produce_fc3(fc_calculator="symfc")
    found = bte.solve(phonon, config.Conductivity(), [11, 11, 11], GATE)
    assert found.scalar()[0] == pytest.approx(8.48, rel=0.005)


# committee


def member(folder, number, kappa, reason=None, lowest=-0.01):
    found = bte.Kappa(
        [200.0, 300.0],
        None if kappa is None else np.outer([1.5, 1.0], [kappa] * 3 + [0.0] * 3),
        reason,
        lowest,
    )
    path = folder / f"kappa_{number}.json"
    path.write_text(json.dumps({**found.as_dict(), "mesh": [7, 7, 7]}))
    return path


def test_the_scalar_is_a_third_of_the_trace():
    tensor = np.array([[1.0, 2.0, 6.0, 9.0, 9.0, 9.0]])
    assert bte.Kappa([300.0], tensor, None, 0.0).scalar() == pytest.approx([3.0])


def test_committee_mean_and_error_bar(tmp_path):
    paths = [member(tmp_path, n, kappa) for n, kappa in enumerate((8.0, 10.0, 12.0))]
    found = committee.combine(paths)
    assert found["temperatures_K"] == [200.0, 300.0]
    assert found["kappa_W_per_mK"] == pytest.approx([15.0, 10.0])
    assert found["std_W_per_mK"] == pytest.approx([1.5 * np.sqrt(8 / 3), np.sqrt(8 / 3)])
    assert np.array(found["members_W_per_mK"]).shape == (3, 2)
    assert found["not_computed"] is None
    assert found["mesh"] == [7, 7, 7]
    assert committee.at_300_kelvin(paths) == pytest.approx([8.0, 10.0, 12.0])


def test_one_unstable_member_leaves_the_committee_without_kappa(tmp_path):
    paths = [
        member(tmp_path, 0, 8.0),
        member(tmp_path, 1, None, "not dynamically stable", lowest=-2.0),
        member(tmp_path, 2, 9.0),
    ]
    found = committee.combine(paths)
    assert found["kappa_W_per_mK"] is None
    assert found["std_W_per_mK"] is None
    assert found["not_computed"] == {1: "not dynamically stable"}
    assert found["lowest_frequency_THz"] == -2.0
    assert found["members_W_per_mK"][1] is None
    assert committee.at_300_kelvin(paths) == [8.0, None, 9.0]
