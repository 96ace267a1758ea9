"""κ of Stillinger–Weber silicon and of NaCl against other people's numbers."""

from pathlib import Path

import h5py
import numpy as np
import phono3py
import pytest
from models import silicon_phonons

from umklapp import config
from umklapp.crystals.formats.force_sets import load_params
from umklapp.lattice import force_constants
from umklapp.transport import bte

SETTINGS = config.Conductivity(temperatures=[300.0, 600.0])
NACL = Path(__file__).parents[4] / "shared/data/dft/NaCl-225_phono3py_params.yaml.xz"
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


def solved(modes_to=None, mesh=(5, 5, 5), phonon=None, **settings):
    settings = config.Conductivity(**settings)
    return bte.solve(phonon or silicon_phonons(), settings, list(mesh), GATE, modes_to)


def test_boundaries_lower_kappa():
    """An infinite path changes nothing; a short one leaves Σ C v Λ / 3 of that path at most."""
    bulk = solved().scalar()[0]
    assert solved(boundary_mfp=1e6).scalar()[0] == pytest.approx(bulk, rel=1e-4)
    thin, thinner = (solved(boundary_mfp=path).scalar()[0] for path in (1e-3, 1e-4))
    assert thin < 0.2 * bulk
    assert 8 < thin / thinner < 10


def test_the_direct_solution_has_more_heat_and_the_same_relaxation_times():
    """Normal processes do not resist: the direct solution of silicon is above the RTA."""
    rta, direct = solved(), solved(method="lbte")
    assert rta.rta is None
    np.testing.assert_allclose(direct.rta, rta.kappa, rtol=1e-9, atol=1e-9)
    assert 1.02 < direct.scalar()[0] / rta.scalar()[0] < 1.4
    record = direct.numbers()
    assert record.kappa_rta_W_per_mK == pytest.approx(rta.scalar())
    assert record.kappa_W_per_mK == pytest.approx(direct.scalar())
    assert record.kappa_intra_W_per_mK is None


@pytest.mark.parametrize("method", ["rta", "lbte"])
def test_the_interband_term_is_added(method):
    plain, found = solved(method=method), solved(method=method, interband=True)
    np.testing.assert_allclose(found.intra, plain.kappa, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.kappa, found.intra + found.inter)
    assert 0 < found.inter[0, :3].min() < 0.02 * found.scalar()[0]
    record = found.numbers()
    total = record.kappa_intra_W_per_mK[0] + record.kappa_inter_W_per_mK[0]
    assert record.kappa_W_per_mK[0] == pytest.approx(total)


def test_the_interband_term_grows_where_kappa_falls():
    """Strong scattering: linewidths near the spacing of bands let heat go from one to another."""
    phonon = silicon_phonons()
    phonon.fc3 = 12 * phonon.fc3
    weak, strong = solved(interband=True), solved(interband=True, phonon=phonon)
    assert strong.intra[0, 0] == pytest.approx(weak.intra[0, 0] / 144, rel=1e-9)
    assert strong.inter[0, 0] / strong.intra[0, 0] > 5 * weak.inter[0, 0] / weak.intra[0, 0]


def test_the_interband_term_of_silicon_is_nearly_all_of_degenerate_pairs():
    """What the module says of it; the rest is what really goes between bands."""
    phonon = silicon_phonons()
    found = solved(interband=True, phonon=phonon)
    pairs = phonon.thermal_conductivity.mode_kappa_matrix[0, 0, ..., :3].mean(axis=-1) / 125
    frequencies = phonon.thermal_conductivity.frequencies
    same = np.abs(frequencies[:, :, None] - frequencies[:, None, :]) < 1e-4
    degenerate = pairs[same & ~np.eye(6, dtype=bool)].sum()
    inter = found.inter[0, :3].mean()
    assert 0.99 < degenerate / inter < 1
    assert pairs[~same].sum() == pytest.approx(inter - degenerate, rel=1e-6)


