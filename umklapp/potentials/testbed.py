"""A zincblende crystal with rare events whose truth is known: a test bed for active learning.

As in CuI, a cation hops along <111> through a face of its tetrahedron of anions into a metastable
interstitial next to the empty octahedral hole, and comes back after a while. The potential
    E = ½ Σ_{i≠j} φ(r_ij) w(r_ij) + κ Σ_anions (n_i − 4)²,   n_i = Σ_{cations j} s(r_ij),
has Morse pairs between anions (they hold the fcc frame) and between unlike atoms (they make the
tetrahedral site), an exponential repulsion between cations, and a price on anions that do not have
four cations, which binds the interstitial to the vacancy that it left and keeps all cations from
leaving together. w and s go from 1 to 0 by a fifth-order polynomial, so that E is smooth to the
second derivative.

In 16 (64) atoms the interstitial lies 0.257 (0.256) eV above the crystal, the saddle point 0.331
(0.322) eV; at 600 K quiet frames have σᴬ ≈ 0.38 (0.43), frames with an interstitial ≈ 1.9 (1.1).
Langevin dynamics of the 16 atoms at 600 K (2.4 ns, 5 fs steps, friction 1/(500 fs)) counted 102
events in 1.83 ns without interstitial, 0.056(6) per ps, where 32 `transition_rate` gives 0.062: a
ratio of 0.90 ± 0.09; 0.6 ± 0.2 at 500 K (11 events), 0.9 ± 0.15 at 700 K (36). Events last 5 ps on
average and 4 ps in the median; at 300 K harmonic theory expects one in 10 ns. Above 600 K events
overlap: of 64 atoms at 700 K four cations are out on average. The anions never leave their sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from matscipy.neighbours import neighbour_list

LATTICE = 6.05
"""Å; the cubic lattice constant without stress."""

ANION, CATION = 53, 29  # iodine and copper lend their masses

# Number of cations in a pair: 0, 1, 2. φ = D (y² − 2 b y), y = exp(−α (r − R)). Found by random
# search for: a saddle point of one direction 0.33 eV above the crystal on the straight path, the
# well at 0.26 eV, foreign interstitials at least 0.45 eV, patterns of many hops at least 0.1 eV per
# cation, attempts of about 1 THz. The anion radius then makes the stress vanish at LATTICE.
DEPTH = np.array([0.0865, 0.233, 0.0101])  # D, eV
SLOPE = np.array([2.563, 2.54, 4.9])  # α, 1/Å
RADIUS = np.array([4.307786, 2.592, 3.0])  # R, Å
BOND = np.array([1.0, 1.0, 0.0])  # b
TAPER = (4.7, 5.9)  # Å
COORDINATION = 0.1067  # κ, eV
SHELL = (2.697, 3.266)  # Å

WALL = 3.7
"""Å; without the metastable site cations that come closer repel each other as HEIGHT (1 − r/WALL)³.

