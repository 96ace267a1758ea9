"""Green–Kubo of one material: integral, spectrum, and convergence in length and filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, decades, legend_above, save
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.green_kubo_series import GreenKuboSeries


def draw(
    record: GreenKuboRecord,
    series: GreenKuboSeries,
    material: str,
    paths: Sequence[Path],
) -> None:
    """Four panels.

    Args:
        record: green_kubo.json. series: of the same analysis.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(6.6, 4.6), layout="constrained")
    if record.kappa_W_per_mK is None:
        figure.text(0.5, 0.5, str(record.not_computed), ha="center", va="center", wrap=True)
        figure.suptitle(f"{material}: no κ by Green–Kubo", size=9)
        save(figure, paths)
        return
    axes = figure.subplots(2, 2)
    _integral(axes[0, 0], record, series)
    if len(series.cepstral_smooth):
        _spectrum(axes[0, 1], record, series)
    else:
        axes[0, 1].text(0.5, 0.5, "no cepstral analysis", ha="center")
        axes[0, 1].set_axis_off()
    _convergence(axes[1, 0], record, "length_ps", "length of each run (ps)")
    if record.size.meshes:
        _size(axes[1, 1], record)
    else:
        _convergence(axes[1, 1], record, "filter_periods", "noise filter (periods)")
    figure.suptitle(
        f"{material}, {or_nan(record.temperature_K):.0f} K, {record.atoms} atoms", size=9
    )
    save(figure, paths)


def or_nan(value: float | None) -> float:
    """The number, or NaN, which is not drawn."""
    return np.nan if value is None else value


def _band(axes: Axes, record: GreenKuboRecord) -> None:
    kappa, error = or_nan(record.kappa_W_per_mK), record.error_W_per_mK or 0.0
    axes.axhspan(kappa - error, kappa + error, color=BLUE, alpha=0.15, lw=0)
    axes.axhline(kappa, color=BLUE, lw=0.8)


def _integral(axes: Axes, record: GreenKuboRecord, series: GreenKuboSeries) -> None:
    time, cutoff = series.times_fs / 1000, or_nan(record.cutoff_fs) / 1000
    shown = time <= max(3 * cutoff, time[min(20, len(time) - 1)])
    axes.plot(time[shown], series.integral[shown], color="0.75", lw=0.8, label="integral")
    axes.plot(time[shown], series.smooth_integral[shown], color=BLUE, label="filtered")
    axes.axvline(cutoff, color=ORANGE, lw=1, ls="--", label="first dip")
    _band(axes, record)
    axes.set(xlabel="time (ps)", ylabel="κ(t) (W m$^{-1}$ K$^{-1}$)", xlim=(0, None))
    legend_above(axes)


def _spectrum(axes: Axes, record: GreenKuboRecord, series: GreenKuboSeries) -> None:
    frequencies = series.cepstral_frequencies_THz
    axes.plot(frequencies[1:], series.cepstral_periodogram[1:], color="0.8", lw=0.5)
    axes.plot(frequencies, series.cepstral_smooth, color=BLUE, label="cepstral")
    second = record.cepstral
    axes.errorbar(
        [0], [or_nan(second.kappa_W_per_mK)], yerr=[or_nan(second.error_W_per_mK)],
        fmt="o", color=BLUE, ms=4, capsize=3,
    )  # fmt: skip
    axes.axhline(or_nan(record.kappa_W_per_mK), color=ORANGE, lw=1, ls="--", label="first dip")
    axes.set(yscale="log", xlabel="frequency (THz)", ylabel="flux spectrum (W m$^{-1}$ K$^{-1}$)")
    decades(axes.yaxis)
    legend_above(axes)


def _convergence(axes: Axes, record: GreenKuboRecord, name: str, label: str) -> None:
    rows = [row for row in record.convergence[name] if row.kappa is not None]
    axes.errorbar(
        [row.at for row in rows], [or_nan(row.kappa) for row in rows],
        yerr=[row.error or 0.0 for row in rows], fmt="o-", color=BLUE, ms=4, capsize=3,
    )  # fmt: skip
    _band(axes, record)
    axes.set(xlabel=label, ylabel="κ (W m$^{-1}$ K$^{-1}$)")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _size(axes: Axes, record: GreenKuboRecord) -> None:
    size = record.size
    inverse = 1 / np.array(size.meshes or [])
    axes.plot(
        inverse, size.kappas_W_per_mK or [], "o", color=GREY, ms=4, label="interpolated modes"
    )
    axes.plot(
        [0], [or_nan(size.extrapolated_W_per_mK)], "D", color=ORANGE, ms=5, label="infinite size"
    )
    axes.axhline(
        or_nan(size.kappa_harmonic_W_per_mK), color=GREY, lw=0.8, ls=":", label="this cell"
    )
    axes.set(xlabel="1/n$_q$", ylabel="Σ c τ v v (W m$^{-1}$ K$^{-1}$)")
    axes.margins(y=0.12)  # room for the whole symbol
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=-0.01)
    legend_above(axes)
