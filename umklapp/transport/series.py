"""Time series of molecular dynamics: their time step, autocorrelation and smoothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import fft, signal

from umklapp.errors import InputError

Procedure = Literal["umklapp", "vibes"]


def timestep(times: np.ndarray) -> float:
    """Distance of the samples in fs.

    Args:
        times: (n,) fs.

    Raises:
        InputError: fewer than 4 samples, a gap, or mixed time steps.
    """
    if len(times) < 4:
        raise InputError(
            f"time series of {len(times)} samples is too short for correlations: run longer"
        )
    steps = np.diff(times)
    usual = float(np.nanmedian(steps))
    odd = np.flatnonzero(~(np.abs(steps - usual) <= 1e-6 * abs(usual)))
    if len(odd) or not usual > 0:
        where = int(odd[0]) if len(odd) else 0
        raise InputError(
            f"time axis: step {where} goes from {times[where]:g} to {times[where + 1]:g} fs, the "
            f"usual step is {usual:g} fs: frames are missing or time steps are mixed; analyse each "
            "unbroken stretch with one time step as a trajectory of its own"
        )
    return float((times[-1] - times[0]) / (len(times) - 1))


def autocorrelation(
    series: np.ndarray, biased: bool = False, hann: bool = False, cross: bool = False
) -> np.ndarray:
    """⟨x(t₀ + t) x(t₀)⟩ over t₀, by FFT.

    Args:
        series: (n, ...), time first.
        biased: divide by n instead of the number of products n − lag.
        hann: multiply with the falling half of a Hann window of 2n points.
        cross: (n, m) only: all pairs, (n, m, m), element [t, a, b] = ⟨x_a(t) x_b(0)⟩.
    """
    length = len(series)
    size = fft.next_fast_len(2 * length - 1, real=True)
    transform = fft.rfft(series, size, axis=0)
    if cross:
        power = transform[:, :, None] * transform[:, None, :].conj()
    else:
        power = np.abs(transform) ** 2
    products = fft.irfft(power, size, axis=0)[:length]
    weight = 1 / np.full(length, length) if biased else 1 / np.arange(length, 0, -1)
    if hann:
        weight = weight * signal.windows.hann(2 * length)[length:]
    return np.asarray(products * weight.reshape(-1, *([1] * (products.ndim - 1))))


def smooth(series: np.ndarray, width: int, mirror: str = "none") -> np.ndarray:
    """Savitzky–Golay filter of first order, a moving average, along the first axis.

    Args:
        series: (n, ...).
        width: samples, odd.
        mirror: how the series goes on before its start: `odd`, `even`, `doubled` (odd with the
            first sample twice, as FHI-vibes does) or `none` (a line is fitted to the edge).

    Raises:
        InputError: the series is shorter than the filter.
    """
    before = {
        "none": series[:0], "odd": -series[:0:-1], "even": series[:0:-1], "doubled": -series[::-1],
    }[mirror]  # fmt: skip
    if width > len(series):
        raise InputError(
            f"series of {len(series)} samples is shorter than the noise filter of {width}: run "
            "longer than several periods of the slowest vibration"
        )
    joined = np.concatenate([before, series])
    return np.asarray(signal.savgol_filter(joined, width, 1, axis=0)[len(before) :])
