"""What the modes of the supercell tell about κ: lifetimes, κ of the harmonic flux, size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from ase import units

from umklapp.config import GreenKubo
from umklapp.errors import InputError
from umklapp.transport import (
    degenerate_modes,
    finite_size,
    lifetimes,
    qpoint_stars,
    supercell_modes,
)
from umklapp.transport.degenerate_modes import ModeEnergies, average_over_spaces
from umklapp.transport.green_kubo_record import SizeNumbers
from umklapp.transport.green_kubo_series import ModeSeries
from umklapp.transport.series import Procedure
from umklapp.transport.usable_runs import Frames, Usable

EQUIPARTITION = 0.25
"""Largest deviation of ⟨E_mode⟩/k_B T from 1 for modes that describe the dynamics."""


def by_modes(
    kept: Usable,
    settings: GreenKubo,
    frames_of: Callable[[int], Frames],
    modes: supercell_modes.Modes,
) -> tuple[SizeNumbers, ModeSeries]:
    """Lifetimes, κ_ha and the size correction; mean over the trajectories' correlations."""
    series, energies, spectra = ModeSeries(), [], []
    for replica, run in zip(kept.numbers, kept.runs, strict=True):
        displacements, velocities = frames_of(replica)
        times = run.frame_step * np.arange(len(velocities))
        frequencies, spectrum = lifetimes.spectral_functions(velocities, times, modes)
        spectra.append(average_over_spaces(spectrum, modes.solution.frequencies))
        displacements = displacements - displacements.mean(axis=0)
        energies.append(_energies(displacements, velocities, modes, settings.procedure))
    shortest = min(len(run_energies.energies) for run_energies in energies)
    energies = [run_energies.first(shortest) for run_energies in energies]
    if all(len(density) == len(spectra[0]) for density in spectra):
        mean = np.mean(spectra, axis=0)
        series = ModeSeries(
            spectrum_frequencies_THz=frequencies,
            velocity_spectra_eV_per_THz=mean.astype(np.float32),
            vibrational_density_eV_per_THz=mean.sum(axis=(1, 2)),
        )
    if settings.procedure == "vibes":
        each_run = [
            lifetimes.energy_correlations(run_energies.energies, "vibes")
            for run_energies in energies
        ]
        correlation = np.mean(each_run, axis=0)
    else:
        stars = qpoint_stars.find_stars(modes.solution.qpoints, modes.rotations)
        correlation = lifetimes.pooled_correlations(energies, stars)
    times = kept.runs[0].frame_step * np.arange(shortest)
    try:
        tau = lifetimes.fit_lifetimes(correlation, times, settings.procedure)
    except InputError as error:
        return SizeNumbers(not_computed=str(error)), series
    moving = modes.solution.frequencies > 1e-3
    held = np.mean([run_energies.energies.mean(axis=0)[moving].mean() for run_energies in energies])
    share = float(held / (units.kB * kept.temperature))
    if abs(share - 1) > EQUIPARTITION:
        reason = (
            f"modes hold {share:.2f} k_B T instead of 1: the force constants do not describe this "
            "dynamics (strong anharmonicity, or a committee whose curvature is not learned yet)"
        )
        return SizeNumbers(equipartition=share, not_computed=reason), series
    capacities = finite_size.heat_capacities(energies, kept.volume, kept.temperature)
    harmonic = finite_size.harmonic(modes, capacities, tau, settings.procedure)
    series = replace(
        series,
        lifetimes_fs=harmonic.symmetrized,
        mode_frequencies_THz=modes.solution.frequencies,
        mode_qpoints=modes.solution.qpoints,
    )
    kappa = float(np.trace(harmonic.kappa_symmetrized)) / 3
    without = SizeNumbers(equipartition=share, kappa_harmonic_W_per_mK=kappa)
    if not settings.size_correction:
        return without, series
    try:
        size = finite_size.correct(modes, harmonic, procedure=settings.procedure)
    except InputError as error:
        return without.model_copy(update={"not_computed": str(error)}), series
    numbers = SizeNumbers(
        equipartition=share,
        kappa_harmonic_W_per_mK=kappa,
        correction_W_per_mK=size.scalar,
        factor=size.factor,
        factor_error=size.factor_error,
        meshes=size.meshes.tolist(),
        kappas_W_per_mK=(np.trace(size.kappas, axis1=1, axis2=2) / 3).tolist(),
        extrapolated_W_per_mK=float(np.trace(size.intercept)) / 3,
    )
    return numbers, series


def _energies(
    displacements: np.ndarray,
    velocities: np.ndarray,
    modes: supercell_modes.Modes,
    procedure: Procedure,
) -> ModeEnergies:
    """Of single modes as FHI-vibes takes them, or averaged over degenerate spaces."""
    if procedure == "vibes":
        single = supercell_modes.mode_energies(displacements, velocities, modes)
        return ModeEnergies.of_single_modes(single)
    return degenerate_modes.mode_energies(displacements, velocities, modes)
