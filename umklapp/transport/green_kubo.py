"""κ from a heat-flux series: Green–Kubo integral, noise filter, cutoff at the first dip.

κ_ab = V/(k_B T²) ∫₀^t_c ⟨J_a(t) J_b(0)⟩ dt. The integral is smoothed over one period of the slowest
significant vibration and cut where its smoothed derivative first becomes negative (Knoop et al.,
Phys. Rev. B 107, 224304 (2023)). Two procedures:

`vibes` repeats FHI-vibes step by step: correlations divided by N_t (not by N_t − lag) and tapered
by a one-sided Hann window, one cutoff for each of the nine components, κ a third of the trace, its
error the spread of the three diagonal elements over √3.

`umklapp` (the default) differs where the statistics ask for it:

- Correlations are divided by the number of products, N_t − lag, without a window. Division by N_t
  and the Hann window both pull the correlations towards zero by about t/T at lag t of a run of
  length T, always in the same direction; more runs do not cure that. The larger noise of the
  unbiased estimate sits at long lags, beyond the cutoff, where it is never looked at.
- The mean flux of all trajectories together is removed: an own mean per trajectory lowers κ by a
  fraction 2 t_c/T, the common one by 2 t_c/(M T).
- One cutoff, from the average over the three diagonal elements and all M trajectories: noise in
  nine separate cutoffs of one run each is the largest error of κ in short runs.
- The error is the sample standard deviation over independent trajectories / √M, and missing for
  one trajectory, because three components of one run say nothing about slow drifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy import fft, integrate, signal

from umklapp.errors import CalculationError, InputError
from umklapp.transport.series import Procedure, autocorrelation, smooth, timestep

TO_SI = units._e * 1e25
"""W/(m K) in one eV/(Å fs K)."""

THRESHOLD = 0.1
"""THz; peaks below are not vibrations."""

PROMINENCE = 0.2
"""Least height of a significant peak over its surroundings, as a part of the highest peak."""

PADDING = 10_000
"""Zeros appended to the velocity correlation, for a fine frequency axis."""


SHORTEST_FILTER = 3
"""Samples in the noise filter, an odd number; a line is fitted to them."""


@dataclass(frozen=True)
class Conductivity:
    """κ of M trajectories and all that leads to it.

    times: (n,) fs; correlation, smooth_correlation: (n, 3, 3) W/(m K fs), prefactor included;
    integral, smooth_integral: (n, 3, 3) W/(m K); cutoffs: (M, 3, 3) fs, 0 where no dip was found;
    kappa: (3, 3) W/(m K); members: (M,) W/(m K), a third of the trace of each trajectory;
    error: W/(m K), standard error of the mean, None when it is unknown; window: fs; width: samples
    of the filter; prefactor: W/(m K) Å⁴ fs/eV². Series are means over the trajectories.
    """

    procedure: Procedure
    times: np.ndarray
    correlation: np.ndarray
    integral: np.ndarray
    smooth_correlation: np.ndarray
    smooth_integral: np.ndarray
    cutoffs: np.ndarray
    kappa: np.ndarray
    members: np.ndarray
    error: float | None
    window: float
    width: int
    prefactor: float

    def scalar(self) -> float:
        """A third of the trace, W/(m K)."""
        return float(np.trace(self.kappa)) / 3


@dataclass(frozen=True)
class CommitteeKappa:
    """κ of a committee of potentials, W/(m K).

    kappa: mean; members: (K,); statistical: standard error of the mean from finite trajectories,
    None if a member has none; model: spread of the members beyond what their own statistical
    errors explain, None if those are missing; spread: sample standard deviation of the members,
    None for one member.
    """

    kappa: float
    members: np.ndarray
    statistical: float | None
    model: float | None
    spread: float | None


def prefactor(volume: float, temperature: float) -> float:
    """V/(k_B T²) that turns ∫⟨JJ⟩dt in eV²/(Å⁴ fs) into W/(m K).

    Args:
        volume: Å³. temperature: K.

    Raises:
        InputError: one of them is not positive.
    """
    for name, value, unit in (("volume", volume, "Å³"), ("temperature", temperature, "K")):
        if not (np.isfinite(value) and value > 0):
            raise InputError(
                f"Green–Kubo: {name} of {value:g} {unit} is not positive: give that of the cell in "
                "which the flux was recorded"
            )
    return float(1 / units.kB / temperature**2 * volume * TO_SI)


def heat_flux(stresses: np.ndarray, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ_I (σ_I − ⟨σ_I⟩_t) v_I, and the auxiliary Σ_I ⟨σ_I⟩_t v_I that does not contribute to κ.

    Args:
        stresses: (n, N, 3, 3) eV/Å³, atomic virial stresses; NaN in frames without them.
        velocities: (n, N, 3) Å/fs.

    Returns:
        both (n, 3) eV/(Å² fs); NaN in frames without stresses.

    Raises:
        InputError: no frame has stresses.
    """
    with_stress = ~np.isnan(stresses).any(axis=(1, 2, 3))
    if not with_stress.any():
        raise InputError(
            "heat flux: no frame has atomic stresses; write them with the trajectory "
            "(FHI-vibes: compute_stresses)"
        )
    mean = stresses[with_stress].mean(axis=0)
    flux = np.einsum("tiab,tib->ta", stresses - mean, velocities)
    auxiliary = np.einsum("iab,tib->ta", mean, velocities)
    auxiliary[~with_stress] = np.nan
    return flux, auxiliary