The perfect crystal has them LATTICE/√2 = 4.28 Å apart and keeps its harmonic force constants. The
saddle point has them 3.53 Å apart: the wall begins before it, or a shallow well would be left.
"""
HEIGHT = 40.0  # eV

WELL, SADDLE = 0.67, 0.38  # of the way from the tetrahedral to the octahedral site, to start from


def smooth_step(r: np.ndarray, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """1 below `start`, 0 above `end` (Å), twice differentiable; and its derivative (1/Å)."""
    u = np.clip((r - start) / (end - start), 0.0, 1.0)
    return 1 - u**3 * (10 - 15 * u + 6 * u**2), -30 * u**2 * (1 - u) ** 2 / (end - start)


def pair_energy(r: np.ndarray, cations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """φ w (eV) of pairs at distances r (Å) with 0, 1 or 2 cations, and its derivative (eV/Å)."""
    y = np.exp(-SLOPE[cations] * (r - RADIUS[cations]))
    phi = DEPTH[cations] * (y**2 - 2 * BOND[cations] * y)
    slope = -2 * DEPTH[cations] * SLOPE[cations] * (y**2 - BOND[cations] * y)
    w, dw = smooth_step(r, *TAPER)
    return phi * w, slope * w + phi * dw


class DoubleWellCrystal(Calculator):
    """The potential of this module.

    Args:
        metastable: False for the same harmonic crystal without the interstitial: a repulsion of
            cations closer than WALL takes the well away.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(self, metastable: bool = True) -> None:
        super().__init__()
        self.metastable = metastable

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Energy (eV), forces (n, 3) eV/Å and stress (6,) eV/Å³, always all of them."""
        super().calculate(atoms, properties, system_changes)
        cation = self.atoms.numbers == CATION
        i, j, r, vector = neighbour_list("ijdD", self.atoms, TAPER[1])
        cations = cation[i].astype(int) + cation[j]
        energy, slope = pair_energy(r, cations)
        total = energy.sum() / 2

        unlike = np.flatnonzero((cations == 1) & (r < SHELL[1]))
        anion = np.where(cation[i], j, i)[unlike]
        s, ds = smooth_step(r[unlike], *SHELL)
        # every pair is in the list twice
        excess = np.where(cation, 0.0, np.bincount(anion, s, len(cation)) / 2 - 4)
        total += COORDINATION * (excess**2).sum()
        slope[unlike] += 2 * COORDINATION * excess[anion] * ds

        if not self.metastable:
            depth = np.where(cations == 2, np.clip(1 - r / WALL, 0.0, None), 0.0)
            total += HEIGHT * (depth**3).sum() / 2
            slope -= 3 * HEIGHT * depth**2 / WALL

        pull = vector * (slope / r)[:, None]
        forces = np.stack([np.bincount(i, pull[:, x], len(cation)) for x in range(3)], axis=1)
        stress = vector.T @ pull / (2 * self.atoms.get_volume())
        self.results = {
            "energy": float(total),
            "forces": forces,
            "stress": stress.ravel()[[0, 4, 8, 5, 2, 1]],
        }


def primitive() -> Atoms:
    """Two atoms, the anion first, at zero stress."""
    cell = LATTICE / 2 * (1 - np.eye(3))
    return Atoms([ANION, CATION], scaled_positions=[[0] * 3, [1 / 4] * 3], cell=cell, pbc=True)


def supercell(n_atoms: Literal[16, 64]) -> Atoms:
    """2×2×2 primitive cells (16 atoms) or 2×2×2 cubes (64 atoms)."""
    if n_atoms == 16:
        return primitive().repeat(2)
    corners = LATTICE / 2 * np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    cube = Atoms(cell=LATTICE * np.eye(3), pbc=True)
    for corner in corners:
        pair = primitive()
        pair.positions += corner
        cube += pair
    return cube.repeat(2)


def force_constants(atoms: Atoms, calculator: Calculator, distance: float = 1e-3) -> np.ndarray:
    """Second derivatives (3n, 3n) eV/Å² of the energy, from central differences of the forces."""
    forces = []
    for sign in (1, -1):
        for coordinate in np.eye(3 * len(atoms)):
            moved = atoms.copy()
            moved.positions += sign * distance * coordinate.reshape(-1, 3)
            forces.append(calculator.get_forces(moved).ravel())
    plus, minus = np.split(np.array(forces), 2)
    matrix = (minus - plus) / (2 * distance)
    return (matrix + matrix.T) / 2


def stationary(start: Atoms, calculator: Calculator, order: Literal[0, 1]) -> Atoms:
    """The minimum (order 0) or saddle point (order 1) near `start`, by Newton steps.

    Steps go down along all modes but the `order` lowest, uphill along these (eigenvector
    following), no atom farther than 0.1 Å, until no force is above 1e-6 eV/Å.

    Raises:
        RuntimeError: not found in 60 steps.
    """
    atoms = start.copy()
    for _ in range(60):
        forces = calculator.get_forces(atoms).ravel()
        if np.abs(forces).max() < 1e-6:
            return atoms
        curvature, modes = np.linalg.eigh(force_constants(atoms, calculator))
        step = modes.T @ forces / np.maximum(np.abs(curvature), 0.02)
        step[:order] *= -1
        step = (modes @ step).reshape(-1, 3)
        atoms.positions += step * min(1.0, 0.1 / np.linalg.norm(step, axis=1).max())
    raise RuntimeError("no stationary point found")


def moved(perfect: Atoms, fraction: float) -> Atoms:
    """The first cation moved along [111] by a fraction of the way to the octahedral site."""
    atoms = perfect.copy()
    atoms.positions[np.flatnonzero(atoms.numbers == CATION)[0]] += fraction * LATTICE / 4
    return atoms


def hop(perfect: Atoms) -> Atoms:
    """The metastable configuration: the first cation hopped along [111], everything relaxed."""
    return stationary(moved(perfect, WELL), DoubleWellCrystal(), 0)


def saddle(perfect: Atoms) -> Atoms:
    """The transition state between the perfect crystal and `hop`."""
    return stationary(moved(perfect, SADDLE), DoubleWellCrystal(), 1)


def barrier(perfect: Atoms) -> tuple[float, float]:
    """Energies (eV) from the crystal to the saddle point, and from the interstitial to it."""
    calculator = DoubleWellCrystal()
    crystal, well, top = (
        calculator.get_potential_energy(atoms) for atoms in (perfect, hop(perfect), saddle(perfect))
    )
    return top - crystal, top - well


def log_frequencies(atoms: Atoms, order: Literal[0, 1]) -> float:
    """Σ ln ν (ν in 1/fs) over the stable modes of a stationary point."""
    mass = np.repeat(atoms.get_masses(), 3)
    matrix = force_constants(atoms, DoubleWellCrystal()) / np.sqrt(np.outer(mass, mass))
    square = np.sort(np.linalg.eigvalsh(matrix))[order:]
    square = np.delete(square, np.argsort(np.abs(square))[:3])  # translations
    return float(np.log(np.sqrt(square) * units.fs / (2 * np.pi)).sum())


def attempt_rate(perfect: Atoms, back: bool = False) -> float:
    """Vineyard's prefactor Π ν(minimum) / Π ν(saddle), 1/fs [J. Phys. Chem. Solids 3, 121 (1957)].

    Args:
        back: from the interstitial instead of from the perfect crystal.
    """
    start = hop(perfect) if back else perfect
    return float(np.exp(log_frequencies(start, 0) - log_frequencies(saddle(perfect), 1)))


def transition_rate(perfect: Atoms, temperature: float, back: bool = False) -> float:
    """Harmonic rate (1/fs) at a temperature (K) of one cation in one of its four directions.

    The rate of a crystal of n cations is 4 n times this; that of an interstitial to go back
    (`back`) is this.
    """
    height = barrier(perfect)[int(back)]
    return attempt_rate(perfect, back) * float(np.exp(-height / (units.kB * temperature)))


def seeds_with_a_false_well(frames: Sequence[Atoms]) -> list[Atoms]:
    """Those frames that cannot tell the two potentials apart: no two cations closer than WALL.

    On them energies, forces and stresses of `DoubleWellCrystal(metastable=False)`, the truth, are
    exactly those of `DoubleWellCrystal()`, which continues them smoothly and has a well. Every
    label is exact, but nothing in such seeds speaks against the metastable interstitial, and a
    model that learnt the flank of the barrier goes on into a well that is not there. Give it quiet
    thermal frames and `moved` ones.
    """
    chosen = []
    for atoms in frames:
        i, j = neighbour_list("ij", atoms, WALL)
        if not ((atoms.numbers[i] == CATION) & (atoms.numbers[j] == CATION)).any():
            chosen.append(atoms)
    return chosen
