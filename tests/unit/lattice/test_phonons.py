import numpy as np
import pytest
from ase import units
from models import (
    LATTICE,
    force_constants_of,
    hessian,
    silicon_cubic,
    silicon_phonons,
    sw_potential,
)

from umklapp import config
from umklapp.errors import CalculationError
from umklapp.lattice import phonons
from umklapp.lattice.thermodynamics_record import SoundSpeeds

THZ = np.sqrt(units._e * 1e20 / units._amu) / (2 * np.pi) / 1e12  # of sqrt(eV/Å²/u)


@pytest.fixture(scope="module")
def model():
    return phonons.harmonic(silicon_phonons())


@pytest.fixture(scope="module")
def bands(model):
    return phonons.bands([model, model])


def unstable():
    """Silicon under strong pressure, where transverse modes go soft."""
    phonon = force_constants_of(sw_potential(), config.Phonons(pair_cutoff=2.6), scale=1, a=5.0)
    return phonons.harmonic(phonon)


def test_gamma_and_x_have_the_frequencies_of_the_hessian(model):
    """The cubic cell holds Γ and the three X: eigenvalues of its Hessian by finite differences."""
    atoms = silicon_cubic()
    values = np.linalg.eigvalsh(hessian(atoms) / atoms.get_masses()[0])
    wanted = np.sort(np.sign(values) * np.sqrt(np.abs(values)) * THZ)
    model.run_qpoints([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    found = np.sort(model.qpoints.frequencies.ravel())
    assert np.abs(found[:3]).max() < 1e-3
    np.testing.assert_allclose(found[3:], wanted[3:], rtol=1e-3)


def test_bands_at_gamma(bands):
    assert bands.labels[0] == "G"
    assert bands.frequencies.shape == (2, len(bands.distance), 6)
    np.testing.assert_allclose(bands.frequencies[0, 0, :3], 0, atol=1e-5)
    np.testing.assert_allclose(bands.frequencies[0, 0, 3:], 17.83, atol=0.02)


@pytest.mark.parametrize(("branch", "modulus"), [(2, 151.42), (0, 56.45), (1, 56.45)])
def test_sound_along_gamma_x_is_that_of_the_elastic_constants(bands, branch, modulus):
    """C11 and C44 of Stillinger–Weber silicon in GPa (Balamane, PRB 46, 2250): sqrt(C/ρ)."""
    assert bands.labels[:2] == ["G", "X"]
    assert bands.ticks[1] == pytest.approx(1 / LATTICE)  # 2π/a without the 2π
    density = 8 * 28.085 * units._amu / (LATTICE * 1e-10) ** 3
    slope = bands.frequencies[0, 1, branch] / bands.distance[1] * 100  # THz Å → m/s
    assert slope == pytest.approx(np.sqrt(modulus * 1e9 / density), rel=3e-3)


def test_segments_are_the_straight_pieces_between_special_points(bands):
    assert bands.segments[0] == 0
    pieces = np.split(np.arange(len(bands.distance)), bands.segments[1:])
    assert len(pieces) == len(bands.labels) - 2  # one jump: …K | U X
    for piece in pieces:
        for end in (piece[0], piece[-1]):
            assert np.abs(bands.ticks - bands.distance[end]).min() < 1e-6
    for piece in pieces:
        assert (np.diff(bands.distance[piece]) > 0).all()
        jumps = np.abs(np.diff(bands.frequencies[0, piece], axis=0)).max()
        assert jumps < 1.0


def test_bands_are_finer_when_asked(model):
    assert len(phonons.bands([model], density=120).distance) > 1.8 * len(
        phonons.bands([model], density=60).distance
    )


def test_bands_round_trip(model, bands, tmp_path):
    thermal = phonons.thermodynamics(model, [5, 5, 5])
    phonons.write_bands(tmp_path / "b.h5", bands, [thermal, thermal])
    found = phonons.read_bands(tmp_path / "b.h5")
    for name in ("distance", "frequencies", "ticks", "segments"):
        np.testing.assert_array_equal(getattr(found, name), getattr(bands, name))
    assert found.labels == bands.labels


def test_thermodynamics_are_the_sums_over_oscillators(model):
    found = phonons.thermodynamics(model, [5, 5, 5])
    model.run_mesh([5, 5, 5])
    frequencies, weights = model.mesh.frequencies, model.mesh.weights
    hv = frequencies * 1e12 * units._hplanck / units._e
    real = hv > 1e-5
    x = np.where(real, hv, 1.0) / (units.kB * 300)
    occupation = 1 / np.expm1(x)
    mol = units._e * units._Nav
    share = weights[:, None] * real / weights.sum()
    capacity = (share * units.kB * x**2 * np.exp(x) * occupation**2).sum() * mol
    entropy = (share * units.kB * (x * occupation - np.log1p(-np.exp(-x)))).sum() * mol
    free = (share * (0.5 * hv + units.kB * 300 * np.log1p(-np.exp(-x)))).sum() * mol / 1000
    assert found.heat_capacity == pytest.approx(capacity, rel=1e-4)
    assert found.entropy == pytest.approx(entropy, rel=1e-4)
    assert found.free_energy == pytest.approx(free, rel=1e-4)
    assert found.lowest == frequencies.min()
    assert found.highest == frequencies.max()


def test_heat_capacity_goes_to_dulong_and_petit(model, monkeypatch):
    limit = 3 * 2 * 8.314462618
    room = phonons.thermodynamics(model, [8, 8, 8]).heat_capacity
    assert 35 < room < limit
    monkeypatch.setattr(phonons, "TEMPERATURE", 20000.0)
    hot = phonons.thermodynamics(model, [8, 8, 8]).heat_capacity
    assert hot == pytest.approx(limit, rel=1e-3)
    assert hot < limit


def test_the_density_of_states_holds_all_modes(model):
    found = phonons.thermodynamics(model, [8, 8, 8])
    assert np.trapezoid(found.dos, found.dos_frequency) == pytest.approx(6, rel=0.02)
    assert found.dos[found.dos_frequency > 18.0].max(initial=0) == pytest.approx(0, abs=1e-6)


def described(thermal, gate):
    return phonons.describe(thermal, gate, SoundSpeeds(not_computed="not asked"), [5, 5, 5])


def test_a_stable_crystal_passes_the_gate(model):
    thermal = phonons.thermodynamics(model, [5, 5, 5])
    found = described([thermal, thermal], gate=-0.05)
    assert found.stable
    assert found.words == "dynamically stable on the mesh"
    assert (found.highest_THz.mean, found.highest_THz.std) == (pytest.approx(thermal.highest), 0)


def test_an_unstable_member_is_named_with_its_number(model):
    good = phonons.thermodynamics(model, [5, 5, 5])
    soft = phonons.thermodynamics(unstable(), [4, 4, 4])
    assert soft.lowest < -1
    found = described([good, soft], gate=-0.05)
    assert not found.stable
    assert found.words == (
        "not dynamically stable: members [1] have imaginary modes, "
        f"the lowest at {soft.lowest:.3f} THz"
    )
    lowest = found.lowest_THz
    assert lowest.mean == pytest.approx((good.lowest + soft.lowest) / 2)
    assert lowest.std == pytest.approx((good.lowest - soft.lowest) / 2)
    assert described([good, soft], gate=-100.0).stable


def test_imaginary_frequencies_are_negative():
    phonon = silicon_phonons()
    phonon.fc2 = -phonon.fc2
    found = phonons.thermodynamics(phonons.harmonic(phonon), [5, 5, 5])
    assert found.lowest == pytest.approx(-17.8, abs=0.1)
    assert found.highest < 0.01


def test_curves_are_the_functions_at_their_temperatures(model):
    found = phonons.thermodynamics(model, [5, 5, 5], temperatures=[100.0, 300.0, 900.0])
    curves = found.curves
    assert curves.temperature.tolist() == [100.0, 300.0, 900.0]
    for name in ("entropy", "free_energy", "heat_capacity"):
        assert getattr(curves, name)[1] == pytest.approx(getattr(found, name))
    assert (np.diff(curves.entropy) > 0).all()
    assert (np.diff(curves.free_energy) < 0).all()
    # S = −∂F/∂T over a small step
    near = phonons.thermodynamics(model, [5, 5, 5], temperatures=[299.0, 300.0, 301.0]).curves
    slope = -1000 * (near.free_energy[2] - near.free_energy[0]) / 2
    assert slope == pytest.approx(near.entropy[1], rel=1e-4)
    record = described([found, found], gate=-0.05)
    assert record.curves.temperature_K == [100.0, 300.0, 900.0]
    assert record.curves.entropy_J_per_K_mol.mean == pytest.approx(curves.entropy)
    assert record.curves.entropy_J_per_K_mol.std == [0, 0, 0]
    assert record.heat_capacity_J_per_K_mol.mean == pytest.approx(found.heat_capacity)


def test_the_q_points_of_an_unstable_member_are_told(model):
    soft_model = unstable()
    good, soft = (phonons.thermodynamics(each, [4, 4, 4]) for each in (model, soft_model))
    assert described([good, good], gate=-0.05).imaginary == []
    (found,) = described([good, soft], gate=-0.05).imaginary
    assert found.member == 1
    assert found.frequency_THz[0] == pytest.approx(soft.lowest)
    assert 1 <= len(found.q) <= 5
    assert found.frequency_THz == sorted(found.frequency_THz)
    soft_model.run_qpoints(found.q)
    np.testing.assert_allclose(
        soft_model.qpoints.frequencies.min(axis=1), found.frequency_THz, atol=1e-3
    )
    soft_model.run_mesh([4, 4, 4], is_mesh_symmetry=False)
    everywhere = soft_model.mesh.frequencies < -0.05
    assert found.share_of_modes == pytest.approx(everywhere.mean())


def test_sound_is_that_of_the_elastic_constants(model):
    """Christoffel's equation with C11, C12, C44 of Stillinger–Weber silicon, over a fine grid."""
    c11, c12, c44 = 151.42e9, 76.42e9, 56.45e9
    density = 8 * 28.085 * units._amu / (LATTICE * 1e-10) ** 3
    height, angle = np.meshgrid(np.linspace(-1, 1, 82)[1::2], np.linspace(0, 2 * np.pi, 80)[1:])
    radius = np.sqrt(1 - height**2)
    n = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1).reshape(-1, 3)
    matrix = (c12 + c44) * np.einsum("ni,nj->nij", n, n)
    matrix[:, range(3), range(3)] = c44 + (c11 - c44) * n**2
    speeds = np.sqrt(np.linalg.eigvalsh(matrix) / density)
    found = phonons.sound(model)
    for name, wanted in zip(("slow", "middle", "fast"), speeds.mean(axis=0), strict=True):
        assert getattr(found, name) == pytest.approx(wanted, rel=5e-3)
    assert found.debye == pytest.approx((speeds**-3).mean() ** (-1 / 3), rel=5e-3)
    assert found.slow < found.debye < found.fast


def test_a_crystal_without_sound_says_so():
    phonon = silicon_phonons()
    phonon.fc2 = -phonon.fc2
    model = phonons.harmonic(phonon)
    with pytest.raises(CalculationError, match="no speed of sound"):
        phonons.sound(model)
    assert "no speed of sound" in phonons.describe_sound([model]).not_computed
