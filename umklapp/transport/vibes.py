"""The complete analysis of an FHI-vibes trajectory file, in FHI-vibes' way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units

from umklapp import hdf5
from umklapp.crystals.formats import flux_units, velocities, vibes_netcdf
from umklapp.crystals.formats.vibes_netcdf import DAMAGED
from umklapp.errors import InputError
from umklapp.files import json_of
from umklapp.transport import finite_size, green_kubo, lifetimes, series, supercell_modes
from umklapp.transport.degenerate_modes import ModeEnergies

SAME_PLACE = 1e-3
"""Å; difference of two descriptions of one displacement that is rounding."""

NEEDED = ("time", "heat_flux", "velocities", "temperature")
"""Variables without which there is no κ."""

TWICE = (
    *("stresses_potential", "positions", "cell", "volume"),
    *("positions_reference", "displacements"),
)
"""Variables that are held against others where the file has them."""

HARMONIC = ("force_constants", "displacements", "volume")
"""Variables without which there is no finite-size correction."""


def _read(path: Path, names: tuple[str, ...]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Variables and attributes of a netCDF-4 file."""
    try:
        with vibes_netcdf.opened(path) as file:
            missing = [name for name in names if name not in file]
            if missing:
                raise InputError(
                    f"{path}: variable {missing[0]!r} is missing; write the file with "
                    "`vibes output md` from a run with atomic stresses; its option -fc adds the "
                    "force constants"
                )
            optional = [name for name in TWICE if name in file]
            return {name: file[name][()] for name in (*names, *optional)}, dict(file.attrs)
    except DAMAGED as error:
        cause = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: cannot be read as netCDF-4 (hdf5): {cause}") from None


def _attribute(path: Path, attributes: dict[str, Any], name: str) -> Any:
    if name not in attributes:
        raise InputError(f"{path}: attribute {name!r} is missing; write it with `vibes output md`")
    return attributes[name]


def _atoms(path: Path, attributes: dict[str, Any], name: str) -> Atoms:
    text = _attribute(path, attributes, name)
    data = json_of(text.decode() if isinstance(text, bytes) else str(text))
    atoms = Atoms(data["symbols"], cell=data["cell"], positions=data["positions"], pbc=True)
    if "masses" in data:
        atoms.set_masses(data["masses"])
    return atoms


def analyse(
    path: Path,
    finite: bool = True,
    window_factor: float = 1.0,
    eigenvectors: np.ndarray | None = None,
) -> dict[str, Any]:
    """κ, its parts and everything in between; names end with the unit.

    Args:
        path: netCDF-4 of `vibes output md`: velocities in ASE's unit, flux in eV/(Å² fs), or per ps
            before FHI-vibes 1.1.0 (`flux_units`).
        finite: with mode lifetimes and finite-size correction.
        window_factor: periods of the slowest vibration in the noise filter.
        eigenvectors: (n_q, n_b, n_b), see `supercell_modes.build_modes`. Rounding errors choose
            them in degenerate spaces, and with them the energies and lifetimes of single degenerate
            modes.

    Raises:
        InputError: what is missing or does not fit, with the file.
    """
    path = Path(path)
    data, attributes = _read(path, NEEDED + HARMONIC if finite else NEEDED)
    volume = float(np.squeeze(_attribute(path, attributes, "volume")))
    data["heat_flux"] = data["heat_flux"] * _flux_unit(path, data, attributes)
    try:
        _check_redundant(data, attributes, volume)
        quantities = _green_kubo(data, volume, window_factor)
        if finite:
            primitive = _atoms(path, attributes, "atoms_primitive")
            supercell = _atoms(path, attributes, "atoms_supercell")
            supercell.set_masses(np.asarray(_attribute(path, attributes, "masses")))
            modes = supercell_modes.build_modes(
                primitive, supercell, data["force_constants"], "vibes", eigenvectors
            )
            quantities.update(_finite_size(data, modes, quantities))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except DAMAGED as error:
        raise InputError(f"{path}: {type(error).__name__}: {str(error)[:300]}") from None
    return quantities


