"""The published procedure of FHI-vibes on its argon file.

What FHI-vibes itself says for this file is kept apart from this project, for a comparison by
others; here stand the quantities that the file holds, and the steps one by one.
"""

import shutil

import h5py
import numpy as np
import pytest
from ase import units

from umklapp.errors import InputError
from umklapp.transport import green_kubo, vibes


@pytest.fixture(scope="module")
def argon(shared):
    return shared / "data/vibes/argon_green_kubo.nc"


@pytest.fixture(scope="module")
def found(argon):
    return vibes.analyse(argon)


def test_the_integral_is_cut_at_its_first_dips(found, argon):
    """Every step again, from the flux in the file, without the library."""
    with h5py.File(argon) as file:
        flux, times = file["heat_flux"][()], file["time"][()]
    count, step = len(times), 50.0
    factor = found["volume_A3"] / units.kB / found["temperature_K"] ** 2 * 1.602176634e6
    assert found["prefactor_W_A4_fs_per_mK_eV2"] == pytest.approx(factor, rel=1e-6)
    assert found["window_fs"] == pytest.approx(1000 / found["lowest_frequency_THz"])
    assert found["window_samples"] == 2 * (int(found["window_fs"] / step + 1) // 2) + 1
    change = flux - flux.mean(axis=0)
    hann = np.cos(np.pi * (np.arange(count) + 0.5) / (2 * count - 1)) ** 2
    for a, b in np.ndindex(3, 3):
        products = [np.dot(change[lag:, a], change[: count - lag, b]) for lag in range(count)]
        correlation = factor * hann * np.array(products) / count
        integral = np.concatenate(
            [[0], np.cumsum(0.5 * step * (correlation[1:] + correlation[:-1]))]
        )
        place = int(found["cutoff_times_fs"][a][b] / step)
        # the filtered integral stays near the plain one where it is cut
        largest = np.abs(integral).max()
        assert found["kappa_W_per_mK"][a][b] == pytest.approx(integral[place], abs=0.4 * largest)


def test_the_flux_is_that_of_fhi_vibes(found, argon):
    with h5py.File(argon) as file:
        flux, auxiliary = file["heat_flux"][()], file["heat_flux_aux"][()]
    np.testing.assert_allclose(found["heat_flux_from_stresses_eV_per_A2_fs"], flux, atol=1e-18)
    np.testing.assert_allclose(found["heat_flux_aux_eV_per_A2_fs"], auxiliary, atol=1e-18)


def test_the_size_correction_is_consistent(found):
    harmonic = np.array(found["kappa_harmonic_symmetrized_W_per_mK"])
    tensor = np.array(found["interpolation_intercept_W_per_mK"]) - harmonic
    assert found["correction_W_per_mK"] == pytest.approx(np.trace(tensor) / 3)
    assert found["correction_factor"] == pytest.approx(
        1 + 3 * found["correction_W_per_mK"] / np.trace(harmonic)
    )
    corrected = np.diag(found["kappa_corrected_W_per_mK"]) - np.diag(found["kappa_W_per_mK"])
    np.testing.assert_allclose(corrected, found["correction_W_per_mK"], rtol=1e-9)
    # cubic symmetry after averaging over stars
    np.testing.assert_allclose(np.diag(harmonic), np.trace(harmonic) / 3, rtol=1e-6)


def test_the_commensurate_points_come_by_length(found):
    points = np.array(found["qpoints"])
    assert len(points) == 108
    np.testing.assert_allclose(points[0], 0, atol=1e-12)
    assert len(np.unique(np.round(points % 1, 6) % 1, axis=0)) == 108


def test_mode_energies_add_up_to_the_harmonic_energy_of_the_file(found, argon):
    with h5py.File(argon) as file:
        potential, kinetic = file["energy_potential_harmonic"][()], file["energy_kinetic"][()]
        velocities, masses = file["velocities"][()], file.attrs["masses"]
        u, constants = file["displacements"][()], file["force_constants_remapped"][()]
    flat = u.reshape(len(u), -1)
    np.testing.assert_allclose(0.5 * np.einsum("ti,ij,tj->t", flat, constants, flat), potential)
    drift = (velocities * masses[:, None]).sum(axis=1)
    moving = kinetic - 0.5 * (drift**2).sum(axis=1) / masses.sum()
    total = found["mode_energies_eV"].sum(axis=(1, 2))
    np.testing.assert_allclose(total, potential + moving, rtol=1e-6)


def test_eigenvectors_of_another_program_change_degenerate_modes_only(found, argon):
    own = found["mode_eigenvectors"]
    phases = np.exp(2j * np.pi * np.random.default_rng(0).uniform(size=own.shape[:2]))
    again = vibes.analyse(argon, eigenvectors=own * phases[..., None])
    np.testing.assert_allclose(again["mode_energies_eV"], found["mode_energies_eV"], atol=1e-12)
    np.testing.assert_allclose(
        again["kappa_corrected_W_per_mK"], found["kappa_corrected_W_per_mK"], rtol=1e-6
    )


def test_the_default_procedure_runs_on_the_same_file(argon, found):
    with h5py.File(argon) as file:
        flux, times = file["heat_flux"][()], file["time"][()]
        velocities = file["velocities"][()] * units.fs
    lowest = green_kubo.lowest_frequency(*green_kubo.spectrum(velocities, times))
    assert lowest == pytest.approx(found["lowest_frequency_THz"], rel=1e-3)
    own = green_kubo.estimate(
        flux, times, volume=found["volume_A3"], temperature=found["temperature_K"], frequency=lowest
    )
    assert 0 < own.scalar() < 0.3
    assert own.error is None


def test_frames_without_flux_are_left_out(argon, tmp_path, found):
    path = tmp_path / "every_second.nc"
    shutil.copy(argon, path)
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        flux = file["heat_flux"][()]
        flux[1::2] = np.nan
        file["heat_flux"][()] = flux
    again = vibes.analyse(path, finite=False)
    np.testing.assert_allclose(again["times_fs"], np.arange(0, 2501, 100))
    assert again["lowest_frequency_THz"] == found["lowest_frequency_THz"]
    assert again["window_samples"] == 11
    assert "correction_W_per_mK" not in again


@pytest.mark.parametrize("name", ["heat_flux", "velocities", "force_constants", "volume"])
def test_a_missing_variable_is_named(argon, tmp_path, name):
    path = tmp_path / "part.nc"
    shutil.copy(argon, path)
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        del file[name]
    with pytest.raises(InputError, match=rf"part.nc: variable '{name}' is missing; write"):
        vibes.analyse(path)
    if name in ("force_constants", "volume"):
        assert vibes.analyse(path, finite=False)["kappa_mean_W_per_mK"] > 0


@pytest.mark.parametrize("name", ["volume", "atoms_primitive", "masses"])
def test_a_missing_attribute_is_named(argon, tmp_path, name):
    path = tmp_path / "part.nc"
    shutil.copy(argon, path)
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        del file.attrs[name]
    with pytest.raises(InputError, match=rf"part.nc: attribute '{name}' is missing"):
        vibes.analyse(path)


def test_errors_of_the_analysis_name_the_file(argon, tmp_path):
    path = tmp_path / "gap.nc"
    shutil.copy(argon, path)
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        times = file["time"][()]
        times[20:] += 50
        file["time"][()] = times
    with pytest.raises(InputError, match=r"gap.nc: time axis: step 19"):
        vibes.analyse(path)
    with pytest.raises(InputError, match=r"none.nc: there is no such file"):
        vibes.analyse(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no netCDF at all")
    with pytest.raises(InputError, match=r"text.nc: cannot be read as netCDF-4"):
        vibes.analyse(tmp_path / "text.nc")


def test_everything_is_written_and_the_main_numbers_are_told(found, tmp_path):
    path = tmp_path / "all.h5"
    vibes.write(path, found)
    with h5py.File(path) as file:
        assert set(file) == set(found)
        np.testing.assert_array_equal(file["cutoff_times_fs"][()], found["cutoff_times_fs"])
    told = vibes.describe(found)
    assert "kappa_corrected_W_per_mK: [[" in told
    assert f"{found['correction_factor']:.4f}" in told
