import numpy as np
import pytest
import spglib
from ase import Atoms, units
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st
from phonopy.harmonic.dynmat_to_fc import get_commensurate_points
from scipy import signal

from umklapp.crystals import phonopy_cells
from umklapp.errors import InputError
from umklapp.transport import finite_size, lifetimes, qpoint_stars, supercell_modes
from umklapp.transport.degenerate_modes import ModeEnergies

EDGE, MASS, ALONG, ACROSS = 3.0, 40.0, 2.0, 0.7


def cubic_springs(repeat, across=ACROSS):
    """Simple cubic crystal with springs to the six neighbours: primitive, supercell, constants.

    Every branch is one direction: m ω² = Σ_b 2 k_b (1 − cos 2π q_b), k = ALONG in its direction.
    """
    primitive = Atoms("Ar", cell=EDGE * np.eye(3), pbc=True)
    primitive.set_masses([MASS])
    found = phonopy_cells.supercell(primitive, np.diag(repeat).tolist())
    supercell = Atoms(found.numbers, cell=found.cell, positions=found.positions, pbc=True)
    supercell.set_masses(np.full(len(supercell), MASS))
    number = len(supercell)
    constants = np.zeros((number, number, 3, 3))
    steps = np.rint(supercell.positions / EDGE).astype(int)
    index = {tuple(step): k for k, step in enumerate(steps % repeat)}
    for k, step in enumerate(steps):
        for axis in range(3):
            springs = np.full(3, across)
            springs[axis] = ALONG
            for side in (-1, 1):
                other = index[tuple((step + side * np.eye(3, dtype=int)[axis]) % repeat)]
                constants[k, other] -= np.diag(springs)
                constants[k, k] += np.diag(springs)
    return primitive, supercell, constants


def cubic_modes(repeat=(3, 3, 3), procedure="umklapp", across=ACROSS):
    return supercell_modes.build_modes(*cubic_springs(repeat, across), procedure)


@pytest.fixture(scope="module")
def modes():
    return cubic_modes()


def exact_squares(qpoints, mass=MASS):
    """ω² of the three directions in eV/(Å² u), (n_q, 3)."""
    springs = np.full((3, 3), ACROSS) + (ALONG - ACROSS) * np.eye(3)
    return 2 * (1 - np.cos(2 * np.pi * qpoints)) @ springs / mass


def motion(modes, times, amplitudes):
    """Displacements and velocities from complex amplitudes (n, n_q, n_b) of waves along q."""
    omega = modes.solution.angular()
    waves = modes.waves.reshape(-1, modes.waves.shape[2])
    phase = np.exp(-1j * omega * units.fs * times[:, None, None])
    parts = (amplitudes * phase).reshape(len(times), -1)
    rate = parts * (-1j * omega.ravel() * units.fs)
    scale = np.sqrt(np.repeat(modes.masses, 3))
    shape = (len(times), -1, 3)
    u, v = ((2 * (each @ waves).real / scale).reshape(shape) for each in (parts, rate))
    return u, v


def complex_noise(seed, shape, decay):
    """Stationary complex series with ⟨a*(t) a(0)⟩ = decayᵗ."""
    generator = np.random.default_rng(seed)
    noise = (generator.normal(size=shape) + 1j * generator.normal(size=shape)) / np.sqrt(2)
    noise[1:] *= np.sqrt(1 - decay**2)
    return signal.lfilter([1], [1, -decay], noise, axis=0)


def test_frequencies_and_velocities_are_those_of_the_springs(modes):
    solution = modes.solution
    found = np.sort(solution.angular() ** 2, axis=1)
    np.testing.assert_allclose(found, np.sort(exact_squares(solution.qpoints), axis=1), atol=1e-9)
    q = np.array([[0.13, 0.02, 0.31]])
    one = supercell_modes.solve(modes.phonon, np.concatenate([np.zeros((1, 3)), q]))
    springs = np.full((3, 3), ACROSS) + (ALONG - ACROSS) * np.eye(3)
    squares = exact_squares(q)[0]
    order = np.argsort(squares)
    slope = springs * np.sin(2 * np.pi * q[0])[:, None] * EDGE / MASS
    expected = (slope / np.sqrt(squares)).T[order] * units.fs
    np.testing.assert_allclose(one.velocities[1], expected, atol=1e-9)