def _check_redundant(
    data: dict[str, np.ndarray], attributes: dict[str, Any], volume: float
) -> None:
    """What the file says twice must agree.

    Raises:
        InputError: volume, temperature, velocities, displacements or flux contradict others.
    """
    speeds = data["velocities"] * units.fs
    moving = np.isfinite(speeds).all(axis=(1, 2))
    if "cell" in data:
        volumes = np.abs(np.linalg.det(data["cell"]))
        for name, stated in (("attribute", volume), ("variable", data.get("volume", volume))):
            if np.abs(stated / volumes - 1).max() > vibes_netcdf.SAME_VOLUME:
                raise InputError(f"the {name} volume is not that of the cell, {volumes[0]:.6g} Å³")
        if "positions" in data and moving.any():
            parts = [values[moving] for values in (data["positions"], data["cell"])]
            velocities.check(data["time"][moving], parts[0], speeds[moving], parts[1], "motion")
    if "masses" in attributes and moving.any():
        masses = np.asarray(attributes["masses"], float)
        kinetic = (masses[:, None] * data["velocities"][moving] ** 2).sum(axis=(1, 2)).mean()
        moved = kinetic / (3 * max(len(masses) - 1, 1) * units.kB)
        stated = float(np.nanmean(data["temperature"]))
        if abs(stated / moved - 1) > vibes_netcdf.SAME_TEMPERATURE + 1 / max(len(masses) - 1, 1):
            raise InputError(f"temperature of {stated:g} K, but the velocities give {moved:g} K")
    if {"positions", "positions_reference", "cell", "displacements"} <= set(data):
        apart = data["positions"] - data["positions_reference"] - data["displacements"]
        shares = apart @ np.linalg.inv(data["cell"])
        apart = (shares - np.round(shares)) @ data["cell"]
        apart = apart - apart.mean(axis=1, keepdims=True)  # the drift of all atoms may be taken out
        if np.nanmax(np.abs(apart)) > SAME_PLACE:
            raise InputError("displacements are not positions − positions_reference")
    if "stresses_potential" in data:
        flux_units.check(data["heat_flux"], data["stresses_potential"], speeds, "heat_flux")


def _flux_unit(path: Path, data: dict[str, np.ndarray], attributes: dict[str, Any]) -> float:
    """eV/(Å² fs) in the unit of the file's heat flux."""
    computed = None
    if "stresses_potential" in data and not np.isnan(data["stresses_potential"]).all():
        try:
            computed, _ = green_kubo.heat_flux(
                data["stresses_potential"], data["velocities"] * units.fs
            )
        except (InputError, ValueError) as error:
            raise InputError(f"{path}: {error}") from None
    version = flux_units.version_of(attributes.get("raw_metadata"))
    return flux_units.unit(data["heat_flux"], computed, version, str(path))


def _green_kubo(data: dict[str, np.ndarray], volume: float, window_factor: float) -> dict[str, Any]:
    measured = ~np.isnan(data["heat_flux"]).any(axis=1)
    moving = ~np.isnan(data["velocities"]).any(axis=(1, 2))
    velocities = data["velocities"] * units.fs
    frequencies, density = green_kubo.spectrum(
        velocities[moving], data["time"][moving], procedure="vibes"
    )
    lowest = green_kubo.lowest_frequency(frequencies, density)
    temperature = float(np.nanmean(data["temperature"]))
    kappa = green_kubo.estimate(
        data["heat_flux"][measured],
        data["time"][measured],
        volume=volume,
        temperature=temperature,
        frequency=lowest,
        window_factor=window_factor,
        procedure="vibes",
    )
    quantities = {
        "volume_A3": volume,
        "temperature_K": temperature,
        "prefactor_W_A4_fs_per_mK_eV2": kappa.prefactor,
        "heat_flux_eV_per_A2_fs": data["heat_flux"],
        "vdos_frequencies_THz": frequencies,
        "vdos": density,
        "lowest_frequency_THz": lowest,
        "window_fs": kappa.window,
        "window_samples": kappa.width,
        "times_fs": kappa.times,
        "hfacf_W_per_mK_fs": kappa.correlation,
        "kappa_cumulative_W_per_mK": kappa.integral,
        "kappa_cumulative_filtered_W_per_mK": kappa.smooth_integral,
        "hfacf_filtered_W_per_mK_fs": kappa.smooth_correlation,
        "cutoff_times_fs": kappa.cutoffs[0],
        "kappa_W_per_mK": kappa.kappa,
        "kappa_mean_W_per_mK": kappa.scalar(),
        "kappa_error_W_per_mK": kappa.error,
    }
    if "stresses_potential" in data:
        flux, auxiliary = green_kubo.heat_flux(data["stresses_potential"], velocities)
        quantities["heat_flux_from_stresses_eV_per_A2_fs"] = flux
        quantities["heat_flux_aux_eV_per_A2_fs"] = auxiliary
    return quantities


