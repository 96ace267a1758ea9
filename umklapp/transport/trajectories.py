"""κ of a material from its recorded trajectories: estimates, errors, convergence, lifetimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms, units

from umklapp.config import GreenKubo
from umklapp.crystals import frames, sites
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing
from umklapp.potentials.committee import Committee
from umklapp.transport import cepstral, finite_size, green_kubo, lifetimes, nve
from umklapp.transport.green_kubo import Conductivity
from umklapp.transport.nve import Run

FRACTIONS = (0.25, 0.5, 0.75, 1.0)
WINDOWS = (0.5, 1.0, 2.0)
CEPSTRAL_PERIODS = 2.0
"""The cepstral analysis keeps frequencies up to this many times the lowest significant one."""

UNLIKELY = 4.0
"""Standard deviations of the canonical temperature."""

LEFT = 0.5
"""Of a bond: beyond it an atom has left its site."""

EQUIPARTITION = 0.25
"""Largest deviation of ⟨E_mode⟩/k_B T from 1 for modes that describe the dynamics."""

Frames = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Usable:
    """Trajectories that can be analysed together, and why others cannot.

    fluxes: (M, n, 3) eV/(Å² fs), scaled to the mean temperature; times: (n,) fs.
    """

    runs: list[Run]
    numbers: list[int]
    fluxes: np.ndarray
    times: np.ndarray
    volume: float
    temperature: float
    excluded: dict[int, str]


def usable(runs: Sequence[Run], settings: GreenKubo, frames_of: Callable[[int], Frames]) -> Usable:
    """Leave out runs that say nothing; bring the others to one temperature (κ ∝ ⟨JJ⟩/T²).

    Raises:
        InputError: trajectories of different steps or crystals.
        CalculationError: none is left.
    """
    first = runs[0]
    for number, run in enumerate(runs):
        if run.step != first.step or len(run.sites) != len(first.sites):
            raise InputError(
                f"trajectory {number} has {len(run.sites)} atoms and a flux every {run.step:g} fs, "
                f"trajectory 0 {len(first.sites)} and {first.step:g}: delete those of the old "
                "settings and run again"
            )
    complaints = {
        number: _complaint(run, settings, frames_of(number)[0]) for number, run in enumerate(runs)
    }
    excluded = {number: words for number, words in complaints.items() if words}
    kept = [number for number in range(len(runs)) if number not in excluded]
    if not kept:
        raise CalculationError(f"no trajectory can be used: {excluded[0]}")
    length = min(len(runs[number].flux) for number in kept)
    temperatures = [float(runs[number].temperature.mean()) for number in kept]
    temperature = float(np.mean(temperatures))
    volume = float(first.sites.cell.volume)
    fluxes = [
        (runs[number].flux if settings.gauge == "lattice" else runs[number].full)[:length]
        * (temperature / own / volume)
        for number, own in zip(kept, temperatures, strict=True)
    ]
    times = first.step * np.arange(length)
    chosen = [runs[number] for number in kept]
    return Usable(chosen, kept, np.array(fluxes), times, volume, temperature, excluded)


def _complaint(run: Run, settings: GreenKubo, displacements: np.ndarray) -> str:
    """Why a run cannot be used; empty where it can."""
    if run.ended:
        return run.ended
    if abs(run.drift) > settings.max_drift:
        return (
            f"energy drifted by {1e3 * run.drift:.2f} meV/atom, limit "
            f"{1e3 * settings.max_drift:g}: lower green_kubo.timestep"
        )
    # what equilibration leaves at constant energy is canonical: δT = T √(1/(3N))
    mean = float(run.temperature.mean())
    expected = settings.temperature / np.sqrt(3 * len(run.sites))
    if abs(mean - settings.temperature) > UNLIKELY * expected:
        return (
            f"{mean:.0f} K at constant energy instead of {settings.temperature:g} ± "
            f"{expected:.0f}: potential energy was released or taken up, the potential has left "
            "the crystal; learn more of it (more rounds, cells of this size), or raise "
            "green_kubo.equilibration"
        )
    if settings.gauge == "lattice":
        relative = displacements - displacements.mean(axis=1, keepdims=True)
        farthest = float(np.linalg.norm(relative, axis=2).max(initial=0.0))
        bond = sites.bond_length(run.sites)
        if farthest > LEFT * bond:
            return (
                f"an atom was {farthest:.2f} Å from its site ({farthest / bond:.0%} of a bond): "
                "the flux of the lattice gauge does not hold; set green_kubo.gauge to 'full', and "
                "see verdict.json whether the event is real"
            )
    return ""


def lowest_vibration(found: Usable, frames_of: Callable[[int], Frames]) -> float:
    """Lowest significant vibration (THz), from the mean vibrational density of all runs."""
    densities = []
    for number, run in zip(found.numbers, found.runs, strict=True):
        _, velocities = frames_of(number)
        frequencies, density = green_kubo.spectrum(
            velocities, run.frame_step * np.arange(len(velocities))
        )
        densities.append(density)
    shortest = min(len(each) for each in densities)
    mean = np.mean([each[:shortest] for each in densities], axis=0)
    return green_kubo.lowest_frequency(frequencies[:shortest], mean)


def analyse(
    runs: Sequence[Run],
    settings: GreenKubo,
    frames_of: Callable[[int], Frames],
    modes: lifetimes.Modes | None = None,
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
    found = usable(runs, settings, frames_of)
    frequency = lowest_vibration(found, frames_of)
    facts: dict[str, Any] = {"volume": found.volume, "temperature": found.temperature}

    def estimate(fluxes: np.ndarray, length: int | None = None, window: float = 1.0) -> Any:
        times = found.times[:length]
        return green_kubo.estimate(
            fluxes[:, :length], times, frequency=frequency, window_factor=window,
            procedure=settings.procedure, **facts,
        )  # fmt: skip

    whole: Conductivity = estimate(found.fluxes)
    second = _cepstral(found, frequency, facts)
    record: dict[str, Any] = {
        "temperature_K": found.temperature,
        "kappa_W_per_mK": whole.scalar(),
        "kappa_tensor_W_per_mK": whole.kappa.tolist(),
        "error_W_per_mK": whole.error,
        "trajectories_W_per_mK": whole.members.tolist(),
        "cutoff_fs": float(whole.cutoffs.mean()),
        "lowest_vibration_THz": frequency,
        "committee": _members(found, estimate),
        "cepstral": {"not_computed": second}
        if isinstance(second, str)
        else {
            "kappa_W_per_mK": second.kappa,
            "error_W_per_mK": second.error,
            "coefficients": second.number,
            "nyquist_THz": second.nyquist,
        },
        "convergence": {
            "length_ps": _table(
                estimate,
                {f * found.times[-1] / 1000: (int(f * len(found.times)), 1.0) for f in FRACTIONS},
                found,
            ),
            "filter_periods": _table(estimate, {w: (None, w) for w in WINDOWS}, found),
        },
        "run_temperatures_K": [
            float(run.temperature.mean()) if len(run.temperature) else None for run in runs
        ],
        "drift_eV_per_atom": [run.drift for run in runs],
        "excluded": {str(number): reason for number, reason in found.excluded.items()},
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
    record["warnings"] = _warnings(record, found)
    if modes is not None:
        harmonic = _by_modes(found, settings, frames_of, modes, series)
        record["size"] = harmonic
        if "correction_W_per_mK" in harmonic:
            record["corrected_W_per_mK"] = (
                record["kappa_W_per_mK"] + (harmonic["correction_W_per_mK"])
            )
    return record, series


def _warnings(record: dict[str, Any], found: Usable) -> list[str]:
    """What a referee would ask about the length of the runs."""
    words = []
    length, cutoff = found.times[-1] / 1000, record["cutoff_fs"] / 1000
    if cutoff > length / 5:
        words.append(
            f"the flux is correlated for {cutoff:.1f} ps, runs are {length:.1f} ps: raise "
            "green_kubo.length to at least five times that"
        )
    half = record["convergence"]["length_ps"][1]["kappa"]
    error = record["error_W_per_mK"]
    if half is not None and error is not None:
        change = abs(record["kappa_W_per_mK"] - half)
        if change > max(error, 0.1 * record["kappa_W_per_mK"]):
            words.append(f"κ still moves with the length (by {change:.2g} since half): run longer")
    return words


def _cepstral(found: Usable, frequency: float, facts: dict[str, Any]) -> cepstral.Cepstral | str:
    """The second estimate, or why there is none."""
    nyquist = 500 / (found.times[1] - found.times[0])
    try:
        return cepstral.estimate(
            found.fluxes, found.times, cutoff=min(nyquist, CEPSTRAL_PERIODS * frequency), **facts
        )
    except InputError as error:
        return str(error)


def _members(found: Usable, estimate: Callable[..., Any]) -> dict[str, Any]:
    order = sorted(range(len(found.runs)), key=lambda n: found.runs[n].member)
    results = {}
    for member, mine in groupby(order, key=lambda n: found.runs[n].member):
        try:
            results[member] = estimate(found.fluxes[list(mine)])
        except CalculationError:
            continue  # a member alone may be too noisy for a cutoff
    if len(results) < 2:
        return {"members": {str(k): each.scalar() for k, each in results.items()}}
    joined = green_kubo.committee(list(results.values()))
    return {
        "members": {str(k): each.scalar() for k, each in results.items()},
        "spread_W_per_mK": joined.spread,
        "statistical_W_per_mK": joined.statistical,
        "model_W_per_mK": joined.model,
    }


def _table(
    estimate: Callable[..., Any], cases: dict[float, tuple[int | None, float]], found: Usable
) -> list[dict[str, float | None]]:
    rows: list[dict[str, float | None]] = []
    for value, (length, window) in cases.items():
        try:
            one = estimate(found.fluxes, length, window)
            rows.append({"at": value, "kappa": one.scalar(), "error": one.error})
        except (InputError, CalculationError):
            rows.append({"at": value, "kappa": None, "error": None})
    return rows


def _by_modes(
    found: Usable,
    settings: GreenKubo,
    frames_of: Callable[[int], Frames],
    modes: lifetimes.Modes,
    series: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Lifetimes, κ_ha and the size correction; mean over the trajectories' correlations."""
    energies, spectra = [], []
    for number, run in zip(found.numbers, found.runs, strict=True):
        displacements, velocities = frames_of(number)
        times = run.frame_step * np.arange(len(velocities))
        frequencies, spectrum = lifetimes.spectral_functions(velocities, times, modes)
        spectra.append(spectrum)
        displacements = displacements - displacements.mean(axis=0)
        energies.append(lifetimes.mode_energies(displacements, velocities, modes))
    shortest = min(len(each) for each in energies)
    if all(len(each) == len(spectra[0]) for each in spectra):
        mean = np.mean(spectra, axis=0)
        series.update(
            spectrum_frequencies_THz=frequencies,
            velocity_spectra_eV_per_THz=mean.astype(np.float32),
            vibrational_density_eV_per_THz=mean.sum(axis=(1, 2)),
        )
    if settings.procedure == "vibes":
        each_run = [lifetimes.energy_correlations(each[:shortest], "vibes") for each in energies]
        correlation = np.mean(each_run, axis=0)
    else:
        stars = lifetimes.find_stars(modes.solution.qpoints, modes.rotations)
        correlation = lifetimes.pooled_correlations(energies, stars)
    times = found.runs[0].frame_step * np.arange(shortest)
    try:
        tau = lifetimes.fit_lifetimes(correlation, times, settings.procedure)
    except InputError as error:
        return {"not_computed": str(error)}
    energy = np.concatenate([each[:shortest] for each in energies])
    moving = modes.solution.frequencies > 1e-3
    share = float(energy.mean(axis=0)[moving].mean() / (units.kB * found.temperature))
    if abs(share - 1) > EQUIPARTITION:
        return {
            "equipartition": share,
            "not_computed": f"modes hold {share:.2f} k_B T instead of 1: the force constants do "
            "not describe this dynamics (strong anharmonicity, or a committee whose curvature is "
            "not learned yet)",
        }
    known = finite_size.harmonic(
        modes, energy, tau, found.volume, found.temperature, settings.procedure
    )
    series.update(
        lifetimes_fs=known.symmetrized,
        mode_frequencies_THz=modes.solution.frequencies,
        mode_qpoints=modes.solution.qpoints,
    )
    result: dict[str, Any] = {
        "equipartition": share,
        "kappa_harmonic_W_per_mK": float(np.trace(known.kappa_symmetrized)) / 3,
    }
    if not settings.size_correction:
        return result
    try:
        size = finite_size.correct(modes, known, procedure=settings.procedure)
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
    whole = [number for number, run in enumerate(runs) if not run.ended]
    if not whole:
        raise InputError(f"no trajectory can be used: {runs[0].ended}")
    each = -(-count // len(whole))
    found: list[Atoms] = []
    for number in whole:
        displacements, _ = nve.read_frames(paths[number])
        places = np.linspace(0, len(displacements) - 1, each).round().astype(int)
        for place in places:
            atoms = runs[number].sites.copy()
            atoms.positions += displacements[place]
            found.append(atoms)
    answer = committee.evaluate(found)
    labelled = [
        frames.labelled(atoms, float(energy), forces)
        for atoms, energy, forces in zip(found, answer.energy, answer.forces, strict=True)
    ]
    return labelled, float(np.mean([runs[number].temperature.mean() for number in whole]))