@pytest.mark.parametrize("procedure", ["umklapp", "vibes"])
@pytest.mark.parametrize("repeat", [(3, 3, 3), (2, 3, 4)])
def test_the_waves_are_an_orthonormal_basis(repeat, procedure):
    waves = cubic_modes(repeat, procedure).waves
    flat = waves.reshape(-1, waves.shape[2])
    np.testing.assert_allclose(flat @ flat.conj().T, np.eye(len(flat)), atol=1e-10)


def test_degenerate_eigenvectors_do_not_depend_on_rounding():
    generator = np.random.default_rng(0)
    values = np.array([1.0, 1.0, 2.0, 2.0, 2.0, 3.0])
    vectors = np.linalg.qr(generator.normal(size=(6, 6)) + 1j * generator.normal(size=(6, 6)))[0]
    turned = vectors.copy()
    turned[:, :2] = vectors[:, :2] @ np.linalg.qr(generator.normal(size=(2, 2)))[0]
    turned[:, 2:5] = vectors[:, 2:5] @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
    one, other = (supercell_modes._fixed(values, each) for each in (vectors, turned))
    np.testing.assert_allclose(np.abs(np.sum(one.conj() * other, axis=0)), 1, atol=1e-10)
    np.testing.assert_allclose(one.conj().T @ one, np.eye(6), atol=1e-12)


@pytest.mark.parametrize("name", ["sc", "fcc", "diamond"])
@pytest.mark.parametrize("matrix", [np.diag([3, 3, 3]), [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]])
def test_commensurate_points_are_those_of_phonopy(name, matrix):
    primitive = bulk("C", name, a=4.0)
    cell = np.array(matrix) @ primitive.cell.array
    found = supercell_modes.commensurate(primitive.cell.array, cell)
    expected = get_commensurate_points(np.array(matrix).T)
    assert len(found) == len(expected) == abs(round(np.linalg.det(matrix)))
    np.testing.assert_allclose(found[0], 0, atol=1e-12)
    codes = qpoint_stars._codes((found + 1e-7) % 1)
    assert set(codes) == set(qpoint_stars._codes((expected + 1e-7) % 1))
    assert (found >= -0.5).all()
    assert (found < 0.5).all()


def test_mode_energies_add_up_to_the_energy_of_the_crystal(modes):
    _, supercell, constants = cubic_springs((3, 3, 3))
    generator = np.random.default_rng(1)
    u, v = generator.normal(size=(2, 5, len(supercell), 3))
    u, v = (0.1 * (x - x.mean(axis=1, keepdims=True)) for x in (u, v / 100))
    matrix = constants.transpose(0, 2, 1, 3).reshape(3 * len(supercell), -1)
    potential = 0.5 * np.einsum("ti,ij,tj->t", u.reshape(5, -1), matrix, u.reshape(5, -1))
    kinetic = 0.5 * MASS * ((v / units.fs) ** 2).sum(axis=(1, 2))
    found = supercell_modes.mode_energies(u, v, modes)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), potential + kinetic, rtol=1e-10)
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-12)
    backwards = supercell_modes.mode_energies(u, v, modes, backwards=True)
    np.testing.assert_allclose(backwards.sum(axis=(1, 2)), potential + kinetic, rtol=1e-10)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_travelling_wave_is_one_mode(modes, chunk, monkeypatch):
    monkeypatch.setattr(supercell_modes, "CHUNK", chunk)
    times = 5.0 * np.arange(20)
    qpoint, branch = 9, 1
    amplitudes = np.zeros((20, *modes.solution.frequencies.shape), dtype=complex)
    amplitudes[:, qpoint, branch] = 0.2
    u, v = motion(modes, times, amplitudes)
    found = supercell_modes.mode_energies(u, v, modes)
    expected = 2 * modes.solution.angular()[qpoint, branch] ** 2 * 0.04
    np.testing.assert_allclose(found[:, qpoint, branch], expected, rtol=1e-9)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), expected, rtol=1e-9)
    opposite = np.abs(modes.solution.qpoints + modes.solution.qpoints[qpoint]).sum(axis=1).argmin()
    backwards = supercell_modes.mode_energies(u, v, modes, backwards=True)
    np.testing.assert_allclose(backwards[:, opposite].sum(axis=1), expected, rtol=1e-9)


def test_known_lifetimes_are_found(modes):
    times, tau = 20.0 * np.arange(20_000), 400.0
    shape = (len(times), *modes.solution.frequencies.shape)
    # |a|² forgets twice as fast as a
    amplitudes = 0.1 * complex_noise(2, shape, np.exp(-20.0 / (2 * tau)))
    energies = 2 * np.abs(amplitudes) ** 2 * modes.solution.angular() ** 2
    for procedure in ("umklapp", "vibes"):
        correlations = lifetimes.energy_correlations(energies, procedure)
        found = lifetimes.fit_lifetimes(correlations, times, procedure)
        assert np.isnan(found[0]).all()
        moving = found[1:]
        assert moving.mean() == pytest.approx(tau, rel=0.03)
        assert moving.std() < 0.2 * tau


