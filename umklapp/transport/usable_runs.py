"""Which heat-flux trajectories say something about κ, brought to one temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from umklapp.config import GreenKubo
from umklapp.crystals import sites
from umklapp.errors import CalculationError, InputError
from umklapp.transport import green_kubo
from umklapp.transport.nve import Run

UNLIKELY = 4.0
"""Standard deviations of the canonical temperature."""


LEFT = 0.5
"""Of a bond: beyond it an atom has left its site."""


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
    for replica, run in enumerate(runs):
        if run.step != first.step or len(run.sites) != len(first.sites):
            raise InputError(
                f"trajectory {replica} has {len(run.sites)} atoms and a flux every {run.step:g} "
                f"fs, trajectory 0 {len(first.sites)} and {first.step:g}: delete those of the old "
                "settings and run again"
            )
    complaints = {
        replica: _complaint(run, settings, frames_of(replica)[0])
        for replica, run in enumerate(runs)
    }
    excluded = {replica: complaint for replica, complaint in complaints.items() if complaint}
    kept = [replica for replica in range(len(runs)) if replica not in excluded]
    if not kept:
        raise CalculationError(f"no trajectory can be used: {excluded[0]}")
    length = min(len(runs[replica].flux) for replica in kept)
    temperatures = [float(runs[replica].temperature.mean()) for replica in kept]
    temperature = float(np.mean(temperatures))
    volume = float(first.sites.cell.volume)
    fluxes = [
        (runs[replica].flux if settings.gauge == "lattice" else runs[replica].full)[:length]
        * (temperature / own / volume)
        for replica, own in zip(kept, temperatures, strict=True)
    ]
    times = first.step * np.arange(length)
    chosen = [runs[replica] for replica in kept]
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
            f"{expected:.0f}: the atoms took up or released potential energy, as where the crystal "
            "changes its structure; add rounds or training cells of this size, or raise "
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


def lowest_vibration(kept: Usable, frames_of: Callable[[int], Frames]) -> float:
    """Lowest significant vibration (THz), from the mean vibrational density of all runs."""
    densities = []
    for replica, run in zip(kept.numbers, kept.runs, strict=True):
        _, velocities = frames_of(replica)
        frequencies, density = green_kubo.spectrum(
            velocities, run.frame_step * np.arange(len(velocities))
        )
        densities.append(density)
    shortest = min(len(density) for density in densities)
    mean = np.mean([density[:shortest] for density in densities], axis=0)
    return green_kubo.lowest_frequency(frequencies[:shortest], mean)
