"""σᴬ, vibrational density and Green–Kubo κ of trajectories and flux tables that a user has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.crystals import given_cells, materials, registration, sites, symmetry
from umklapp.crystals.formats import given, vibes, vibes_netcdf
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError
from umklapp.files import replacing
from umklapp.lattice import harmonic_reference
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.lattice.sigma_a import RunningSigma, sigma
from umklapp.transport import flux_runs, green_kubo, series, user_steps
from umklapp.wording import counted

FREQUENCY, PERIODS = 1.0, 10
"""THz of the noise filter where a table of fluxes comes without velocities; and how often its
period is in the run, at least."""

LIKE = (0.2, 5.0)
"""Slope of forces on harmonic forces of the same atoms; far from 1 only where nothing fits."""

CHUNKS = 10
"""Stretches of a trajectory from which the error of σᴬ comes."""


def sigma_a(
    path: Path,
    structure: Path | None = None,
    out: Path | None = None,
    every: int = 1,
    skip: int = 0,
) -> str:
    """σᴬ of a trajectory in any format of a `frames` seed, in words.

    Args:
        structure: file of the crystal, of which harmonic forces are fitted to the trajectory; not
            needed for a .nc of FHI-vibes that holds force constants, or a .son with its primitive
            cell.
        out: csv of every frame: time_fs, sigma_a.

    Raises:
        InputError: no harmonic forces: no structure, or too few frames to fit them; or as
            `given.inspected` and `registration.register`.
    """
    frames, report = given.inspected(path, every, skip)
    reference = _harmonic(path, structure, frames)
    placed, _ = registration.register(frames, reference.perfect, str(path))
    used = [frame for frame in placed if sites.in_cell(frame, reference.perfect)]
    if not used:
        raise InputError(f"{path}: no frame is in the cell of the harmonic crystal")
    forces = np.array([frame.get_forces() for frame in used])
    cells = np.array([frame.cell.array for frame in used])
    harmonic = reference.forces(np.array([frame.positions for frame in used]), cells)
    _check_harmonic(forces, harmonic, reference.source)
    running = RunningSigma()
    for part in np.array_split(np.arange(len(used)), min(CHUNKS, len(used))):
        running.add(forces[part], harmonic[part])
    value, error = running.result()
    if out is not None:
        times = [FrameInfo.of(frame).time for frame in used]
        _write(out, {"time_fs": times, "sigma_a": sigma(forces, harmonic)})
    return "\n".join(
        [
            f"sigma_a: {value:.4f}",
            f"error: {error:.4f} (standard error, from {len(running.total)} stretches in time)",
            f"frames: {len(used)}",
            f"harmonic forces: {reference.source}",
            *(f"said: {note}" for note in filter(None, [report.times, *report.notes])),
        ]
    )


def _check_harmonic(forces: np.ndarray, harmonic: np.ndarray, source: str) -> None:
    """Raise `InputError` where harmonic forces are not of these atoms in this unit at all."""
    total = float((harmonic**2).sum())
    slope = float((forces * harmonic).sum()) / total if total else 1.0
    if not LIKE[0] < slope < LIKE[1]:
        raise InputError(
            f"{source}: forces are {slope:.3g} times the harmonic ones, which must be near 1: the "
            "force constants have another unit, sign or order of the atoms"
        )


def _write(path: Path, columns: dict[str, Any]) -> None:
    with replacing(path) as part:
        pd.DataFrame(columns).to_csv(part, index=False)


def _harmonic(path: Path, structure: Path | None, frames: list[Atoms]) -> HarmonicReference:
    held = vibes_netcdf.force_constants(path) if given.format_of(path) == "nc" else None
    if held is not None:
        return HarmonicReference(*held, f"force constants in {path}")
    crystal = _crystal(path, structure)
    if crystal is None:
        raise InputError(
            f"{path}: the file has neither force constants nor the primitive cell: "
            "give a structure file of the crystal (--structure), and harmonic forces are fitted "
            "to the trajectory"
        )
    built = symmetry.primitive_cell(crystal)
    _, perfect, _ = given_cells.of_frames(frames, built, path)
    placed, _ = registration.register(frames, perfect, str(path))
    fitted = harmonic_reference.from_fit(perfect, placed)
    if fitted is None:
        raise InputError(
            f"{path}: {len(frames)} frames do not determine harmonic forces: give more frames "
            "(smaller --every and --skip), or a .nc that holds force constants"
        )
    return fitted


def _crystal(path: Path, structure: Path | None) -> Atoms | None:
    """The named structure, else the primitive cell that a trajectory of FHI-vibes holds."""
    if structure is not None:
        return materials.read_structure(structure)
    return vibes.primitive(path) if given.format_of(path) == "son" else None


def vdos(path: Path, out: Path | None = None) -> str:
    """Vibrational density of a trajectory with times, in words.

    Args:
        out: csv: frequency_THz, density (its highest value is 1).

    Raises:
        InputError: no velocities, or a broken time axis.
    """
    times, speeds, _ = user_steps.velocities_of(user_steps.read(path), path)
    frequencies, density = green_kubo.spectrum(speeds, times)
    if out is not None:
        _write(out, {"frequency_THz": frequencies, "density": density})
    lowest = green_kubo.lowest_frequency(frequencies, density)
    mean = float((frequencies * density).sum() / density.sum())
    return "\n".join(
        [
            f"lowest_frequency_THz: {lowest:.4f}",
            f"mean_frequency_THz: {mean:.4f}",
            f"frames: {len(times)}, every {series.timestep(times):g} fs",
        ]
    )


def conductivity(
    paths: Sequence[Path],
    *,
    volume: float | None = None,
    temperature: float | None = None,
    unit: str = "eV/A2/fs",
    time_unit: str = "fs",
    frequency: float | None = None,
    out: Path | None = None,
) -> str:
    """Green–Kubo κ of independent runs of one length, in words (procedure `umklapp`).

    Args:
        paths: .son or .nc of FHI-vibes, extxyz with `heat_flux`, or csv tables: time, then one or
            three components of the flux.
        volume, temperature: Å³ and K, where the file does not say. unit: of csv and extxyz, of
            `flux_runs.FLUX_UNITS`. time_unit: of csv. frequency: THz, of the noise filter.
        out: csv: time_fs, kappa_W_per_mK (running integral), and the filtered one.

    Raises:
        InputError: what is missing or does not fit together.
        CalculationError: the flux is still correlated at the end.
    """
    if frequency is not None and not 0 < frequency < np.inf:
        raise InputError(f"--frequency {frequency:g}: a number of THz above 0")
    runs = [flux_runs.read(path, volume, temperature, unit, time_unit) for path in paths]
    flux_runs.check_independent(runs, paths)
    shortest = min(len(run.times) for run in runs)
    steps = {round(series.timestep(run.times), 6) for run in runs}
    if len(steps) > 1:
        raise InputError(f"runs of different time steps: {sorted(steps)} fs")
    lowest = frequency or min((run.frequency or np.inf) for run in runs)
    if not np.isfinite(lowest):
        length = float(np.ptp(runs[0].times[:shortest]))
        lowest = max(FREQUENCY, 1e3 * PERIODS / length)
    kappa = green_kubo.estimate(
        np.array([run.flux[:shortest] for run in runs]),
        runs[0].times[:shortest],
        volume=float(np.mean([run.volume for run in runs])),
        temperature=float(np.mean([run.temperature for run in runs])),
        frequency=lowest,
    )
    if out is not None:
        columns = {
            "kappa_W_per_mK": kappa.integral,
            "kappa_filtered_W_per_mK": kappa.smooth_integral,
        }
        traces = {name: np.trace(x, axis1=1, axis2=2) / 3 for name, x in columns.items()}
        _write(out, {"time_fs": kappa.times - kappa.times[0], **traces})
    error = (
        "unknown: one run has no spread; give several independent runs"
        if kappa.error is None
        else f"{kappa.error:.4g} (standard error over {counted(len(runs), 'run')})"
    )
    return "\n".join(
        [
            f"kappa_W_per_mK: {kappa.scalar():.8g}",
            f"error: {error}",
            f"diagonal: {[float(f'{x:.6g}') for x in np.diag(kappa.kappa)]}",
            f"cutoff_fs: {kappa.cutoffs.max():g}, filter {kappa.window:g} fs ({lowest:g} THz)",
            f"runs: {len(runs)} of {shortest} samples",
        ]
    )
