"""What the modes of the supercell tell about κ: lifetimes, κ of the harmonic flux, size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from umklapp.transport.series import Procedure
from umklapp.transport.usable_runs import Frames, Usable

EQUIPARTITION = 0.25
"""Largest deviation of ⟨E_mode⟩/k_B T from 1 for modes that describe the dynamics."""


def by_modes(
    kept: Usable,
    settings: GreenKubo,
    frames_of: Callable[[int], Frames],
    modes: supercell_modes.Modes,
    series: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Lifetimes, κ_ha and the size correction; mean over the trajectories' correlations."""
    energies, spectra = [], []
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
        series.update(
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
        return {"not_computed": str(error)}
    moving = modes.solution.frequencies > 1e-3
    held = np.mean([run_energies.energies.mean(axis=0)[moving].mean() for run_energies in energies])
    share = float(held / (units.kB * kept.temperature))
    if abs(share - 1) > EQUIPARTITION:
        return {
            "equipartition": share,
            "not_computed": f"modes hold {share:.2f} k_B T instead of 1: the force constants do "
            "not describe this dynamics (strong anharmonicity, or a committee whose curvature is "
            "not learned yet)",
        }
    capacities = finite_size.heat_capacities(energies, kept.volume, kept.temperature)
    harmonic = finite_size.harmonic(modes, capacities, tau, settings.procedure)
    series.update(
        lifetimes_fs=harmonic.symmetrized,
        mode_frequencies_THz=modes.solution.frequencies,
        mode_qpoints=modes.solution.qpoints,
    )
    result: dict[str, Any] = {
        "equipartition": share,
        "kappa_harmonic_W_per_mK": float(np.trace(harmonic.kappa_symmetrized)) / 3,
    }
    if not settings.size_correction:
        return result
    try:
        size = finite_size.correct(modes, harmonic, procedure=settings.procedure)
    except InputError as error:
        return {**result, "not_computed": str(error)}
    return {
        **result,
        "correction_W_per_mK": size.scalar,
        "factor": size.factor,
        "factor_error": size.factor_error,
        "meshes": size.meshes.tolist(),
        "kappas_W_per_mK": (np.trace(size.kappas, axis1=1, axis2=2) / 3).tolist(),
        "extrapolated_W_per_mK": float(np.trace(size.intercept)) / 3,
    }


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
