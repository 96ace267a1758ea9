"""Harmonic phonons from second-order force constants: bands, density of states, thermodynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms
from phono3py import Phono3py
from phonopy import Phonopy

from umklapp import materials

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
class Thermodynamics:
    """Of one model on a mesh, per primitive cell at `TEMPERATURE`.

    lowest, highest: THz; entropy, heat_capacity: J/(K mol); free_energy: kJ/mol;
    dos_frequency, dos: THz and states per THz.
    """

    lowest: float
    highest: float
    entropy: float
    free_energy: float
    heat_capacity: float
    dos_frequency: np.ndarray
    dos: np.ndarray


def harmonic(phonon: Phono3py) -> Phonopy:
    """The harmonic half of a phono3py calculation with fc2."""
    matrix = phonon.phonon_supercell_matrix
    found = Phonopy(
        phonon.unitcell,
        supercell_matrix=phonon.supercell_matrix if matrix is None else matrix,
        primitive_matrix=phonon.primitive_matrix,
    )
    found.force_constants = phonon.fc2
    found.nac_params = phonon.nac_params
    return found


def bands(models: Sequence[Phonopy], density: float = 60.0) -> Bands:
    """Bands of all models along the standard path of their lattice.

    Args:
        models: with the same primitive cell.
        density: points per 1/Å.
    """
    primitive: Atoms = materials.from_phonopy(models[0].primitive)
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


def thermodynamics(model: Phonopy, mesh: Sequence[int]) -> Thermodynamics:
    """Frequencies, density of states and thermal functions on a q-mesh."""
    model.run_mesh(list(mesh))
    frequencies = model.mesh.frequencies
    model.run_total_dos(use_tetrahedron_method=True)
    model.run_thermal_properties(temperatures=[TEMPERATURE], exclude_gamma_acoustic=True)
    thermal = model.thermal_properties
    dos = model.total_dos
    return Thermodynamics(
        lowest=float(frequencies.min()),
        highest=float(frequencies.max()),
        entropy=float(thermal.entropy[0]),
        free_energy=float(thermal.free_energy[0]),
        heat_capacity=float(thermal.heat_capacity[0]),
        dos_frequency=np.array(dos.frequency_points),
        dos=np.array(dos.dos),
    )


def describe(thermal: Sequence[Thermodynamics], gate: float) -> dict[str, Any]:
    """Mean and spread over the models, and whether every one of them is dynamically stable.

    Args:
        thermal: of every model.
        gate: THz; a lower frequency anywhere on the mesh counts as an imaginary mode.
    """
    lowest = [each.lowest for each in thermal]
    unstable = [number for number, value in enumerate(lowest) if value < gate]
    words = "dynamically stable on the mesh"
    if unstable:
        words = f"not dynamically stable: members {unstable} reach {min(lowest):.3f} THz"
    found: dict[str, Any] = {"stable": not unstable, "words": words, "temperature_K": TEMPERATURE}
    units = {
        "lowest": "THz",
        "highest": "THz",
        "entropy": "J_per_K_mol",
        "free_energy": "kJ_per_mol",
        "heat_capacity": "J_per_K_mol",
    }
    for name, unit in units.items():
        values = np.array([getattr(each, name) for each in thermal])
        found[f"{name}_{unit}"] = {"mean": float(values.mean()), "std": float(values.std())}
    return found


def write_bands(path: Path, found: Bands, thermal: Sequence[Thermodynamics]) -> None:
    """Bands and densities of states of all models as hdf5."""
    with h5py.File(path, "w") as file:
        file.attrs["units"] = "frequencies THz, distance 1/Å without 2π, dos states/THz"
        for name in ("distance", "frequencies", "ticks", "segments"):
            file[name] = getattr(found, name)
        file["labels"] = np.array(found.labels, dtype="S")
        for number, each in enumerate(thermal):
            file[f"dos/{number}/frequency"] = each.dos_frequency
            file[f"dos/{number}/dos"] = each.dos


def read_bands(path: Path) -> Bands:
    """Bands written by `write_bands`."""
    with h5py.File(path) as file:
        arrays = {n: file[n][()] for n in ("distance", "frequencies", "ticks", "segments")}
        labels = [label.decode() for label in file["labels"][()]]
    return Bands(labels=labels, **arrays)
