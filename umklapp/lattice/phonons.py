"""Harmonic phonons from second-order force constants: bands, density of states, thermodynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from phono3py import Phono3py
from phonopy import Phonopy

from umklapp import hdf5
from umklapp.crystals import phonopy_cells
from umklapp.errors import CalculationError
from umklapp.lattice.thermodynamics_record import (
    Curve,
    Curves,
    Imaginary,
    MeanStd,
    SoftModes,
    SoundSpeeds,
    ThermodynamicsRecord,
)

TEMPERATURE = 300.0
"""K, of the thermodynamic functions."""


@dataclass(frozen=True)
class Bands:
    """Phonon bands of K models along one path.

    distance: (n_q,) 1/Å without 2π; frequencies: (K, n_q, n_bands) THz, imaginary ones negative;
    ticks, labels: where the special points lie and their names; segments: where the straight
    pieces between special points start (both ends belong to a piece).
    """

    distance: np.ndarray
    frequencies: np.ndarray
    ticks: np.ndarray
    labels: list[str]
    segments: np.ndarray


@dataclass(frozen=True)
class ThermalCurves:
    """Per primitive cell: temperature K; entropy, heat_capacity J/(K mol); free_energy kJ/mol; all
    (n_T,)."""

    temperature: np.ndarray
    entropy: np.ndarray
    free_energy: np.ndarray
    heat_capacity: np.ndarray


@dataclass(frozen=True)
class Thermodynamics:
    """Of one model on a mesh, per primitive cell at `TEMPERATURE`.

    lowest, highest: THz; entropy, heat_capacity: J/(K mol); free_energy: kJ/mol;
    dos_frequency, dos: THz and states per THz; qpoints, weights, frequencies: (n_q, 3) fractional,
    (n_q,) and (n_q, n_b) THz of the irreducible points; curves: at the temperatures that were asked
    for.
    """

    lowest: float
    highest: float
    entropy: float
    free_energy: float
    heat_capacity: float
    dos_frequency: np.ndarray
    dos: np.ndarray
    qpoints: np.ndarray
    weights: np.ndarray
    frequencies: np.ndarray
    curves: ThermalCurves

    def imaginary(self, gate: float, most: int = 5) -> SoftModes | None:
        """Where frequencies lie below the gate (THz), lowest first; None where nowhere.

        Args:
            most: so many q-points are listed, each with its lowest branch.
        """
        lowest = self.frequencies.min(axis=1)
        below = np.flatnonzero(lowest < gate)
        if len(below) == 0:
            return None
        ordered = below[np.argsort(lowest[below], kind="stable")][:most]
        modes = (self.weights * (self.frequencies < gate).sum(axis=1)).sum()
        return SoftModes(
            share_of_modes=float(modes / self.weights.sum() / self.frequencies.shape[1]),
            q=[self.qpoints[point].round(6).tolist() for point in ordered],
            frequency_THz=lowest[ordered].tolist(),
        )


@dataclass(frozen=True)
class Sound:
    """Speeds of sound in m/s, each a mean over all directions.

    slow, middle, fast: of the three acoustic branches, plain means; debye: the mean of v⁻³ over
    directions and branches, to the power −1/3, that goes with the Debye temperature.
    """

    slow: float
    middle: float
    fast: float
    debye: float


def harmonic(phonon: Phono3py) -> Phonopy:
    """The harmonic half of a phono3py calculation with fc2."""
    matrix = phonon.phonon_supercell_matrix
    calculation = Phonopy(
        phonon.unitcell,
        supercell_matrix=phonon.supercell_matrix if matrix is None else matrix,
        primitive_matrix=phonon.primitive_matrix,
    )
    calculation.force_constants = phonon.fc2
    calculation.nac_params = phonon.nac_params
    return calculation


def bands(models: Sequence[Phonopy], density: float = 60.0) -> Bands:
    """Bands of all models along the standard path of their lattice.

    Args:
        models: with the same primitive cell.
        density: points per 1/Å.
    """
    primitive: Atoms = phonopy_cells.from_phonopy(models[0].primitive)
    path = primitive.cell.bandpath(density=density)
    distance, ticks, labels = path.get_linear_kpoint_axis()
    pieces = _straight_pieces(path.kpts, distance, ticks)
    frequencies = []
    for model in models:
        # piece by piece: with Born charges the limit at Γ depends on the direction it is taken in
        model.run_band_structure([path.kpts[piece] for piece in pieces])
        frequencies.append(np.concatenate(model.band_structure.frequencies))
    shown = np.concatenate([distance[piece] for piece in pieces])
    lengths = [len(distance[piece]) for piece in pieces]
    return Bands(
        shown / (2 * np.pi),
        np.array(frequencies),
        np.array(ticks) / (2 * np.pi),
        list(labels),
        np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(int),
    )


def _straight_pieces(kpts: np.ndarray, distance: np.ndarray, ticks: np.ndarray) -> list[slice]:
    """Slices between neighbouring special points; a jump of the path starts a new piece."""
    corners: list[int] = []
    for tick in np.unique(np.round(ticks, 9)):
        corners.extend(np.flatnonzero(np.abs(distance - tick) < 1e-6).tolist())
    return [
        slice(begin, end + 1)
        for begin, end in pairwise(corners)
        if distance[end] - distance[begin] > 1e-6
    ]


def thermodynamics(
    model: Phonopy, mesh: Sequence[int], temperatures: Sequence[float] | None = None
) -> Thermodynamics:
    """Frequencies, density of states and thermal functions on a q-mesh.

    Args:
        temperatures: K, of the curves; `TEMPERATURE` alone if none.
    """
    asked = [TEMPERATURE] if temperatures is None else list(temperatures)
    model.run_mesh(list(mesh))
    frequencies = model.mesh.frequencies
    model.run_total_dos(use_tetrahedron_method=True)
    model.run_thermal_properties(temperatures=[TEMPERATURE, *asked], exclude_gamma_acoustic=True)
    thermal, dos = model.thermal_properties, model.total_dos
    return Thermodynamics(
        lowest=float(frequencies.min()),
        highest=float(frequencies.max()),
        entropy=float(thermal.entropy[0]),
        free_energy=float(thermal.free_energy[0]),
        heat_capacity=float(thermal.heat_capacity[0]),
        dos_frequency=np.array(dos.frequency_points),
        dos=np.array(dos.dos),
        qpoints=np.array(model.mesh.qpoints),
        weights=np.array(model.mesh.weights),
        frequencies=np.array(frequencies),
        curves=ThermalCurves(
            np.array(asked, float),
            np.array(thermal.entropy[1:]),
            np.array(thermal.free_energy[1:]),
            np.array(thermal.heat_capacity[1:]),
        ),
    )


def sound(model: Phonopy, directions: int = 200, distance: float = 1e-3) -> Sound:
    """Speeds of sound from the slopes of the acoustic branches at Γ.

    Args:
        directions: points of a spiral around the sphere.
        distance: |q| in 1/Å without 2π.

    Raises:
        CalculationError: an acoustic branch that does not rise, where there is no sound.
    """
    direction = np.arange(directions)
    height = 1 - (2 * direction + 1) / directions
    angle = np.pi * (1 + np.sqrt(5)) * direction
    radius = np.sqrt(1 - height**2)
    unit = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    model.run_qpoints(distance * unit @ model.primitive.cell.T)
    slopes = np.sort(model.qpoints.frequencies, axis=1)[:, :3] / distance * 100  # THz Å in m/s
    if slopes.min() <= 0:
        raise CalculationError(
            f"no speed of sound: an acoustic branch has {slopes.min() * distance / 100:.2e} THz at "
            f"|q| = {distance:g} 1/Å; the crystal is not stable near Γ, or the force constants "
            "break the acoustic sum rule"
        )
    slow, middle, fast = slopes.mean(axis=0)
    return Sound(float(slow), float(middle), float(fast), float((slopes**-3.0).mean() ** (-1 / 3)))


def describe_sound(models: Sequence[Phonopy]) -> SoundSpeeds:
    """Mean and spread of the speeds of sound over the models, or why there are none."""
    try:
        speeds = [sound(model) for model in models]
    except CalculationError as error:
        return SoundSpeeds(not_computed=str(error))
    return SoundSpeeds(
        slow=MeanStd.over([speed.slow for speed in speeds]),
        middle=MeanStd.over([speed.middle for speed in speeds]),
        fast=MeanStd.over([speed.fast for speed in speeds]),
        debye=MeanStd.over([speed.debye for speed in speeds]),
    )


def describe(
    thermal: Sequence[Thermodynamics], gate: float, speeds: SoundSpeeds, mesh: Sequence[int]
) -> ThermodynamicsRecord:
    """Mean and spread over the models, and whether every one of them is dynamically stable.

    Args:
        thermal: of every model, on `mesh`.
        gate: THz; a lower frequency anywhere on the mesh counts as an imaginary mode. `imaginary`
            says for every such member where (`Thermodynamics.imaginary`).
        speeds: of `describe_sound`.
    """
    soft = [(member, model.imaginary(gate)) for member, model in enumerate(thermal)]
    imaginary = [Imaginary(member=k, **dict(modes)) for k, modes in soft if modes is not None]
    unstable = [modes.member for modes in imaginary]
    lowest = [model.lowest for model in thermal]
    sentence = "dynamically stable on the mesh"
    if unstable:
        sentence = (
            f"not dynamically stable: members {unstable} have imaginary modes, "
            f"the lowest at {min(lowest):.3f} THz"
        )
    curves = [model.curves for model in thermal]
    return ThermodynamicsRecord(
        stable=not unstable,
        words=sentence,
        temperature_K=TEMPERATURE,
        lowest_THz=MeanStd.over(lowest),
        highest_THz=MeanStd.over([model.highest for model in thermal]),
        entropy_J_per_K_mol=MeanStd.over([model.entropy for model in thermal]),
        free_energy_kJ_per_mol=MeanStd.over([model.free_energy for model in thermal]),
        heat_capacity_J_per_K_mol=MeanStd.over([model.heat_capacity for model in thermal]),
        imaginary=imaginary,
        curves=Curves(
            temperature_K=curves[0].temperature.tolist(),
            entropy_J_per_K_mol=Curve.over([curve.entropy for curve in curves]),
            free_energy_kJ_per_mol=Curve.over([curve.free_energy for curve in curves]),
            heat_capacity_J_per_K_mol=Curve.over([curve.heat_capacity for curve in curves]),
        ),
        sound_m_per_s=speeds,
        mesh=list(mesh),
    )


def write_bands(path: Path, of_models: Bands, thermal: Sequence[Thermodynamics]) -> None:
    """Bands and densities of states of all models as hdf5."""
    with hdf5.writing(path) as file:
        file.attrs["units"] = "frequencies THz, distance 1/Å without 2π, dos states/THz"
        for name in ("distance", "frequencies", "ticks", "segments"):
            file[name] = getattr(of_models, name)
        file["labels"] = np.array(of_models.labels, dtype="S")
        for member, model in enumerate(thermal):
            file[f"dos/{member}/frequency"] = model.dos_frequency
            file[f"dos/{member}/dos"] = model.dos


def read_bands(path: Path) -> Bands:
    """Bands written by `write_bands`."""
    with h5py.File(path) as file:
        arrays = {n: file[n][()] for n in ("distance", "frequencies", "ticks", "segments")}
        labels = [label.decode() for label in file["labels"][()]]
    return Bands(labels=labels, **arrays)