def test_pooling_takes_the_bias_of_short_runs(modes):
    """The own mean and variance of a run of 25 decay times cost more than a tenth of it."""
    times, tau, number = 20.0 * np.arange(500), 400.0, 12
    shape = (len(times), *modes.solution.frequencies.shape)
    runs = []
    for seed in range(number):
        amplitudes = 0.1 * complex_noise(seed, shape, np.exp(-20.0 / (2 * tau)))
        # equipartition, as in classical dynamics
        runs.append(np.abs(amplitudes) ** 2 * (modes.solution.frequencies > 1e-3))
    single = [ModeEnergies.of_single_modes(run) for run in runs]
    stars = qpoint_stars.find_stars(modes.solution.qpoints, modes.rotations)
    pooled = lifetimes.pooled_correlations(single, stars)
    alone = np.mean([lifetimes.energy_correlations(run) for run in runs], axis=0)
    found = [np.nanmean(lifetimes.fit_lifetimes(each, times)[1:]) for each in (pooled, alone)]
    assert found[0] == pytest.approx(tau, rel=0.06)
    assert found[1] < 0.88 * tau


def test_lifetimes_survive_the_way_through_the_crystal():
    modes = cubic_modes((2, 2, 3))
    times, tau = 10.0 * np.arange(6000), 300.0
    shape = (len(times), *modes.solution.frequencies.shape)
    amplitudes = 0.05 * complex_noise(3, shape, np.exp(-10.0 / (2 * tau)))
    amplitudes[:, 0] = 0
    u, v = motion(modes, times, amplitudes)
    energies = supercell_modes.mode_energies(u, v, modes)
    correlations = lifetimes.energy_correlations(energies)
    found = lifetimes.fit_lifetimes(correlations, times)
    assert np.nanmean(found[1:]) == pytest.approx(tau, rel=0.1)


@given(st.floats(40, 4000), st.floats(1, 15))
def test_an_exact_exponential_gives_its_decay_time(tau, step):
    times = step * np.arange(2000)
    correlations = np.exp(-times / tau)[:, None, None]
    if 0.693 * tau > times[-2]:
        with pytest.raises(InputError, match="run longer"):
            lifetimes.fit_lifetimes(correlations, times)
        return
    found = lifetimes.fit_lifetimes(correlations, times)
    assert found[0, 0] == pytest.approx(tau, rel=1e-5)
    finite = lifetimes.fit_lifetimes(correlations, times, "vibes")
    assert 1 / finite[0, 0] == pytest.approx(1 / tau - 1 / times[-1], rel=1e-4)


def test_what_decays_at_once_has_no_lifetime():
    times = np.arange(10.0)
    fast = np.array([1, 0.4, 0.1, *np.zeros(7)])
    two = np.array([1, 0.6, 0.1, *np.zeros(7)])
    found = lifetimes.fit_lifetimes(np.stack([fast, two, 0 * two], axis=1)[:, None], times)
    assert np.isnan(found[0, [0, 2]]).all()
    assert found[0, 1] == pytest.approx(1 / np.log(1 / 0.6))


def test_stars_of_a_cubic_mesh(modes):
    stars = qpoint_stars.find_stars(modes.solution.qpoints, modes.rotations)
    # Γ, faces, edges, corners of the 3 × 3 × 3 mesh
    assert np.bincount(stars.of_point).tolist() == [1, 6, 12, 8]
    values = np.random.default_rng(4).normal(size=(27, 3))
    averaged = qpoint_stars.average_over_stars(values, stars)
    np.testing.assert_allclose(averaged.mean(axis=0), values.mean(axis=0))
    np.testing.assert_allclose(qpoint_stars.average_over_stars(averaged, stars), averaged)
    values[3, 1] = np.nan
    hidden = np.isnan(qpoint_stars.average_over_stars(values, stars)[:, 1])
    np.testing.assert_array_equal(hidden, stars.of_point == stars.of_point[3])