def test_the_method_is_told():
    assert solved(mesh=(3, 3, 3)).method == "phono3py RTA, tetrahedron, three-phonon"
    every = config.Conductivity(isotopes=True, interband=True, boundary_mfp=0.5)
    assert bte.describe_method(every) == (
        "phono3py RTA, tetrahedron, three-phonon, isotopes, boundaries 0.5 µm, inter-band (SMM19)"
    )
    assert bte.describe_method(config.Conductivity(method="lbte")).startswith("phono3py LBTE, ")


def test_what_phono3py_cannot_do_is_refused():
    with pytest.raises(ValueError, match=r"leaves the boundaries out.*set method to 'rta'"):
        config.Conductivity(method="lbte", interband=True, boundary_mfp=1.0)
    config.Conductivity(method="rta", interband=True, boundary_mfp=1.0)
    config.Conductivity(method="lbte", boundary_mfp=1.0)


@pytest.mark.parametrize("interband", [False, True])
@pytest.mark.parametrize("method", ["rta", "lbte"])
def test_the_modes_of_the_file_are_phono3pys_and_add_up(tmp_path, method, interband):
    path = tmp_path / "modes" / "kappa.hdf5"
    settings = {"method": method, "interband": interband, "temperatures": [300.0, 600.0]}
    found = solved(path, **settings)
    assert [each.name for each in path.parent.iterdir()] == ["kappa.hdf5"]
    with h5py.File(path) as file:
        assert file["version"][()].decode() == phono3py.__version__
        names = {"frequency", "gamma", "group_velocity", "heat_capacity", "mode_kappa", "qpoint"}
        assert names | {"weight", "mesh", "temperature"} <= set(file)
        assert file["weight"][()].sum() == 125
        assert file["temperature"][()].tolist() == [300.0, 600.0]
        np.testing.assert_allclose(file["kappa"][()], found.kappa)
        total = file["mode_kappa"][()]
        assert total.shape == (2, 10, 6, 6)
        if interband:
            total = total + file["mode_kappa_inter"][()]
        np.testing.assert_allclose(total.sum(axis=(1, 2)) / 125, found.kappa, atol=1e-9)
        assert (file.attrs["method"], file.attrs["interband"]) == (method, interband)
    bare = bte.solve(silicon_phonons(), config.Conductivity(**settings), [5, 5, 5], GATE)
    np.testing.assert_array_equal(bare.kappa, found.kappa)


def test_a_relative_path_is_where_the_caller_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    solved(Path("here.hdf5"), mesh=(3, 3, 3))
    assert [each.name for each in tmp_path.iterdir()] == ["here.hdf5"]


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
        "not dynamically stable: -17.831 THz at q = (0.000, 0.000, 0.000), allowed -0.05 THz"
    )
    record = found.numbers()
    assert record.kappa_W_per_mK is record.kappa_tensor_W_per_mK is None
    assert record.not_computed == found.reason
    assert record.lowest_frequency_THz == pytest.approx(-17.83, abs=0.01)


def test_the_q_point_in_the_reason_is_where_it_is_unstable():
    """Soften the zone boundary only: an alternating field on the acoustic branch."""
    phonon = silicon_phonons()
    from umklapp.lattice.phonons import harmonic

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
    assert "allowed -3 THz" in bte.solve(phonon, SETTINGS, [3, 3, 3], imaginary=-3.0).reason
    below = bte.solve(phonon, SETTINGS, [3, 3, 3], imaginary=-20.0)  # unstable, but let through
    assert below.lowest_frequency < -17
    assert "allowed" not in (below.reason or "")


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


def test_the_scalar_is_a_third_of_the_trace():
    tensor = np.array([[1.0, 2.0, 6.0, 9.0, 9.0, 9.0]])
    assert bte.Kappa([300.0], tensor, None, 0.0).scalar() == pytest.approx([3.0])
