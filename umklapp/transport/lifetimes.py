"""Phonon lifetimes from molecular dynamics: how the energies of the modes of a supercell decay.

The energy of a mode fluctuates; its normalised autocorrelation decays as exp(−t/τ) (Knoop et al.,
Phys. Rev. B 107, 224304 (2023)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import units
from scipy import fft, optimize

from umklapp.errors import InputError
from umklapp.transport.degenerate_modes import ModeEnergies
from umklapp.transport.qpoint_stars import Stars, average_over_stars
from umklapp.transport.series import Procedure, autocorrelation, timestep
from umklapp.transport.supercell_modes import Modes, project


def energy_correlations(energies: np.ndarray, procedure: Procedure = "umklapp") -> np.ndarray:
    """Normalised autocorrelations of the energy fluctuations of one run, as `energies`.

    The run's own mean and variance pull the correlations of a decay time τ down by a few τ/T in a
    run of length T, and lifetimes with them: `pooled_correlations` is better where there are
    several runs. `vibes` divides by n and applies the Hann window; zero for modes without energy.

    Args:
        energies: (n, n_q, n_b) eV.
    """
    change = energies - energies.mean(axis=0)
    size = change.std(axis=0)
    change = np.divide(change, size, out=np.zeros_like(change), where=size > 0)
    like_vibes = procedure == "vibes"
    return autocorrelation(change, biased=like_vibes, hann=like_vibes)


def pooled_correlations(runs: Sequence[ModeEnergies], stars: Stars) -> np.ndarray:
    """Normalised energy autocorrelations of several runs of one length, (n, n_q, n_b).

    They are means over the eigenvectors that a degenerate space could have, so that all modes of
    the space have the same. Means and correlations are those of all runs and symmetry-equivalent
    modes together. A run at constant energy has its own temperature: the common mean is scaled by
    it.

    Args:
        runs: of the same modes.
    """
    shortest = min(len(run.energies) for run in runs)
    runs = [run.first(shortest) for run in runs]
    own = [run.energies.mean(axis=0) for run in runs]
    common = average_over_stars(np.mean(own, axis=0), stars)
    total = common.mean()
    summed = np.zeros((shortest, *common.shape))
    for run, mean in zip(runs, own, strict=True):
        scale = mean.mean() / total if total > 0 else 1.0
        summed += autocorrelation(run.energies - common * scale)
        summed += run.to_modes(autocorrelation(run.within))
    by_point = summed.transpose(1, 2, 0).reshape(len(common), -1)
    pooled = average_over_stars(by_point, stars).reshape(*common.shape, shortest)
    products = pooled.transpose(2, 0, 1)
    return np.divide(products, products[0], out=np.zeros_like(products), where=products[0] > 0)


def fit_lifetimes(
    correlations: np.ndarray, times: np.ndarray, procedure: Procedure = "umklapp"
) -> np.ndarray:
    """τ of y₀ exp(−t/τ), fitted before the correlation first falls below one half.

    `vibes` subtracts 1/T from 1/τ, T the length of the run: to first order what the division by n
    took from the correlations. `umklapp` has not taken it.

    Args:
        correlations: (n, n_q, n_b), as from `energy_correlations`. times: (n,) fs.

    Returns:
        (n_q, n_b) fs; NaN where the correlation falls within the first two steps or is zero.

    Raises:
        InputError: a correlation does not fall below one half.
    """
    step = timestep(times)
    lifetimes = np.full(correlations.shape[1:], np.nan)
    for index in np.ndindex(lifetimes.shape):
        one = correlations[(slice(None), *index)]
        if one[0] < 1e-12:
            continue
        below = np.flatnonzero(one < 0.5)
        if not len(below):
            raise InputError(
                f"lifetimes: the energy of mode {index[1]} at q-point {index[0]} is still "
                f"correlated after {times[-1] - times[0]:g} fs: run longer"
            )
        if below[0] >= 2:
            lifetimes[index] = _decay(one[: below[0]]) * step
    if procedure == "vibes":
        lifetimes = 1 / (1 / lifetimes - 1 / (times[-1] - times[0]))
    return lifetimes


def _decay(values: np.ndarray) -> float:
    """Decay time of y₀ exp(−k/τ) in steps."""
    steps = np.arange(len(values), dtype=float)
    if len(values) == 2:
        return float(1 / np.log(values[0] / values[1]))
    best, _ = optimize.curve_fit(lambda x, tau, y0: y0 * np.exp(-x / tau), steps, values)
    return float(best[0])


def spectral_functions(
    velocities: np.ndarray, times: np.ndarray, modes: Modes
) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of the velocity of every mode; its sum over modes is the vibrational density.

    Args:
        velocities: (n, N, 3) Å/fs. times: (n,) fs.

    Returns:
        frequencies (m,) THz and (m, n_q, n_b) eV/THz: the integral over frequency is ⟨|p|²⟩, which
        is k_B T for a classical mode.
    """
    step = timestep(times)
    momenta = np.concatenate(list(project(velocities / units.fs, modes)))
    steps = len(momenta)
    power = np.abs(fft.fft(momenta, axis=0)) ** 2 * (step / steps / 1000)
    half = steps // 2 + 1
    # positive and negative frequencies of a complex coordinate are two directions of travel
    mirrored = power[-np.arange(half) % steps]
    weight = np.full(half, 1.0)
    weight[0] = 0.5
    if steps % 2 == 0:
        weight[-1] = 0.5
    return fft.rfftfreq(steps, step) * 1000, weight[:, None, None] * (power[:half] + mirrored)
