"""κ from the power spectrum of the heat flux at zero frequency, by cepstral analysis.

Ercole, Marcolongo, Baroni, Sci. Rep. 7, 15835 (2017). κ = V/(2 k_B T²) S(0) with the two-sided
spectral density S(f) = ∫⟨J(t) J(0)⟩ exp(2πi f t) dt. The periodogram of l independent series is
S(f) χ²_2l/2l: its logarithm is log S(f) plus noise whose mean λ = ψ(l) − log l and variance ψ'(l)
are known and the same at all frequencies. So log S(0) is the sum of the few Fourier ("cepstral")
coefficients of the log-periodogram that a smooth spectrum needs, with an error that is known
beforehand. No cutoff time is involved: the estimate is independent of the first-dip procedure.

Akaike's criterion chooses the number of coefficients for the whole curve. Of a spectrum with its
peak at zero it leaves out many small coefficients of the same sign, which together lower κ by more
than its error. So `MORE` times as many are kept: for exponentially correlated fluxes of 270
correlation times that brings the mean deviation from −2.4 errors to −0.1 and its spread from 1.8
errors to 1.1 (tests/unit/transport/test_cepstral.py does the same comparison).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, special

from umklapp.errors import InputError
from umklapp.transport.green_kubo import check_fluxes, prefactor
from umklapp.transport.series import timestep

MORE = 2.0
"""Coefficients that are kept, relative to Akaike's choice."""

FEWEST = 16
"""Frequencies below which a log-periodogram has no smooth part that could be told from noise."""


@dataclass(frozen=True)
class Cepstral:
    """κ and what it is made of.

    kappa, error: W/(m K); coefficients: (n/2 + 1,), of the log-periodogram without its known bias;
    n_kept: P*, how many of them are kept; information: (n/2,) Akaike's criterion for 1, 2, ... of
    them; frequencies: (n/2 + 1,) THz; periodogram, smoothed: W/(m K), scaled such that the value at
    zero frequency is κ; degrees: l, how many series were averaged; nyquist: THz.
    """

    kappa: float
    error: float
    coefficients: np.ndarray
    n_kept: int
    information: np.ndarray
    frequencies: np.ndarray
    periodogram: np.ndarray
    smoothed: np.ndarray
    degrees: int
    nyquist: float


def periodogram(fluxes: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in THz and the mean spectral density over trajectories and components.

    Args:
        fluxes: (M, n, 3). step: fs.

    Returns:
        (n//2 + 1,) twice; the density in the unit of flux² fs.
    """
    length = fluxes.shape[1]
    power = np.abs(fft.rfft(fluxes, axis=1)) ** 2 * (step / length)
    return fft.rfftfreq(length, step) * 1000, power.mean(axis=(0, 2))


def estimate(
    fluxes: np.ndarray,
    times: np.ndarray,
    *,
    volume: float,
    temperature: float,
    cutoff: float | None = None,
    n_kept: int | None = None,
) -> Cepstral:
    """κ of an isotropic crystal (a third of the trace) from M trajectories of the same length.

    Args:
        fluxes: (M, n, 3) or (n, 3) eV/(Å² fs).
        times: (n,) fs.
        volume: Å³. temperature: K.
        cutoff: THz, new Nyquist frequency f*; what is above is left out, as by an ideal filter
            before a resampling. Choose it above the first minimum of the spectrum, so that few
            coefficients are enough.
        n_kept: P*, instead of `MORE` times Akaike's choice.

    Raises:
        InputError: what does not fit, is not finite, zero or too short.
    """
    fluxes = np.asarray(fluxes, dtype=float)
    fluxes = fluxes[None] if fluxes.ndim == 2 else fluxes
    scale, step = prefactor(volume, temperature) / 2, timestep(times)
    check_fluxes(fluxes, times)
    # with an odd n_kept of samples the last frequency is not the Nyquist one
    even = len(times) // 2 * 2
    frequencies, density = periodogram(fluxes[:, :even], step)
    if cutoff is not None:
        if not cutoff > 0:
            raise InputError(f"cepstral analysis: cutoff of {cutoff:g} THz is not positive")
        kept = frequencies <= cutoff * (1 + 1e-9)
        frequencies, density = frequencies[kept], density[kept]
    if len(frequencies) < FEWEST:
        raise InputError(
            f"cepstral analysis: {len(frequencies)} frequencies up to {frequencies[-1]:g} THz, at "
            f"least {FEWEST} are needed: run longer, or raise the cutoff"
        )
    degrees = 3 * len(fluxes)
    whole = cutoff is None or 2 * (len(frequencies) - 1) == even
    coefficients = _coefficients(density * scale, degrees, whole)
    variance = float(special.polygamma(1, degrees))
    points = 2 * (len(frequencies) - 1)
    information = akaike(coefficients, variance)
    if n_kept is None:
        akaikes = int(np.argmin(information)) + 1
        n_kept = min(int(np.ceil(MORE * akaikes)), len(coefficients) - 1)
    if not 1 <= n_kept < len(coefficients):
        raise InputError(
            f"cepstral analysis: {n_kept} coefficients of {len(coefficients)} cannot be kept"
        )
    shortened = np.where(np.arange(len(coefficients)) < n_kept, coefficients, 0)
    smoothed = np.exp(fft.irfft(shortened, points)[: points // 2 + 1] * points)
    kappa = float(np.exp(coefficients[0] + 2 * coefficients[1:n_kept].sum()))
    error = kappa * float(np.sqrt(variance * (4 * n_kept - 2) / points))
    return Cepstral(
        kappa, error, coefficients, n_kept, information, frequencies, density * scale, smoothed,
        degrees, float(frequencies[-1]),
    )  # fmt: skip


def _coefficients(density: np.ndarray, degrees: int, whole: bool) -> np.ndarray:
    """Cepstral coefficients (m,) of a one-sided periodogram (m,) of l series, bias removed.

    The amplitude at the Nyquist frequency, where a whole periodogram ends, is real and has half the
    degrees of freedom.
    """
    half = np.full(len(density), float(degrees))
    half[-1] = degrees / 2 if whole else degrees
    if not (density[1:] > 0).all():
        raise InputError("cepstral analysis: the spectrum vanishes at a frequency: zero flux?")
    logarithm = np.log(np.maximum(density, np.finfo(float).tiny))
    logarithm -= special.digamma(half) - np.log(half)
    # at zero frequency is the mean flux, which is often removed; the neighbour stands in
    logarithm[0] = logarithm[1]
    points = 2 * (len(density) - 1)
    return np.asarray(fft.hfft(logarithm, points)[: len(density)] / points)


def akaike(coefficients: np.ndarray, variance: float) -> np.ndarray:
    """2P + χ² of the coefficients left out, for P = 1 ... m − 1.

    Args:
        coefficients: (m,). variance: of the log-periodogram.
    """
    points = 2 * (len(coefficients) - 1)
    weight = np.full(len(coefficients), points / variance)
    weight[-1] /= 2
    left_out = np.cumsum((weight * coefficients**2)[::-1])[::-1]
    kept = np.arange(1, len(coefficients))
    return np.asarray(2 * kept + left_out[1:])