def cumulative_kappa(correlation: np.ndarray, step: float) -> np.ndarray:
    """Running trapezoidal integral over time, first element zero; step in fs."""
    return np.asarray(integrate.cumulative_trapezoid(correlation, dx=step, axis=0, initial=0))


def spectrum(
    velocities: np.ndarray, times: np.ndarray, procedure: Procedure = "umklapp"
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (m,) THz and vibrational density (m,), lowest value 0, highest above 0.1 THz 1.

    Args:
        velocities: (n, N, 3), any unit; atoms are not weighted by their masses.
        times: (n,) fs.
        procedure: `vibes` repeats FHI-vibes' frequency axis, stretched by one part in m.

    Raises:
        InputError: a broken time axis or atoms at rest.
    """
    step = timestep(times)
    correlation = autocorrelation(velocities.reshape(len(times), -1), biased=True, hann=True)
    padded = np.concatenate([correlation.sum(axis=1), np.zeros(PADDING)])
    half = len(padded) // 2
    density = fft.fft(padded).real[:half]
    if procedure == "vibes":
        frequencies = np.linspace(0, 1 / (2 * step), half) * 1000
    else:
        frequencies = np.arange(half) / (len(padded) * step) * 1000
    density = density - density.min()
    highest = density[frequencies > THRESHOLD].max(initial=0)
    if not highest > 0:
        raise InputError("vibrational density is zero: velocities vanish or are sampled too rarely")
    return frequencies, density / highest


def lowest_frequency(
    frequencies: np.ndarray, density: np.ndarray, prominence: float = PROMINENCE
) -> float:
    """Frequency of the lowest significant peak of a vibrational density, THz.

    Args:
        frequencies, density: (m,), as from `spectrum`.
        prominence: as `PROMINENCE`.

    Raises:
        InputError: no such peak.
    """
    peaks, _ = signal.find_peaks(density, prominence=prominence)
    real = [float(frequencies[peak]) for peak in peaks if frequencies[peak] >= THRESHOLD]
    if not real:
        raise InputError(
            f"no peak of the vibrational density above {THRESHOLD} THz is more prominent than "
            f"{prominence}: run longer, or give a smaller prominence"
        )
    return real[0]


def first_dip(correlation: np.ndarray) -> int | None:
    """Index of the first negative value of a series (n,); None unless two values are negative."""
    negative = np.flatnonzero(correlation < 0)
    return int(negative[0]) if len(negative) > 1 else None


def filter_width(times: np.ndarray, window: float) -> int:
    """Odd number of samples for a window in fs on the axis times, (n,) fs."""
    return int((times - times[0] < window).sum()) // 2 * 2 + 1


def check_fluxes(fluxes: np.ndarray, times: np.ndarray) -> None:
    """Raise `InputError` unless fluxes (M, n, 3) fit times (n,), are finite and fluctuate."""
    if fluxes.ndim != 3 or fluxes.shape[1:] != (len(times), 3):
        raise InputError(
            f"heat flux of shape {fluxes.shape} does not fit {len(times)} times: "
            "(trajectories, times, 3) is needed"
        )
    if not np.isfinite(fluxes).all():
        member, sample, _ = np.argwhere(~np.isfinite(fluxes))[0]
        raise InputError(
            f"heat flux of trajectory {member} is not finite at {times[sample]:g} fs: leave out "
            "frames without flux, or repeat the run"
        )
    still = [k for k, flux in enumerate(fluxes) if not np.ptp(flux, axis=0).any()]
    if still:
        raise InputError(
            f"heat flux of trajectory {still[0]} is zero or constant: was the flux computed, and "
            "do the atoms move?"
        )


def estimate(
    fluxes: np.ndarray,
    times: np.ndarray,
    *,
    volume: float,
    temperature: float,
    frequency: float,
    window_factor: float = 1.0,
    procedure: Procedure = "umklapp",
) -> Conductivity:
    """κ from M independent trajectories of the same length.

    Args:
        fluxes: (M, n, 3) or (n, 3) eV/(Å² fs).
        times: (n,) fs.
        volume: Å³. temperature: K, mean of the run.
        frequency: THz, lowest significant vibration; sets the noise filter.
        window_factor: periods of it in the filter.
        procedure: see the module.

    Raises:
        InputError: what does not fit, is not finite, zero or too short.
        CalculationError: no dip (`umklapp` only; `vibes` takes the cutoff 0, as FHI-vibes does).
    """
    fluxes = np.asarray(fluxes, dtype=float)
    fluxes = fluxes[None] if fluxes.ndim == 2 else fluxes
    step, scale = timestep(times), prefactor(volume, temperature)
    check_fluxes(fluxes, times)
    if not frequency > 0:
        raise InputError(f"lowest vibration of {frequency:g} THz is not positive")
    like_vibes = procedure == "vibes"
    window = window_factor / frequency * 1000
    width = filter_width(times, window)
    if width < SHORTEST_FILTER:
        raise InputError(
            f"a noise filter of {window:.3g} fs (one period of {frequency:g} THz) is no longer "
            f"than {step:g} fs between samples, of which there are {len(times)}: give a lower "
            "frequency, or a longer run"
        )
    mean = fluxes.mean(axis=1, keepdims=True)
    shifted = fluxes - (mean if like_vibes else mean.mean(axis=0))
    correlations = scale * np.array(
        [autocorrelation(flux, like_vibes, like_vibes, cross=True) for flux in shifted]
    )
    integrals = np.array([cumulative_kappa(correlation, step) for correlation in correlations])
    mirrors = ("doubled", "none") if like_vibes else ("odd", "even")
    smoothed = np.array([smooth(integral, width, mirrors[0]) for integral in integrals])
    slopes = np.array(
        [smooth(np.gradient(kappa, axis=0) / step, width, mirrors[1]) for kappa in smoothed]
    )
    cut = _cut_components(slopes) if like_vibes else _cut_trace(slopes, times)
    tensors = np.take_along_axis(smoothed, cut[:, None], axis=1)[:, 0]
    members = np.trace(tensors, axis1=1, axis2=2) / 3
    if not like_vibes:
        tensors = (tensors + tensors.transpose(0, 2, 1)) / 2
    error = None
    if len(members) > 1:
        error = float(members.std(ddof=1) / np.sqrt(len(members)))
    elif like_vibes:
        error = float(np.diag(tensors[0]).std() / np.sqrt(3))
    return Conductivity(
        procedure, times, correlations.mean(axis=0), integrals.mean(axis=0), slopes.mean(axis=0),
        smoothed.mean(axis=0), times[cut] - times[0], tensors.mean(axis=0), members, error, window,
        width, scale,
    )  # fmt: skip


def _cut_components(slopes: np.ndarray) -> np.ndarray:
    """Index of the cutoff for each trajectory and component, (M, 3, 3); 0 without a dip."""
    cut = np.zeros((len(slopes), 3, 3), dtype=int)
    for k, a, b in np.ndindex(cut.shape):
        cut[k, a, b] = first_dip(slopes[k, :, a, b]) or 0
    return cut


def _cut_trace(slopes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """One index for all, (M, 3, 3), from the mean over trajectories and diagonal elements."""
    dip = first_dip(np.trace(slopes.mean(axis=0), axis1=1, axis2=2))
    if dip is None:
        raise CalculationError(
            f"the heat flux is still correlated after {times[-1] - times[0]:g} fs: no cutoff; run "
            "longer trajectories"
        )
    return np.full((len(slopes), 3, 3), dip)


def over_committee(results: Sequence[Conductivity]) -> CommitteeKappa:
    """Separate what the members disagree about from what their trajectories leave open.

    The spread of the members contains their statistical errors; model² = spread² − ⟨error²⟩, zero
    where the members agree within their errors.

    Raises:
        InputError: no member.
    """
    if not results:
        raise InputError("committee κ: no member was given")
    values = np.array([member.scalar() for member in results])
    errors = [member.error for member in results if member.error is not None]
    spread = float(values.std(ddof=1)) if len(values) > 1 else None
    statistical = model = None
    if len(errors) == len(values):
        variance = float(np.mean(np.square(errors)))
        statistical = float(np.sqrt(variance / len(values)))
        if spread is not None:
            model = float(np.sqrt(max(0.0, spread**2 - variance)))
    return CommitteeKappa(float(values.mean()), values, statistical, model, spread)
