"""What a file of labels is too small to exclude: wrong units and mix-ups that would pass as well.

The same test that believes the labels as they are is asked about them as they would be if a wrong
unit were put right. What it would believe, too, was not tested.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms, units
from matscipy.neighbours import neighbour_list

from umklapp.crystals import frames
from umklapp.crystals.formats import causes, motion
from umklapp.crystals.formats.consistency import Slope

CHANCE = 5e-4
"""Share of unrelated energies that may look as related as these; five right frames of six real
files have 3e-4 at most."""

COMMON = {
    "Hartree": units.Hartree,
    "Rydberg": units.Rydberg,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
    "meV": 0.001,
}
"""eV; energies and forces in one of them fit each other."""

USUAL, USUAL_RARE_GAS = (1.2, 40.0), (0.4, 5.0)
"""Stiffness of crystals, in units of e²/(4πε₀ d³): sodium and KCl 3, CuI 6, MgO 7, silicon 18,
tungsten 30; argon 0.9 in dynamics, 1.6 at random displacements."""

RARE_GASES = frozenset({2, 10, 18, 36, 54, 86})
"""Atomic numbers."""

HOT, STIFFEST = 0.115, 400.0
"""Distance between frames (of d) from which on atoms are pushed into each other, and the stiffness
that they may seem to have then: KCl 82 at 0.12 d, where it is 3 at rest."""

COULOMB = 14.4
"""e²/(4πε₀), eV Å."""

RESTORED = 0.3
"""Share of Σ|ΔF·Δr| between frames that pulls atoms back, from which on forces have their sign."""

PRESSED = 0.2
"""Stress, in units of stiffness over bond length, from which on it may be in GPa: rattled silicon
0.004, MgO and argon at room temperature 0.003 and 0.005, MgO at 100 GPa 0.08."""

STRAINED = 0.05
"""Relative difference of two cells whose forces are still compared: strains move atoms little."""

CLOSEST = 60
"""Pairs of frames whose forces are compared."""

SEARCHED = 6.0
"""Å within which an atom has a neighbour."""


def of_pairs(slope: Slope | None, labels: Sequence[Atoms]) -> list[str]:
    """What the slope of ΔE on the work does not exclude, in words; empty where it excludes all."""
    if slope is None:
        return ["energies that do not belong to the forces (no two frames can be compared)"]
    factors = causes.force_factors(len(labels[0]))
    passing = [
        cause for cause, factor in factors.items() if slope.scaled(1 / factor).right and factor != 1
    ]
    if slope.scaled(-1.0).right:
        passing.append("forces of the other sign")
    if slope.chance > CHANCE:
        passing.append("energies of other frames, forces of another order of the atoms")
    return passing


def common_to_both(labels: Sequence[Atoms]) -> list[str]:
    """Units that energies and forces may both be in, or the sign that both may have.

    Newton's law excludes all of them where frames are close in time; else the stiffness of the
    crystal has to be a usual one (`USUAL`) in eV, and not in the other unit.
    """
    newton = motion.newton(labels)
    value, restored, distance = stiffness(labels)
    if value is None:
        return ["energies and forces in another unit (no two frames can be compared)"]
    least, most = USUAL_RARE_GAS if RARE_GASES.issuperset(labels[0].numbers) else USUAL
    most = STIFFEST if distance > HOT else most
    wrong = [
        f"energies and forces in {name}"
        for name, unit in COMMON.items()
        if least <= value * unit <= most and (newton is None or newton.of_forces_times(unit).right)
    ]
    if not wrong and newton is None and not least <= value <= most:
        wrong = [
            f"energies and forces in another unit (the crystal has a stiffness of {value:.2g})"
        ]
    return wrong + (["energies and forces of the other sign"] if restored < RESTORED else [])


def of_stress(labels: Sequence[Atoms]) -> list[str]:
    """The unit of stresses in frames of one cell, where they are large for such a stiff crystal."""
    stresses = [frames.stress_of(frame) for frame in labels if frames.has_stress(frame)]
    value, _, _ = stiffness(labels)
    if not stresses or value is None:
        return []
    usual = value * COULOMB / _bond(labels[0]) ** 4
    size = float(np.median(np.abs(stresses).max(axis=1)))
    return ["stresses in GPa or kbar"] if size > PRESSED * usual else []


def stiffness(labels: Sequence[Atoms]) -> tuple[float | None, float, float]:
    """Stiffness of the crystal, in units of e²/(4πε₀ d³), how far it pulls atoms back, and the
    root mean square distance of the frames, in units of d.

    √(Σ|ΔF|²/Σ|Δr|²) over the closest pairs of frames of one order and nearly one cell, with d the
    median distance of an atom to its nearest one. The second number is −ΣΔF·Δr / Σ|ΔF·Δr|, 1 in a
    harmonic crystal of one spring. (None, 0, 0) where no two frames can be compared.
    """
    rows = []
    for gap in (1, 2, 3):
        for one, two in zip(labels, labels[gap:], strict=False):
            if not np.allclose(one.cell, two.cell, atol=STRAINED * one.cell.lengths().max()):
                continue
            moves = motion.moves(one, two)
            pulls = two.get_forces(apply_constraint=False) - one.get_forces(apply_constraint=False)
            works = pulls * moves
            rows.append(((moves**2).sum(), (pulls**2).sum(), -works.sum(), np.abs(works).sum()))
    pairs = np.array([row for row in rows if row[0] > 0]).reshape(-1, 4)
    if not len(pairs) or not pairs[:, 1].any():
        return None, 0.0, 0.0
    kept = max(3, min(CLOSEST, len(pairs) // 2))
    closest = pairs[np.argsort(pairs[:, 0])][:kept]
    moved, pulled, back, total = closest.sum(axis=0)
    bond = _bond(labels[0])
    value = float(np.sqrt(pulled / moved)) * bond**3 / COULOMB
    distance = float(np.sqrt(moved / len(closest) / len(labels[0]))) / bond
    return value, float(back / total) if total else 0.0, distance


def _bond(frame: Atoms) -> float:
    """Median distance (Å) of the atoms to their nearest neighbour."""
    atoms, distances = neighbour_list("id", frame, SEARCHED)
    if not len(atoms):
        return SEARCHED
    nearest = np.full(len(frame), SEARCHED)
    np.minimum.at(nearest, atoms, distances)
    return float(np.median(nearest))
