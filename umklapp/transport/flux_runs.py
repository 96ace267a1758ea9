"""Heat fluxes of runs that a user has: in trajectories, or in tables of numbers."""

from __future__ import annotations

import logging
import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import units

from umklapp.crystals.formats import flux_units, packed
from umklapp.crystals.formats.given import PEEK
from umklapp.errors import InputError
from umklapp.transport import green_kubo, user_steps

log = logging.getLogger(__name__)

FLUX_UNITS = {
    "eV/A2/fs": 1.0,
    "eV/A2/ps": 1e-3,
    "W/m2": 1e-35 / units._e,
    "metal": 1e-3,
    "real": units.kcal / units.mol,
}
"""eV/(Å² fs) in one unit of a flux; `metal` and `real` are LAMMPS' fluxes times volume
(eV Å/ps and kcal/mol Å/fs)."""

EXTENSIVE = ("metal", "real")

TIME_UNITS = {"fs": 1.0, "ps": 1e3}

BOUND = 1e100
"""Numbers of a table of fluxes beyond are no flux and no time; their squares must be finite."""

NO_FLUX = re.compile(
    r"step|time|temp|press|vol|dens|energ|etot|pot|kin|kappa|lambda|tc_|msd|iter", re.IGNORECASE
)
"""In the names of columns that are no component of a heat flux."""

STEPS = re.compile(r"step|iter", re.IGNORECASE)
"""In the name of a first column that counts steps."""

TIME_IN_NAME = re.compile(r"(?<![a-z])(fs|ps|ns|s)(?![a-z])", re.IGNORECASE)

OUTLYING = 100.0
"""Times the median size of a flux that no sample of a run has; a normal distribution has 4."""

SHORTEST_STEP = 0.05
"""fs between samples; dynamics with light atoms has 0.1."""

CONDITIONS = {"volume": (10.0, 1e9, "Å³"), "temperature": (0.1, 2e4, "K")}
"""What can be meant."""

NUMBERS = re.compile(rb"\s*[-+]?[\d.][-+.\dEe]*\s*[,;\t ]\s*[-+]?[\d.][-+.\dEe]*\s*(?:[,;\t ]|$)")
"""A row of a table of fluxes."""

SHARED = 0.05
"""Share of the samples of one run that may be in another one by chance."""

OTHER_VOLUME, OTHER_TEMPERATURE = 0.05, 0.2
"""Relative differences of runs whose fluxes are not averaged."""


@dataclass(frozen=True)
class FluxRun:
    """One run: times (n,) fs, flux (n, 3) eV/(Å² fs), volume Å³, temperature K, and the lowest
    vibration in THz, None where the file has no velocities."""

    times: np.ndarray
    flux: np.ndarray
    volume: float
    temperature: float
    frequency: float | None


def read(
    path: Path, volume: float | None, temperature: float | None, unit: str, time_unit: str
) -> FluxRun:
    """The flux of one file; arguments as those of `user_files.conductivity`.

    Raises:
        InputError: what is missing or does not fit together.
    """
    if unit not in FLUX_UNITS or time_unit not in TIME_UNITS:
        wrong = f"--unit {unit}" if unit not in FLUX_UNITS else f"--time-unit {time_unit}"
        raise InputError(
            f"{wrong}: no such unit; units of fluxes: {', '.join(FLUX_UNITS)}; of times: "
            f"{', '.join(TIME_UNITS)}"
        )
    for name, value in (("volume", volume), ("temperature", temperature)):
        low, high, symbol = CONDITIONS[name]
        if value is not None and not low <= value <= high:
            raise InputError(f"--{name} {value:g}: from {low:g} to {high:g} {symbol} can be meant")
    if _is_table(path):
        return _of_table(path, volume, temperature, unit, time_unit)
    steps = list(user_steps.read(path, FLUX_UNITS[unit]))
    whole = [
        step for step in steps if step.heat_flux is not None and np.isfinite(step.heat_flux).all()
    ]
    if not whole:
        raise InputError(
            f"{path}: no step has a heat flux; the program that runs the dynamics must write the "
            "flux, or the stresses of atoms"
        )
    times, speeds, masses = user_steps.velocities_of(whole, path)
    flux_units.check_steps(whole, str(path))
    frequencies, density = green_kubo.spectrum(speeds, times)
    kinetic = (masses[:, None] * (speeds / units.fs) ** 2).sum(axis=(1, 2)).mean()
    return FluxRun(
        times,
        np.array([step.heat_flux for step in whole]),
        volume or float(np.mean([abs(np.linalg.det(step.cell)) for step in whole])),
        temperature or float(kinetic / (3 * (len(masses) - 1) * units.kB)),
        green_kubo.lowest_frequency(frequencies, density),
    )


def check_independent(runs: Sequence[FluxRun], paths: Sequence[Path]) -> None:
    """The spread of runs is an error only where they are other runs of one crystal.

    Raises:
        InputError: two have samples in common, or other volumes or temperatures.
    """
    samples = [{row.tobytes() for row in run.flux if row.any()} for run in runs]
    for two in range(1, len(runs)):
        for one in range(two):
            common = len(samples[one] & samples[two])
            if common > SHARED * min(len(samples[one]), len(samples[two])):
                raise InputError(
                    f"{paths[one]} and {paths[two]} have {common} samples of the flux in common: "
                    "they are one run, which has no spread; give independent runs"
                )
        for name, value, other, allowed in (
            ("volumes (Å³)", runs[0].volume, runs[two].volume, OTHER_VOLUME),
            ("temperatures (K)", runs[0].temperature, runs[two].temperature, OTHER_TEMPERATURE),
        ):
            if abs(other / value - 1) > allowed:
                raise InputError(
                    f"{paths[0]} and {paths[two]} have other {name}, {value:.5g} and {other:.5g}: "
                    "κ is a mean over runs of one crystal at one temperature"
                )


