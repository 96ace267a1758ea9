"""Explorations on disk: their events, σᴬ and energies, replica by replica."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.lattice.sigma_a import RunningSigma
from umklapp.learning.events import detection, observations, quiet, thermal
from umklapp.learning.events.event_record import Anharmonicity
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.thermal import ThermalEnergy

CHUNK = 200
"""Frames in memory at once."""


def replicas(file: h5py.File) -> Iterator[tuple[int, float, h5py.Group]]:
    """Number, target temperature (K) and group of every replica that is dynamics.

    Frames of a pool have neither time nor temperature.
    """
    for replica, name in enumerate(sorted(file)):
        target = float(file[name].attrs["target_temperature"])
        if np.isfinite(target):
            yield replica, target, file[name]


def sigma_by_temperature(path: Path) -> dict[float, list[np.ndarray]]:
    """σᴬ(t) of every replica of an exploration, by target temperature (K).

    Hotter crystals are less harmonic, so that each temperature has its own quiet band.
    """
    series: dict[float, list[np.ndarray]] = {}
    with h5py.File(path) as file:
        for _, target, group in replicas(file):
            series.setdefault(target, []).append(group["sigma"][()])
    return series


def anchors(
    seeds: Mapping[float, Sequence[np.ndarray]],
    reference: Mapping[float, Sequence[np.ndarray]],
    after: Mapping[float, Sequence[np.ndarray]],
    enter: float,
) -> dict[float, Quiet]:
    """The band that all sources of a temperature are held to, by target temperature (K).

    The first committee has no part in it: its quiet lattice may be wrong.

    Args:
        seeds, reference, after: series of σᴬ by target temperature.
    """
    bands = {}
    for target in {*seeds, *reference, *after}:
        sources = [*reference.get(target, ()), *after.get(target, ())]
        band = quiet.anchor(seeds.get(target, ()), sources, enter)
        if band is not None:
            bands[target] = band
    return bands


def stride_of(time: np.ndarray, spacing: float) -> int:
    """Frames per step that make a series with times (n,) fs as coarse as `spacing` fs."""
    own = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    return max(1, round(spacing / own)) if own > 0 else 1


def exploration_spacing(path: Path) -> float:
    """Time between kept frames of an exploration, fs; 0 where there are no two."""
    with h5py.File(path) as file:
        steps = [np.diff(group["time"][()]) for _, _, group in replicas(file)]
    joined = np.concatenate([np.empty(0), *steps])
    return float(np.median(joined)) if len(joined) else 0.0


def scan_exploration(
    path: Path,
    held_to: Mapping[float, Quiet],
    harmonic: HarmonicReference,
    spacing: float = 0.0,
    **options: Any,
) -> dict[float, Observation]:
    """Events of all replicas of an exploration by target temperature, read in chunks.

    Args:
        held_to: `anchors`. spacing: fs; finer series are thinned to it, because rates of short
            events depend on how often one looks. options: of `detection.Detector`.
    """
    enter = float(options.get("enter", quiet.ENTER))
    own = {
        target: quiet.of_source(series, held_to.get(target), enter)
        for target, series in sigma_by_temperature(path).items()
    }
    parts: dict[float, list[Observation]] = {target: [] for target in own}
    with h5py.File(path) as file:
        for replica, target, group in replicas(file):
            band = own[target]
            if band is None:
                continue
            stride = stride_of(group["time"][()], spacing)
            names = ("time", "sigma", "positions", "cells")
            chunks = detection.hdf5_chunks(group, names, CHUNK, stride)
            seen = detection.scan(
                [chunks], band, harmonic, [replica], True, [_start_of(group)], **options
            )
            parts[target].append(seen)
    return {
        target: observations.join(observed) if observed else Observation()
        for target, observed in parts.items()
    }


def _start_of(group: h5py.Group) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions (N, 3) and cell (3, 3) Å that a replica started from; None in older files."""
    if "start_positions" not in group:
        return None
    return group["start_positions"][()], group["start_cell"][()]


def exploration_series(path: Path, source: str) -> pd.DataFrame:
    """σᴬ(t) and u_max of all replicas of an exploration, columns as `reference_series`."""
    parts = []
    with h5py.File(path) as file:
        for replica, name in enumerate(sorted(file)):
            group = file[name]
            parts.append(
                pd.DataFrame(
                    {
                        "source": source,
                        "replica": replica,
                        "time_ps": group["time"][()] / 1000,
                        "sigma": group["sigma"][()],
                        f"uncertainty_{source}": group["measures/force_max"][()],
                    }
                )
            )
    return pd.concat(parts) if parts else pd.DataFrame(columns=["source", "replica", "time_ps"])


def overall_sigma(path: Path, harmonic: HarmonicReference, least_atoms: int) -> Anharmonicity:
    """σᴬ of all frames of an exploration with its standard error, read in chunks.

    Args:
        least_atoms: `verdict.sigma_atoms`.
    """
    running = RunningSigma()
    cell = {"atoms": len(harmonic.perfect), "least_atoms": least_atoms}
    with h5py.File(path) as file:
        for group in file.values():
            for chunk in detection.hdf5_chunks(group, ("positions", "cells", "forces"), CHUNK):
                positions, cells, forces = chunk
                running.add(forces, harmonic.forces(positions, cells))
    if not running.total:
        return Anharmonicity(value=None, error=None, **cell)
    value, error = running.result()
    return Anharmonicity(value=value, error=error if np.isfinite(error) else None, **cell)


def thermal_energies(
    path: Path, observed: Mapping[float, Observation], atoms: int
) -> list[ThermalEnergy]:
    """Potential energies of the quiet frames of an exploration, by target temperature.

    Args:
        path: of the last exploration. observed: its events by temperature. atoms: N.
    """
    energies: dict[float, list[np.ndarray]] = {target: [] for target in observed}
    with h5py.File(path) as file:
        for _, target, group in replicas(file):
            band = observed[target].quiet
            if band is not None:
                calm = group["sigma"][()] <= band.level(quiet.LEAVE)
                energies[target].append(atoms * group["energy"][()][calm])
    return [
        thermal.measured(
            np.concatenate([np.empty(0), *parts]), atoms, target, "the last committee's dynamics"
        )
        for target, parts in sorted(energies.items())
    ]