@pytest.mark.parametrize("procedure", ["umklapp", "vibes"])
def test_rotations_lead_to_the_first_point_of_a_star(modes, procedure):
    axis = np.arange(4) / 4 - 0.5
    points = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    stars = qpoint_stars.find_stars(points, modes.rotations, procedure)
    turned = np.einsum("qi,qij->qj", points, modes.rotations[stars.rotation])
    difference = turned - points[stars.irreducible][stars.of_point]
    if procedure == "umklapp":
        difference -= np.rint(difference)
    np.testing.assert_allclose(difference, 0, atol=1e-9)
    assert len(stars.irreducible) == 10
    assert (stars.irreducible[stars.of_point] <= np.arange(64)).all()


@pytest.mark.parametrize(
    ("number", "stars"), [(4, 16), (6, 40), (8, 80), (10, 140), (12, 224), (16, 480), (20, 880)]
)
def test_meshes_have_the_number_of_stars_that_fhi_vibes_prints(number, stars):
    """For face-centred cubic argon, FHI-vibes' tutorial on Green–Kubo."""
    cell = (bulk("Ar", "fcc", 5.4).cell.array, [[0, 0, 0]], [18])
    rotations = spglib.get_symmetry_dataset(cell).rotations
    points = finite_size.mesh_points(number)
    assert len(qpoint_stars.find_stars(points, rotations, "vibes").irreducible) == stars
    true = qpoint_stars.find_stars(points, rotations)
    mapping, _ = spglib.get_ir_reciprocal_mesh([number] * 3, cell)
    assert len(true.irreducible) == len(set(mapping))


def test_spectra_peak_at_the_frequency_and_integrate_to_the_temperature():
    modes = cubic_modes((2, 2, 2))
    times, temperature = 10.0 * np.arange(4000), 200.0
    omega = modes.solution.angular()
    size = np.divide(
        np.sqrt(units.kB * temperature / 2), omega, out=np.zeros_like(omega), where=omega > 0
    )
    shape = (len(times), *omega.shape)
    amplitudes = size * complex_noise(5, shape, np.exp(-10.0 / 2000))
    _, velocities = motion(modes, times, amplitudes)
    frequencies, spectra = lifetimes.spectral_functions(velocities, times, modes)
    integral = spectra.sum(axis=0) * frequencies[1]
    assert integral[1:].mean() == pytest.approx(units.kB * temperature, rel=0.1)
    momenta = velocities / units.fs * np.sqrt(MASS)
    assert integral.sum() == pytest.approx((momenta**2).sum() / len(times))
    peaks = frequencies[spectra.argmax(axis=0)]
    np.testing.assert_allclose(peaks[1:], modes.solution.frequencies[1:], atol=0.3)


@given(st.integers(2, 40))
def test_spectra_keep_the_power_of_runs_of_any_length(number):
    modes = cubic_modes((1, 1, 2))
    velocities = np.random.default_rng(number).normal(size=(number + 3, 2, 3))
    times = 2.0 * np.arange(number + 3)
    frequencies, spectra = lifetimes.spectral_functions(velocities, times, modes)
    power = ((velocities / units.fs) ** 2).sum() * MASS / len(times)
    assert spectra.sum() * frequencies[1] == pytest.approx(power)


def test_input_that_does_not_fit_is_refused(modes):
    primitive, supercell, constants = cubic_springs((2, 2, 2))
    with pytest.raises(InputError, match="not those of 8 atoms with 1"):
        supercell_modes.build_modes(primitive, supercell, constants[:2])
    with pytest.raises(InputError, match="another order"):
        supercell_modes.build_modes(primitive, supercell[::-1], constants)
    heavy = primitive.copy()
    heavy.set_masses([2 * MASS])
    with pytest.raises(InputError, match="masses"):
        supercell_modes.build_modes(heavy, supercell, constants)
    with pytest.raises(InputError, match="eigenvectors of shape"):
        supercell_modes.build_modes(primitive, supercell, constants, eigenvectors=np.eye(3))
    with pytest.raises(InputError, match="not those of 27 atoms"):
        supercell_modes.mode_energies(np.zeros((4, 8, 3)), np.zeros((4, 8, 3)), modes)
    with pytest.raises(InputError, match="frames are missing"):
        lifetimes.fit_lifetimes(np.ones((4, 1, 1)), np.array([0.0, 1, 2, 4]))


def test_all_forms_of_force_constants_are_the_same():
    primitive, supercell, constants = cubic_springs((2, 2, 3))
    square = constants.transpose(0, 2, 1, 3).reshape(36, 36)
    wanted = supercell_modes.build_modes(primitive, supercell, constants).solution.frequencies
    for form in (constants[:1], square):
        found = supercell_modes.build_modes(primitive, supercell, form).solution.frequencies
        np.testing.assert_allclose(found, wanted, atol=1e-5)