def _is_table(path: Path) -> bool:
    """Whether a file holds rows of numbers, by its name or its first lines."""
    if path.suffix.lower() == ".csv" or not path.is_file():
        return path.suffix.lower() == ".csv"
    with packed.readable(path), packed.opened(path) as file:
        lines = [line.strip() for line in file.read(PEEK).removeprefix(BOM_UTF8).splitlines()]
    rows = [line for line in lines if line and not line.startswith(b"#")]
    return any(NUMBERS.match(line) for line in rows[:2])


def _of_table(
    path: Path, volume: float | None, temperature: float | None, unit: str, time_unit: str
) -> FluxRun:
    """A csv table of times and one or three components; one component counts three times."""
    if volume is None or temperature is None:
        raise InputError(
            f"{path}: a csv table says neither volume nor temperature: give --volume (Å³) and "
            "--temperature (K)"
        )
    names, values = _table(path)
    if not (np.abs(values) < BOUND).all():
        raise InputError(f"{path}: a number that is not finite, or beyond {BOUND:g}")
    if values.ndim != 2 or values.shape[1] not in (2, 4):
        columns = values.shape[1] if values.ndim == 2 else 0
        raise InputError(
            f"{path}: {columns} columns; the time and one or three components are needed"
        )
    _check_names(names, time_unit, path)
    _check_flux(values[:, 0] * TIME_UNITS[time_unit], values[:, 1:], path)
    flux = np.repeat(values[:, 1:], 3, axis=1) if values.shape[1] == 2 else values[:, 1:]
    factor = FLUX_UNITS[unit] / (volume if unit in EXTENSIVE else 1.0)
    return FluxRun(values[:, 0] * TIME_UNITS[time_unit], flux * factor, volume, temperature, None)


def _table(path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the columns, none where the file has none, and numbers (rows, columns).

    Columns are parted by semicolons, tabs, commas or blanks: the first of these in the first row of
    numbers.
    """
    with packed.readable(path), packed.opened_text(path) as file:
        text = file.read()
    whole = text.splitlines()
    if text and not text.endswith("\n") and len(whole) > 1:
        log.warning("%s: its last line has no end and may be cut: left out", path)
        whole.pop()
    lines = [line.strip() for line in whole]
    rows = [line for line in lines if line and not line.startswith("#")]
    first = next((n for n, line in enumerate(rows) if re.match(r"[-+]?\.?\d", line)), len(rows))
    body = rows[first:]
    mark = next((m for m in (";", "\t", ",") if body and m in body[0]), None)
    if body and mark in (";", "\t") and "," in body[0]:
        raise InputError(f"{path}: decimal commas ({body[0][:60]!r}); write points")
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    head = rows[first - 1] if first else (comments[-1] if comments else "")
    try:
        cells = [[float(word.strip() or "nan") for word in row.split(mark)] for row in body]
        values = np.array(cells, float)
    except ValueError as error:
        raise InputError(f"{path}: cannot be read as a table of numbers: {error}") from None
    columns = values.shape[1] if values.ndim == 2 else 0
    ways = [[name.strip(" \"'") for name in head.split(way)] for way in (mark, None)]
    return next((names for names in ways if len(names) == columns), []), values


def _check_flux(times: np.ndarray, flux: np.ndarray, path: Path) -> None:
    """Times (n,) fs and components (n, 1 or 3) are of a run, and each of its components is there.

    Raises:
        InputError: naming the row, or the unit of the times.
    """
    steps = np.diff(times)
    if len(steps) and 0 < np.abs(steps).max() < SHORTEST_STEP:
        raise InputError(
            f"{path}: a sample every {np.abs(steps).max():.2g} fs, which no dynamics has: are the "
            "times in ps? Give --time-unit ps, or convert them to fs"
        )
    sizes = np.linalg.norm(flux, axis=1)
    middle = float(np.median(sizes)) if len(sizes) else 0.0
    if middle and sizes.max() > OUTLYING * middle:
        row = int(sizes.argmax())
        raise InputError(
            f"{path}: sample {row} is {sizes.max() / middle:.2g} times the median flux: a damaged "
            "number, or a correlation function in place of the flux"
        )
    if flux.shape[1] < 3 or not sizes.any() or len(flux) < 2:
        return
    for axis, name in enumerate("xyz"):
        if not np.ptp(flux[:, axis]):
            raise InputError(
                f"{path}: the component {name} never changes: κ is a mean of three components; "
                "give one component alone where there is only one"
            )
    if (flux[:, 0] == flux[:, 1]).all() or (flux[:, 1] == flux[:, 2]).all():
        raise InputError(f"{path}: two components are the same numbers; give it once, alone")


def _check_names(names: Sequence[str], time_unit: str, path: Path) -> None:
    """Names of columns, where a table has them, fit what is read of them."""
    if not names:
        return
    if STEPS.search(names[0]):
        raise InputError(
            f"{path}: the first column, {names[0]!r}, counts steps: write times (steps times the "
            "time step)"
        )
    said = TIME_IN_NAME.search(re.sub(r"[_\d]", " ", names[0]))
    if said and said[1].lower() != time_unit:
        raise InputError(
            f"{path}: the first column, {names[0]!r}, is in {said[1]}, not in {time_unit}: give "
            "--time-unit, or convert it"
        )
    other = [name for name in names[1:] if NO_FLUX.search(name)]
    if other:
        raise InputError(
            f"{path}: the column {other[0]!r} is no component of a heat flux; the table must have "
            "the time and one or three components alone"
        )
