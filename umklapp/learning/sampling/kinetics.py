"""Velocities, kinetic energy and cells of molecular dynamics, without any potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units


@dataclass(frozen=True)
class Barostat:
    """Stochastic cell rescaling: pressure eV/Å³, time fs, compressibility Å³/eV (it sets the
    rate, not the result); anisotropic: all six strains, else the volume alone."""

    pressure: float = 0.0
    time: float = 500.0
    compressibility: float = 3.0
    anisotropic: bool = False


def maxwell_boltzmann(
    masses: np.ndarray, temperature: float, generator: np.random.Generator
) -> np.ndarray:
    """Velocities (N, 3) Å/fs at T with the centre of mass at rest; masses: (N,) u."""
    width = np.sqrt(units.kB * temperature / masses)[:, None] * units.fs
    velocities = generator.normal(size=(len(masses), 3)) * width
    drift = (masses[:, None] * velocities).sum(axis=0) / masses.sum()
    return np.asarray(velocities - drift)


def kinetic_energy(masses: np.ndarray, velocities: np.ndarray) -> float:
    """Kinetic energy (eV) of velocities (N, 3) Å/fs."""
    return 0.5 * float((masses[:, None] * (velocities / units.fs) ** 2).sum())


def kinetic_temperature(masses: np.ndarray, velocities: np.ndarray) -> float:
    """Temperature (K) of velocities (N, 3) Å/fs with 3N − 3 degrees of freedom."""
    return 2 * kinetic_energy(masses, velocities) / ((3 * len(masses) - 3) * units.kB)


def rescale(
    atoms: Atoms,
    velocities: np.ndarray,
    stress: np.ndarray,
    temperature: float,
    timestep: float,
    barostat: Barostat,
    generator: np.random.Generator,
) -> np.ndarray:
    """Rescale cell and positions of `atoms` by one step of the barostat; returns new velocities.

    Args:
        velocities: (N, 3) Å/fs. stress: (6,) eV/Å³ of the potential, ASE sign and order.
        temperature: target, K. timestep: fs.
    """
    volume, thermal = atoms.cell.volume, units.kB * temperature
    scaled = velocities / units.fs
    kinetic = np.einsum("n,na,nb->ab", atoms.get_masses(), scaled, scaled) / volume
    xx, yy, zz, yz, xz, xy = stress
    inner = kinetic - np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    rate = barostat.compressibility / barostat.time * timestep
    if barostat.anisotropic:
        drive = inner - (barostat.pressure - thermal / volume) * np.eye(3)
        noise = np.sqrt(2 * thermal * rate / (3 * volume)) * generator.normal(size=(3, 3))
        change = np.eye(3) + rate / 3 * drive + noise
        values, vectors = np.linalg.eigh(change @ change.T)  # the rotation is left out
        stretch = (vectors * np.sqrt(values)) @ vectors.T
    else:
        excess = float(np.trace(inner)) / 3 - barostat.pressure
        noise = np.sqrt(2 * thermal * rate / volume) * generator.normal()
        stretch = np.eye(3) * np.exp((rate * excess + noise) / 3)
    atoms.set_cell(atoms.cell.array @ stretch, scale_atoms=True)
    return np.asarray(velocities @ np.linalg.inv(stretch))