def _finite_size(
    data: dict[str, np.ndarray], modes: supercell_modes.Modes, quantities: dict[str, Any]
) -> dict[str, Any]:
    for name in ("displacements", "velocities"):
        broken = np.flatnonzero(~np.isfinite(data[name]).all(axis=(1, 2)))
        if len(broken):
            raise InputError(f"{name} of step {broken[0]} are not finite: leave out such steps")
    times, kappa = data["time"], quantities["kappa_W_per_mK"]
    volume, temperature = float(data["volume"].mean()), quantities["temperature_K"]
    energies = supercell_modes.mode_energies(
        data["displacements"], data["velocities"] * units.fs, modes, backwards=True
    )
    correlations = lifetimes.energy_correlations(energies, "vibes")
    taus = lifetimes.fit_lifetimes(correlations, times, "vibes")
    single = [ModeEnergies.of_single_modes(energies)]
    capacities = finite_size.heat_capacities(single, volume, temperature)
    harmonic = finite_size.harmonic(modes, capacities, taus, "vibes")
    correction = finite_size.correct(modes, harmonic, procedure="vibes")
    flux = np.einsum("tqs,qsa->ta", energies, modes.solution.velocities) / volume
    flux_correlation = quantities["prefactor_W_A4_fs_per_mK_eV2"] * series.autocorrelation(
        flux - flux.mean(axis=0), biased=True, hann=True, cross=True
    )
    return {
        "qpoints": modes.solution.qpoints,
        "mode_frequencies_THz": modes.solution.frequencies,
        "mode_eigenvectors": modes.solution.eigenvectors,
        "mode_velocities_A_per_fs": modes.solution.velocities,
        "mode_energies_eV": energies,
        "mode_energy_acf": correlations,
        "mode_heat_capacities_eV_per_K_A3": harmonic.capacities,
        "heat_capacity_eV_per_K_A3": harmonic.capacity,
        "mode_lifetimes_fs": taus,
        "mode_lifetimes_symmetrized_fs": harmonic.symmetrized,
        "harmonic_heat_flux_eV_per_A2_fs": flux,
        "harmonic_hfacf_W_per_mK_fs": flux_correlation,
        "harmonic_kappa_cumulative_W_per_mK": green_kubo.cumulative_kappa(
            flux_correlation, series.timestep(times)
        ),
        "kappa_harmonic_W_per_mK": harmonic.kappa,
        "kappa_harmonic_symmetrized_W_per_mK": harmonic.kappa_symmetrized,
        "interpolation_meshes": correction.meshes,
        "interpolation_kappa_W_per_mK": correction.kappas,
        "interpolation_slope_W_per_mK": correction.slope,
        "interpolation_intercept_W_per_mK": correction.intercept,
        "interpolation_slope_error_W_per_mK": correction.slope_error,
        "correction_tensor_W_per_mK": correction.tensor,
        "correction_W_per_mK": correction.scalar,
        "correction_factor": correction.factor,
        "correction_factor_error": correction.factor_error,
        "kappa_corrected_W_per_mK": kappa + correction.scalar * np.eye(3),
        "kappa_corrected_tensor_W_per_mK": kappa + correction.tensor,
    }


def write(path: Path, quantities: dict[str, Any]) -> None:
    """Every quantity of `analyse` as a data set of an hdf5 file; its unit is in its name."""
    with hdf5.writing(path) as file:
        for name, value in quantities.items():
            file[name] = value


def describe(quantities: dict[str, Any]) -> str:
    """The numbers that FHI-vibes prints, one per line."""
    names = (
        *("volume_A3", "temperature_K", "lowest_frequency_THz", "window_fs", "cutoff_times_fs"),
        *("kappa_W_per_mK", "kappa_mean_W_per_mK", "kappa_error_W_per_mK"),
        *("kappa_harmonic_symmetrized_W_per_mK", "correction_W_per_mK", "correction_factor"),
        "kappa_corrected_W_per_mK",
    )
    lines = [
        f"{name}: {np.round(quantities[name], 6).tolist()}" for name in names if name in quantities
    ]
    return "\n".join(lines)


def run(trajectory: Path, out: Path | None = None) -> str:
    """`analyse` a trajectory, write everything where a path is given, and tell the main numbers.

    Raises:
        InputError: as `analyse`.
    """
    quantities = analyse(trajectory)
    if out is not None:
        write(out, quantities)
    return describe(quantities)
