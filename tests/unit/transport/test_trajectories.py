"""Green–Kubo of recorded trajectories: made ones with a known κ, and real ones of argon."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import harmonic_reference
from umklapp.potentials.committee import Committee
from umklapp.potentials.heat_transport import LennardJones
from umklapp.transport import nve, supercell_modes, trajectories
from umklapp.transport.green_kubo import prefactor
from umklapp.transport.green_kubo_series import GreenKuboSeries

STEP, TEMPERATURE = 10.0, 300.0
SETTINGS = config.GreenKubo(temperature=TEMPERATURE)


def made(kappa=2.0, tau=100.0, runs=6, steps=20000, seed=0, **changes):
    """Runs whose flux is an Ornstein–Uhlenbeck process with κ = V/(k_B T²) ⟨J²⟩ τ."""
    sites = bulk("Ar", "fcc", a=5.3, cubic=True)
    volume = sites.cell.volume
    width = np.sqrt(kappa / (prefactor(volume, TEMPERATURE) * tau)) * volume
    generator, decay = np.random.default_rng(seed), np.exp(-STEP / tau)
    found = []
    for number in range(runs):
        noise = generator.normal(size=(steps, 3)) * np.sqrt(1 - decay**2)
        flux = np.empty_like(noise)
        flux[0] = generator.normal(size=3)
        for n in range(1, steps):
            flux[n] = decay * flux[n - 1] + noise[n]
        energy = np.full(steps, -5.0)
        temperature = np.full(steps, TEMPERATURE)
        values = {
            "step": STEP, "frame_step": 2 * STEP, "flux": width * flux, "full": 2 * width * flux,
            "temperature": temperature, "energy": energy, "sites": sites, "member": number % 2,
        }  # fmt: skip
        found.append(nve.Run(**(values | changes)))
    return found


def vibrations(number, far=0.0):
    """Velocities with one peak at 5 THz; one atom `far` (Å) from its site for a while."""
    time = 2 * STEP * np.arange(2000)
    phases = np.random.default_rng(number).uniform(0, 2 * np.pi, size=(4, 3))
    velocities = np.cos(2 * np.pi * 0.005 * time[:, None, None] + phases)
    displacements = np.zeros_like(velocities)
    displacements[500:600, 1, 0] = far
    return displacements, velocities


def test_a_known_conductivity_is_found_by_both_estimators():
    record, series = trajectories.analyse(made(), SETTINGS, vibrations)
    assert record.kappa_W_per_mK == pytest.approx(2.0, abs=4 * record.error_W_per_mK)
    assert 0 < record.error_W_per_mK < 0.3
    second = record.cepstral
    assert second.kappa_W_per_mK == pytest.approx(2.0, abs=4 * second.error_W_per_mK)
    assert set(record.committee.members) == {"0", "1"}
    assert record.lowest_vibration_THz == pytest.approx(5.0, rel=0.02)
    rows = record.convergence["length_ps"]
    assert [row.at for row in rows] == pytest.approx([50, 100, 150, 200], rel=1e-3)
    assert len(series.times_fs) == 20000
    # the integral reaches κ at some correlation times
    assert series.integral[60] == pytest.approx(2.0, abs=0.4)


def test_the_gauge_is_chosen():
    full = SETTINGS.model_copy(update={"gauge": "full"})
    one, _ = trajectories.analyse(made(), SETTINGS, vibrations)
    two, _ = trajectories.analyse(made(), full, vibrations)
    assert two.kappa_W_per_mK == pytest.approx(4 * one.kappa_W_per_mK)


def test_runs_of_other_temperatures_are_scaled():
    """κ ∝ ⟨JJ⟩/T²: a run with twice the temperature and flux is the same conductivity."""
    plain = made()
    hot = [
        nve.Run(**{**vars(run), "flux": 1.5 * run.flux, "temperature": 1.5 * run.temperature})
        for run in plain
    ]
    one, _ = trajectories.analyse(plain, SETTINGS, vibrations)
    two, _ = trajectories.analyse([*plain[:3], *hot[3:]], SETTINGS, vibrations)
    assert two.kappa_W_per_mK == pytest.approx(one.kappa_W_per_mK)
    assert two.temperature_K == pytest.approx(1.25 * TEMPERATURE)


def test_a_drifting_and_an_exploded_run_are_left_out():
    runs = made()
    steps = len(runs[0].energy)
    drifting = {**vars(runs[1]), "energy": np.linspace(0, 1, steps)}
    runs[1] = nve.Run(**drifting)
    runs[2] = nve.Run(**{**vars(runs[2]), "ended": "step 7: exploded"})
    record, _ = trajectories.analyse(runs, SETTINGS, vibrations)
    assert set(record.excluded) == {"1", "2"}
    assert "250.00 meV/atom" in record.excluded["1"]
    assert "green_kubo.timestep" in record.excluded["1"]
    assert len(record.trajectories_W_per_mK) == 4
    with pytest.raises(CalculationError, match="no trajectory can be used"):
        trajectories.analyse(runs[1:3], SETTINGS, vibrations)


def test_a_run_that_left_the_crystal_is_left_out():
    runs = made()
    runs[0] = nve.Run(**{**vars(runs[0]), "temperature": 2.5 * runs[0].temperature})
    record, _ = trajectories.analyse(
        runs, SETTINGS, lambda number: vibrations(number, far=3.0 if number == 1 else 0.5)
    )
    assert set(record.excluded) == {"0", "1"}
    assert "750 K at constant energy" in record.excluded["0"]
    assert "from its site" in record.excluded["1"]
    full = SETTINGS.model_copy(update={"gauge": "full"})
    record, _ = trajectories.analyse(runs[1:], full, lambda n: vibrations(n, far=3.0))
    assert not record.excluded


def test_runs_that_are_too_short_are_told_so():
    """Correlations as long as a fifth of the run."""
    record, _ = trajectories.analyse(made(steps=1500, tau=1000.0), SETTINGS, vibrations)
    assert any("raise green_kubo.length" in words for words in record.warnings)
    record, _ = trajectories.analyse(made(), SETTINGS, vibrations)
    assert record.warnings == []


def test_mixed_steps_are_refused():
    runs = made(runs=1) + made(runs=1, step=2 * STEP)
    with pytest.raises(InputError, match="old"):
        trajectories.analyse(runs, SETTINGS, vibrations)


def test_too_short_for_the_spectrum_still_has_a_first_estimate():
    record, series = trajectories.analyse(made(steps=60, runs=30, tau=20.0), SETTINGS, vibrations)
    assert record.kappa_W_per_mK > 0
    assert "run longer" in record.cepstral.not_computed
    assert len(series.cepstral_smooth) == 0


@pytest.fixture(scope="module")
def argon(tmp_path_factory):
    """Two short real runs with all files."""
    folder = tmp_path_factory.mktemp("argon")
    primitive = bulk("Ar", "fcc", a=5.3)
    sites = phonopy_cells.supercell(primitive, [[-2, 2, 2], [2, -2, 2], [2, 2, -2]])
    source = LennardJones(0.0104, 3.405, 6.5, sites)
    settings = config.GreenKubo(
        temperature=40.0, timestep=5.0, equilibration=2.0, length=40.0, flux_every=4
    )
    paths = []
    for number in range(2):
        path = folder / f"trajectory_{number}.h5"
        nve.run(source, sites, settings, number, folder, path, member=number)
        paths.append(path)
    return primitive, sites, source, settings, paths


def test_real_runs_have_lifetimes_and_a_size_correction(argon, tmp_path):
    primitive, sites, source, settings, paths = argon
    constants = harmonic_reference.of_potential(source, primitive, sites, 0.01)
    modes = supercell_modes.build_modes(primitive, sites, constants)
    record, series = trajectories.analyse(
        [nve.read(path) for path in paths], settings, lambda n: nve.read_frames(paths[n]), modes
    )
    assert 0.02 < record.kappa_W_per_mK < 5
    size = record.size
    assert record.corrected_W_per_mK == pytest.approx(
        record.kappa_W_per_mK + size.correction_W_per_mK
    )
    assert np.nanmedian(series.lifetimes_fs) > 100
    # every mode holds k_B T of kinetic and potential energy: the spectra add up to 3N − 3 of them
    area = np.trapezoid(series.vibrational_density_eV_per_THz, series.spectrum_frequencies_THz)
    thermal = (3 * len(sites) - 3) * units.kB * record.temperature_K
    assert area == pytest.approx(thermal, rel=0.05)
    path = tmp_path / "series.h5"
    series.write(path)
    again = GreenKuboSeries.read(path)
    np.testing.assert_array_equal(again.integral, series.integral)


def test_force_constants_of_a_potential_are_its_second_derivatives(argon):
    primitive, sites, source, _, _ = argon
    constants = harmonic_reference.of_potential(source, primitive, sites, 0.005)
    moved = sites.copy()
    shift = np.random.default_rng(0).normal(scale=1e-3, size=(len(sites), 3))
    moved.positions += shift
    force = source.evaluate([moved]).forces[0]
    harmonic = -(constants @ shift.ravel()).reshape(-1, 3)
    assert np.abs(force - harmonic).max() < 0.02 * np.abs(force).max()


def test_frames_of_the_dynamics_are_labelled(argon):
    _, sites, source, _, paths = argon
    found, warmth = trajectories.labelled_frames(paths, Committee([source]), 6)
    assert len(found) == 6
    assert warmth == pytest.approx(40, rel=0.3)
    np.testing.assert_allclose(
        found[3].get_forces(), source.evaluate([found[3]]).forces[0], atol=1e-7
    )
    assert np.abs(found[3].positions - sites.positions).max() < 1.0


def test_units_of_the_flux():
    """V/(k_B T²) ∫⟨JJ⟩ with J in eV/(Å² fs) in SI, by hand."""
    joule, metre = 1.602176634e-19, 1e-10
    volume = 100 * metre**3
    flux = joule / metre**2 / 1e-15
    wanted = volume / (1.380649e-23 * 300**2) * flux**2 * 1e-15
    assert prefactor(100, 300) == pytest.approx(wanted, rel=1e-6)
    assert units.kB == pytest.approx(1.380649e-23 / joule, rel=1e-6)
