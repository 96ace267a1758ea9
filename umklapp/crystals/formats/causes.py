"""What would explain energies that do not belong to the forces or stresses of the same file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms, units

from umklapp.crystals.formats.consistency import OFF, SIGMAS, Slope

HARTREE, RYDBERG, BOHR = units.Hartree, units.Rydberg, units.Bohr
KCAL, KJ = units.kcal / units.mol, units.kJ / units.mol


def force_factors(n_atoms: int) -> dict[str, float]:
    """Slope of the energies on the forces that each wrong unit gives where 1 is right."""
    return {
        "energies in Hartree, forces in eV/Å": 1 / HARTREE,
        "energies in Rydberg, forces in eV/Å": 1 / RYDBERG,
        "energies in kcal/mol, forces in eV/Å": 1 / KCAL,
        "energies in kJ/mol, forces in eV/Å": 1 / KJ,
        "energies in meV, forces in eV/Å": 1000.0,
        "energies in eV, forces in meV/Å": 0.001,
        "energies in eV, forces in Hartree/bohr": HARTREE / BOHR,
        "energies in eV, forces in Rydberg/bohr": RYDBERG / BOHR,
        "energies in eV, forces in kcal/(mol Å)": KCAL,
        "forces per bohr (eV/bohr, or Hartree/bohr with energies in Hartree)": 1 / BOHR,
        "positions in bohr, with forces in eV/Å": BOHR,
        "energies per atom": 1 / n_atoms,
    }


def force_causes(slope: Slope, labels: Sequence[Atoms]) -> list[str]:
    """What would explain a slope of the energies on the forces that is not 1; likeliest first."""
    n_atoms = len(labels[0])
    explained = force_factors(n_atoms)
    within = max(0.02, min(0.1, 3 * slope.error / max(abs(slope.value), 1e-12)))
    related = abs(slope.value) > SIGMAS * slope.error
    causes = []
    for cause, expected in explained.items():
        if related and n_atoms > 1 and abs(abs(slope.value) / expected - 1) <= within:
            other = "" if slope.value > 0 else ", and with the other sign"
            causes.append((abs(abs(slope.value) / expected - 1), cause + other))
    if not causes and slope.other_unit and slope.value > 0:
        for cause, expected in explained.items():
            off = abs(np.log(slope.sizes / expected))
            if off < np.log(OFF):
                causes.append((float(off), cause))
    causes.sort()
    if causes:
        return [cause for _, cause in causes]
    if _kinetic(labels) and slope.unexplained > 0.5:
        return ["the kinetic energy in place of the potential energy"]
    turned = abs(slope.value + 1) <= slope.allowed + SIGMAS * slope.error
    if turned and slope.error < 0.25:
        return ["forces (or energies) with the other sign, gradients in place of forces"]
    if slope.unexplained > slope.open or abs(slope.value) <= slope.allowed + SIGMAS * slope.error:
        return [
            "a conserved energy (kinetic and potential), or energies of other frames",
            "forces of another order of the atoms or of the axes",
        ]
    if 0.5 < slope.value < 1.5:
        return [
            "an energy that is not the one the forces belong to (in a metal with smearing they are "
            "the slope of the free energy, not of the energy extrapolated to zero width)",
            "forces that are not converged",
        ]
    return ["energies and forces of different units or of different calculations"]


def _kinetic(labels: Sequence[Atoms]) -> bool:
    """Whether all energies could be kinetic: positive, and below 1 eV per atom."""
    per_atom = np.array([atoms.calc.results["energy"] / len(atoms) for atoms in labels])
    return bool((per_atom >= 0).all() and per_atom.max() < 1.0)


def stress_causes(slope: Slope, labels: Sequence[Atoms]) -> list[str]:
    """What would explain a slope of the energies on the stress that is not 1."""
    volume = abs(float(np.median([atoms.get_volume() for atoms in labels])))
    explained = {
        "in eV/Å³": 1.0,
        "in GPa": units.GPa,
        "in kbar": units.GPa / 10,
        "in bar": units.bar,
        "in Hartree/bohr³": HARTREE / BOHR**3,
        "in Rydberg/bohr³": RYDBERG / BOHR**3,
        "a virial (eV)": 1 / volume,
    }
    within = max(0.1, min(0.3, 3 * slope.error / max(abs(slope.value), 1e-12)))
    sign = "" if slope.value > 0 else ", with the other sign"
    return [
        cause + sign
        for cause, expected in explained.items()
        if abs(abs(slope.value) / expected - 1) <= within and (sign or expected != 1.0)
    ] or ["another unit, or of other frames"]
