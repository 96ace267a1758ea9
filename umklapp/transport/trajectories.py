"""κ of a material from its recorded trajectories: estimates, errors, convergence, lifetimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from umklapp.config import GreenKubo
from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.potentials.committee import Committee
from umklapp.transport import cepstral, green_kubo, nve, supercell_modes
from umklapp.transport.green_kubo import Conductivity
from umklapp.transport.green_kubo_record import (
    CepstralNumbers,
    ConvergenceRow,
    GreenKuboRecord,
    MemberSpread,
    SizeNumbers,
)
from umklapp.transport.green_kubo_series import GreenKuboSeries, ModeSeries
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
) -> tuple[GreenKuboRecord, GreenKuboSeries]:
    """κ with both estimators, all error bars and convergence tables.

    Args:
        frames_of: displacements and velocities of a trajectory by its number.
        modes: of the supercell, for lifetimes and the size correction; none: neither.

    Raises:
        InputError: what does not fit together, or is too short.
        CalculationError: no trajectory can be used, or the flux stays correlated.
    """
    kept = usable(runs, settings, frames_of)
    frequency = lowest_vibration(kept, frames_of)

    def estimate(fluxes: np.ndarray, length: int | None = None, window: float = 1.0) -> Any:
        return green_kubo.estimate(
            fluxes[:, :length], kept.times[:length], volume=kept.volume,
            temperature=kept.temperature, frequency=frequency, window_factor=window,
            procedure=settings.procedure,
        )  # fmt: skip

    whole: Conductivity = estimate(kept.fluxes)
    second = _cepstral(kept, frequency)
    convergence = {
        "length_ps": _table(
            estimate,
            {f * kept.times[-1] / 1000: (int(f * len(kept.times)), 1.0) for f in FRACTIONS},
            kept,
        ),
        "filter_periods": _table(estimate, {w: (None, w) for w in WINDOWS}, kept),
    }
    size, of_modes = SizeNumbers(), ModeSeries()
    if modes is not None:
        size, of_modes = by_modes(kept, settings, frames_of, modes)
    kappa, correction = whole.scalar(), size.correction_W_per_mK
    record = GreenKuboRecord(
        kappa_W_per_mK=kappa,
        settings=settings.model_dump(mode="json", exclude={"effective_frames"}),
        temperature_K=kept.temperature,
        kappa_tensor_W_per_mK=whole.kappa.tolist(),
        error_W_per_mK=whole.error,
        trajectories_W_per_mK=whole.members.tolist(),
        cutoff_fs=float(whole.cutoffs.mean()),
        lowest_vibration_THz=frequency,
        committee=_members(kept, estimate),
        cepstral=_numbers(second),
        convergence=convergence,
        run_temperatures_K=[
            float(run.temperature.mean()) if len(run.temperature) else None for run in runs
        ],
        drift_eV_per_atom=[run.drift for run in runs],
        excluded={str(replica): reason for replica, reason in kept.excluded.items()},
        gauge=settings.gauge,
        procedure=settings.procedure,
        atoms=len(runs[0].sites),
        warnings=_warnings(whole, convergence["length_ps"][1], kept),
        size=size,
        corrected_W_per_mK=None if correction is None else kappa + correction,
    )
    series = GreenKuboSeries(
        times_fs=whole.times,
        correlation=np.trace(whole.correlation, axis1=1, axis2=2) / 3,
        integral=np.trace(whole.integral, axis1=1, axis2=2) / 3,
        smooth_integral=np.trace(whole.smooth_integral, axis1=1, axis2=2) / 3,
        **vars(of_modes),
    )
    if isinstance(second, str):
        return record, series
    return record, replace(
        series,
        cepstral_frequencies_THz=second.frequencies,
        cepstral_periodogram=second.periodogram,
        cepstral_smooth=second.smoothed,
    )


def _warnings(whole: Conductivity, half: ConvergenceRow, kept: Usable) -> list[str]:
    """What a referee would ask about the length of the runs; `half`: κ of half of each."""
    notes = []
    length, cutoff = kept.times[-1] / 1000, float(whole.cutoffs.mean()) / 1000
    if cutoff > length / 5:
        notes.append(
            f"the flux is correlated for {cutoff:.1f} ps, runs are {length:.1f} ps: raise "
            "green_kubo.length to at least five times that"
        )
    if half.kappa is not None and whole.error is not None:
        change = abs(whole.scalar() - half.kappa)
        if change > max(whole.error, 0.1 * whole.scalar()):
            notes.append(f"κ still moves with the length (by {change:.2g} since half): run longer")
    return notes


def _cepstral(kept: Usable, frequency: float) -> cepstral.Cepstral | str:
    """The second estimate, or why there is none."""
    nyquist = 500 / (kept.times[1] - kept.times[0])
    cutoff = min(nyquist, CEPSTRAL_PERIODS * frequency)
    try:
        return cepstral.estimate(
            kept.fluxes,
            kept.times,
            volume=kept.volume,
            temperature=kept.temperature,
            cutoff=cutoff,
        )
    except InputError as error:
        return str(error)


def _numbers(second: cepstral.Cepstral | str) -> CepstralNumbers:
    if isinstance(second, str):
        return CepstralNumbers(not_computed=second)
    return CepstralNumbers(
        kappa_W_per_mK=second.kappa,
        error_W_per_mK=second.error,
        coefficients=second.n_kept,
        nyquist_THz=second.nyquist,
    )


def _members(kept: Usable, estimate: Callable[..., Any]) -> MemberSpread:
    order = sorted(range(len(kept.runs)), key=lambda n: kept.runs[n].member)
    results: dict[int, Conductivity] = {}
    for member, of_member in groupby(order, key=lambda n: kept.runs[n].member):
        try:
            results[member] = estimate(kept.fluxes[list(of_member)])
        except CalculationError:
            continue  # a member alone may be too noisy for a cutoff
    kappas = {str(member): kappa.scalar() for member, kappa in results.items()}
    if len(results) < 2:
        return MemberSpread(members=kappas)
    joined = green_kubo.over_committee(list(results.values()))
    return MemberSpread(
        members=kappas,
        spread_W_per_mK=joined.spread,
        statistical_W_per_mK=joined.statistical,
        model_W_per_mK=joined.model,
    )


def _table(
    estimate: Callable[..., Any], cases: dict[float, tuple[int | None, float]], kept: Usable
) -> list[ConvergenceRow]:
    rows: list[ConvergenceRow] = []
    for value, (length, window) in cases.items():
        try:
            one = estimate(kept.fluxes, length, window)
            rows.append(ConvergenceRow(at=value, kappa=one.scalar(), error=one.error))
        except (InputError, CalculationError):
            rows.append(ConvergenceRow(at=value, kappa=None, error=None))
    return rows


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
