"""κ of a material from its recorded trajectories: estimates, errors, convergence, lifetimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms

from umklapp.config import GreenKubo
from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing
from umklapp.potentials.committee import Committee
from umklapp.transport import cepstral, green_kubo, nve, supercell_modes
from umklapp.transport.green_kubo import Conductivity
from umklapp.transport.mode_analysis import by_modes
from umklapp.transport.nve import Run
from umklapp.transport.usable_runs import Frames, Usable, lowest_vibration, usable

FRACTIONS = (0.25, 0.5, 0.75, 1.0)
WINDOWS = (0.5, 1.0, 2.0)
CEPSTRAL_PERIODS = 2.0
"""The cepstral analysis keeps frequencies up to this many times the lowest significant one."""


def analyse(
    runs: Sequence[Run],
    settings: GreenKubo,
    frames_of: Callable[[int], Frames],
    modes: supercell_modes.Modes | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """κ with both estimators, all error bars and convergence tables.

    Args:
        frames_of: displacements and velocities of a trajectory by its number.
        modes: of the supercell, for lifetimes and the size correction; none: neither.

    Returns:
        record for json; series for the figure and later use.

    Raises:
        InputError: what does not fit together, or is too short.
        CalculationError: no trajectory can be used, or the flux stays correlated.
    """
    kept = usable(runs, settings, frames_of)
    frequency = lowest_vibration(kept, frames_of)
    facts: dict[str, Any] = {"volume": kept.volume, "temperature": kept.temperature}

    def estimate(fluxes: np.ndarray, length: int | None = None, window: float = 1.0) -> Any:
        times = kept.times[:length]
        return green_kubo.estimate(
            fluxes[:, :length], times, frequency=frequency, window_factor=window,
            procedure=settings.procedure, **facts,
        )  # fmt: skip

    whole: Conductivity = estimate(kept.fluxes)
    second = _cepstral(kept, frequency, facts)
    record: dict[str, Any] = {
        "temperature_K": kept.temperature,
        "kappa_W_per_mK": whole.scalar(),
        "kappa_tensor_W_per_mK": whole.kappa.tolist(),
        "error_W_per_mK": whole.error,
        "trajectories_W_per_mK": whole.members.tolist(),
        "cutoff_fs": float(whole.cutoffs.mean()),
        "lowest_vibration_THz": frequency,
        "committee": _members(kept, estimate),
        "cepstral": {"not_computed": second}
        if isinstance(second, str)
        else {
            "kappa_W_per_mK": second.kappa,
            "error_W_per_mK": second.error,
            "coefficients": second.n_kept,
            "nyquist_THz": second.nyquist,
        },
        "convergence": {
            "length_ps": _table(
                estimate,
                {f * kept.times[-1] / 1000: (int(f * len(kept.times)), 1.0) for f in FRACTIONS},
                kept,
            ),
            "filter_periods": _table(estimate, {w: (None, w) for w in WINDOWS}, kept),
        },
        "run_temperatures_K": [
            float(run.temperature.mean()) if len(run.temperature) else None for run in runs
        ],
        "drift_eV_per_atom": [run.drift for run in runs],
        "excluded": {str(replica): reason for replica, reason in kept.excluded.items()},
        "gauge": settings.gauge,
        "procedure": settings.procedure,
        "atoms": len(runs[0].sites),
    }
    series = {
        "times_fs": whole.times,
        "correlation": np.trace(whole.correlation, axis1=1, axis2=2) / 3,
        "integral": np.trace(whole.integral, axis1=1, axis2=2) / 3,
        "smooth_integral": np.trace(whole.smooth_integral, axis1=1, axis2=2) / 3,
    }
    if not isinstance(second, str):
        series.update(
            cepstral_frequencies_THz=second.frequencies,
            cepstral_periodogram=second.periodogram,
            cepstral_smooth=second.smoothed,
        )
    record["warnings"] = _warnings(record, kept)
    if modes is not None:
        harmonic = by_modes(kept, settings, frames_of, modes, series)
        record["size"] = harmonic
        if "correction_W_per_mK" in harmonic:
            record["corrected_W_per_mK"] = (
                record["kappa_W_per_mK"] + (harmonic["correction_W_per_mK"])
            )
    return record, series


def _warnings(record: dict[str, Any], kept: Usable) -> list[str]:
    """What a referee would ask about the length of the runs."""
    notes = []
    length, cutoff = kept.times[-1] / 1000, record["cutoff_fs"] / 1000
    if cutoff > length / 5:
        notes.append(
            f"the flux is correlated for {cutoff:.1f} ps, runs are {length:.1f} ps: raise "
            "green_kubo.length to at least five times that"
        )
    half = record["convergence"]["length_ps"][1]["kappa"]
    error = record["error_W_per_mK"]
    if half is not None and error is not None:
        change = abs(record["kappa_W_per_mK"] - half)
        if change > max(error, 0.1 * record["kappa_W_per_mK"]):
            notes.append(f"κ still moves with the length (by {change:.2g} since half): run longer")
    return notes


def _cepstral(kept: Usable, frequency: float, facts: dict[str, Any]) -> cepstral.Cepstral | str:
    """The second estimate, or why there is none."""
    nyquist = 500 / (kept.times[1] - kept.times[0])
    try:
        return cepstral.estimate(
            kept.fluxes, kept.times, cutoff=min(nyquist, CEPSTRAL_PERIODS * frequency), **facts
        )
    except InputError as error:
        return str(error)


def _members(kept: Usable, estimate: Callable[..., Any]) -> dict[str, Any]:
    order = sorted(range(len(kept.runs)), key=lambda n: kept.runs[n].member)
    results = {}
    for member, of_member in groupby(order, key=lambda n: kept.runs[n].member):
        try:
            results[member] = estimate(kept.fluxes[list(of_member)])
        except CalculationError:
            continue  # a member alone may be too noisy for a cutoff
    if len(results) < 2:
        return {"members": {str(k): kappa.scalar() for k, kappa in results.items()}}
    joined = green_kubo.over_committee(list(results.values()))
    return {
        "members": {str(k): kappa.scalar() for k, kappa in results.items()},
        "spread_W_per_mK": joined.spread,
        "statistical_W_per_mK": joined.statistical,
        "model_W_per_mK": joined.model,
    }


def _table(
    estimate: Callable[..., Any], cases: dict[float, tuple[int | None, float]], kept: Usable
) -> list[dict[str, float | None]]:
    rows: list[dict[str, float | None]] = []
    for value, (length, window) in cases.items():
        try:
            one = estimate(kept.fluxes, length, window)
            rows.append({"at": value, "kappa": one.scalar(), "error": one.error})
        except (InputError, CalculationError):
            rows.append({"at": value, "kappa": None, "error": None})
    return rows


def write_series(path: Path, series: dict[str, np.ndarray]) -> None:
    """Series as hdf5; κ-like ones in W/(m K), correlation per fs."""
    with replacing(path) as part, h5py.File(part, "w") as file:
        for name, values in series.items():
            file[name] = values


def read_series(path: Path) -> dict[str, np.ndarray]:
    """What `write_series` wrote."""
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


def labelled_frames(
    paths: Sequence[Path], committee: Committee, count: int
) -> tuple[list[Atoms], float]:
    """Frames of the trajectories, evenly in time, labelled by the committee mean; and their T (K).

    Raises:
        InputError: every trajectory broke off.
    """
    runs = [nve.read(path) for path in paths]
    whole = [index for index, run in enumerate(runs) if not run.ended]
    if not whole:
        raise InputError(f"no trajectory can be used: {runs[0].ended}")
    per_run = -(-count // len(whole))
    drawn: list[Atoms] = []
    for index in whole:
        displacements, _ = nve.read_frames(paths[index])
        places = np.linspace(0, len(displacements) - 1, per_run).round().astype(int)
        for place in places:
            atoms = runs[index].sites.copy()
            atoms.positions += displacements[place]
            drawn.append(atoms)
    answer = committee.evaluate(drawn)
    labelled = [
        frames.labelled(atoms, float(energy), forces)
        for atoms, energy, forces in zip(drawn, answer.energy, answer.forces, strict=True)
    ]
    return labelled, float(np.mean([runs[index].temperature.mean() for index in whole]))
