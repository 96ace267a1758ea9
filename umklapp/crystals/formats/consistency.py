"""Energies held against forces and stresses of the same file: are they of one physics and one unit?

Between two configurations of one cell ΔE = −∫F·dr. With the mean of the forces at both ends
(trapezoid rule) this is exact for a harmonic crystal; what is left grows with the square of the
distance d (Å, root mean square over the atoms). The slope b of ΔE on −½(F₁ + F₂)·Δr is 1 for right
labels, and every wrong unit has a slope of its own. A change of the cell adds the work of the
stress, ½(V₁σ₁ + V₂σ₂):ε.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.crystals import frames, sites

ENOUGH, OFF = 15, 1.375
"""Pairs from which on the sizes of ΔE and of the work W alone tell eV/bohr from eV/Å, and the
factor that they may differ by: √1.89. Right labels have 1.3 at most (hopping CuI, argon near
melting)."""

LARGEST_STRAIN = 0.1
"""Strain component between two frames above which they are not compared."""

SAME_CELL = 1e-6
"""Largest component of the strain between two cells that are one."""

WINDOWS, SPREAD = 150, 60
"""Of a long file: stretches of three neighbouring frames, and frames of which every pair counts."""

FEWEST = 8
"""Pairs, at least, that a slope is fitted to, where there are so many."""

ROUNDING = 0.06
"""Deviation of a slope from 1 that labels of real programs have at the smallest distances (4 % in
FHI-vibes' own aims_md.son, 5 % in a network's trajectory of CuI)."""

ANHARMONIC, EXTRAPOLATED = 2.0, 0.5
"""Å⁻²; allowed deviation from 1 per d², of a plain slope and of one extrapolated to d = 0. Argon
near melting has 1.7 at 0.5 Å, MgO 1.0 at 0.25 Å."""

SIGMAS = 3.0
"""Statistical errors that are allowed besides."""

UNEXPLAINED, UNEXPLAINED_MOST = (0.05, 4.0), 0.7
"""Part of the energies that the work may leave open: a + b d² (d in Å) and its cap. Copper and
AuCu₃ leave up to 0.1 at 0.2 to 0.4 Å, CuI 0.19 at 0.28 Å, argon 0.5 at 0.6 Å; without a relation
it is 1."""

UNEXPLAINED_STRAIN, UNEXPLAINED_STRESS = 0.1, 0.35
"""The same, allowed besides where cells differ: of the work of forces, and of that of the stress,
which has the anharmonicity of the displacements in it, too (0.2 in strained AuCu₃ at 0.13 Å)."""

MOVED = 1e-5
"""Å; two frames closer than this differ by their cells alone."""

STRESS_ROUNDING = 0.3
"""As `ROUNDING`, for the work of the stress: plane waves of a fixed cutoff are not variational in
the cell."""

UNKNOWN_STRAIN = 0.4
"""Allowed deviation where cells differ and no stress is known."""

STIFFNESS = 1.0
"""eV/Å³ (160 GPa); of the work that an unknown stress may have done: V · STIFFNESS · ε."""

BEYOND = 5.0
"""|ΔE| may be so many times the sum of |F·Δr| over atoms and ends; in harmonic crystals it is 1."""

STAND_OUT = (5, 8.0)
"""Frames at least, and medians of the others' misfits that one frame must be off to stand out; it
must be off by the typical work between it and the others, too."""

FARTHEST = 1.0
"""Å that one atom may lie apart in two frames whose misfit is believed: over a hop, or through the
repulsion of near atoms, the mean of the forces at both ends says nothing."""

NOISE = 0.005
"""eV per atom that two energies may differ by without any work."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of frames that can be compared; n of them.

    first, second: (n,) numbers of the frames. change: (n,) eV, the difference of their energies.
    work: (n,) eV, of the mean forces; bound: (n,) eV, the same with every atom's absolute value;
    strain_work: (n,) eV, of the mean stresses; 0 in one cell, NaN where no stress is known.
    distance: (n,) Å, root mean square over the atoms; farthest: (n,) Å, of one atom.
    """

    first: np.ndarray
    second: np.ndarray
    change: np.ndarray
    work: np.ndarray
    bound: np.ndarray
    strain_work: np.ndarray
    distance: np.ndarray
    farthest: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: np.ndarray) -> Pairs:
        """Some of them, by number or by a mask."""
        return Pairs(*(np.asarray(value)[chosen] for value in vars(self).values()))


@dataclass(frozen=True)
class Slope:
    """A slope that should be 1.

    value, error: of the fit, and its jackknife error over blocks of frames. largest: the slope if
    all that the fit leaves open were errors of the work W, as it is in anharmonic crystals: they
    lower a slope on W by the share r² of ⟨ΔE²⟩ that the fit explains, so value / r². allowed:
    deviation of 1 from value to largest without a statistical reason. pairs: fitted. distance: Å,
    their median. unexplained: ⟨(ΔE − W)²⟩ / (⟨ΔE²⟩ + ⟨W²⟩), which is 0 where the work W explains
    every ΔE, 1 without any relation, 2 with the other sign; open: how much of it anharmonicity may
    leave. sizes: √(⟨ΔE²⟩ / ⟨W²⟩).
    """

    value: float
    error: float
    allowed: float
    pairs: int
    distance: float
    largest: float
    unexplained: float = 0.0
    open: float = np.inf
    sizes: float = 1.0

    @property
    def right(self) -> bool:
        """Whether it is 1 within what the errors and the distance allow, and the work explains the
        energies: the error of a slope is large, too, where there is no relation at all."""
        error = SIGMAS * self.error / max(abs(self.value), 1.0)  # of right labels
        low, high = sorted((self.value, self.largest))
        away = max(low - 1, 1 - high, 0.0)
        explained = away <= self.allowed + error and self.unexplained <= self.open
        return explained and not self.other_unit

    @property
    def other_unit(self) -> bool:
        """Whether ΔE and W differ in size by more than any anharmonicity (`ENOUGH`, `OFF`)."""
        return self.pairs >= ENOUGH and not 1 / OFF < self.sizes < OFF

    def __str__(self) -> str:
        return (
            f"{self.value:.4g} ± {self.error:.1g} ({self.pairs} pairs, {self.distance:.2g} Å; "
            f"{100 * self.unexplained:.2g} % of the energies unexplained)"
        )


def pairs_of(labels: Sequence[Atoms]) -> Pairs:
    """Pairs of labelled frames with the same atoms in the same order.

    Neighbours in the file and the next but one, and all pairs of a sample.
    """
    n = len(labels)
    starts = np.unique(np.linspace(0, n - 1, min(n, WINDOWS)).astype(int))
    sample = np.unique(np.linspace(0, n - 1, min(n, SPREAD)).astype(int))
    wanted = {(i, i + step) for i in starts for step in (1, 2) if i + step < n}
    wanted |= {(int(i), int(j)) for k, i in enumerate(sample) for j in sample[k + 1 :]}
    rows = []
    for i, j in sorted(wanted):
        row = _compared(labels[i], labels[j])
        if row is not None:
            rows.append((i, j, *row))
    columns = np.array(rows, float).reshape(-1, 8).T
    return Pairs(columns[0].astype(int), columns[1].astype(int), *columns[2:])


def _compared(one: Atoms, two: Atoms) -> tuple[float, ...] | None:
    """The columns of `Pairs` from `change` on; None for other crystals.

    With rows of vectors h₂ = h₁ S Q (S the stretch, Q a rotation that is taken out); along
    h₁ + t (h₂ − h₁) the strain is S − 1 at the first and 1 − S⁻¹ at the second end.
    """
    if len(one) != len(two) or (one.numbers != two.numbers).any():
        return None
    cells = one.cell.array, two.cell.array
    stretch, rotation = sites.polar(np.linalg.solve(*cells))
    if np.abs(stretch - np.eye(3)).max() > LARGEST_STRAIN:
        return None
    strain_work, unknown = 0.0, 0.0
    largest = float(np.abs(stretch - np.eye(3)).max())
    if largest > SAME_CELL and not (frames.has_stress(one) and frames.has_stress(two)):
        strain_work, unknown = np.nan, abs(one.cell.volume) * STIFFNESS * largest
    elif largest > SAME_CELL:
        first, second = (_virial(one), rotation @ _virial(two) @ rotation.T)
        strains = stretch - np.eye(3), np.eye(3) - np.linalg.inv(stretch)
        strain_work = float(0.5 * ((first * strains[0]).sum() + (second * strains[1]).sum()))
    apart = two.positions @ np.linalg.inv(cells[1]) - one.positions @ np.linalg.inv(cells[0])
    moves = sites.without_drift(apart[None])[0]
    works = [
        -(np.asarray(atoms.calc.results["forces"], float) * (moves @ atoms.cell.array)).sum(axis=1)
        for atoms in (one, two)
    ]
    change = two.calc.results["energy"] - one.calc.results["energy"]
    squares = ((moves @ cells[0]) ** 2).sum(axis=1)
    return (
        float(change),
        float(0.5 * (works[0] + works[1]).sum()),
        float(0.5 * np.abs(works).sum() + abs(np.nan_to_num(strain_work)) + unknown),
        strain_work,
        float(np.sqrt(squares.mean())),
        float(np.sqrt(squares.max())),
    )


def _virial(atoms: Atoms) -> np.ndarray:
    """V σ (3, 3) eV of a labelled frame."""
    return np.asarray(voigt_6_to_full_3x3_stress(frames.stress_of(atoms)) * abs(atoms.cell.volume))


def stray_frames(pairs: Pairs, n_atoms: int) -> list[int]:
    """Frames whose energy no work explains while that of the others is explained.

    Either |ΔE| is far above the bound in all their pairs with other frames, or one frame alone
    stands out from the energies that the work gives all of them (`_misfits`).
    """
    beyond = np.abs(pairs.change) > BEYOND * pairs.bound + NOISE * n_atoms
    if len(pairs) >= 3 and 0 < beyond.mean() <= 0.5:
        strays = []
        for frame_index in np.unique([pairs.first[beyond], pairs.second[beyond]]):
            touching = (pairs.first == frame_index) | (pairs.second == frame_index)
            if beyond[touching].mean() > 0.75:
                strays.append(int(frame_index))
        if strays:
            return strays
    numbers, misfits, works = _misfits(pairs)
    if len(numbers) < STAND_OUT[0]:
        return []
    scatter = np.median(np.abs(misfits))
    far = np.abs(misfits) > np.maximum(STAND_OUT[1] * scatter, works) + NOISE * n_atoms / 10
    return [int(numbers[far][0])] if far.sum() == 1 else []


def _misfits(pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, eV by which each one's energy is off what forces and stresses of all say, and the
    typical work (root mean square, eV) between each one and the others, that of all at least."""
    chosen = pairs.take(np.isfinite(pairs.strain_work) & (pairs.farthest <= FARTHEST))
    numbers = np.unique([chosen.first, chosen.second])
    if not len(numbers):
        return numbers, np.zeros(0), np.zeros(0)
    second, first = (ends[:, None] == numbers for ends in (chosen.second, chosen.first))
    work = chosen.work + chosen.strain_work
    matrix = second.astype(float) - first
    misfits = np.linalg.lstsq(matrix, chosen.change - work)[0]
    touching = (first | second).astype(float)
    typical = np.sqrt(touching.T @ work**2 / touching.sum(axis=0))
    return numbers, misfits - np.median(misfits), np.maximum(typical, np.sqrt((work**2).mean()))


def force_slope(pairs: Pairs) -> Slope | None:
    """Slope of ΔE on the work of the forces, of the closest pairs; None where there are none.

    ΔE = (b + b₂ d²) W by least squares with weights d⁻³ (the error of the trapezoid rule); b alone
    where all distances are alike. Pairs in two cells count where there are few others, with the
    work of the stress as a second term, or without it and a wide bound where none is known.
    """
    pairs = pairs.take(pairs.distance > MOVED)
    in_one_cell = pairs.take(pairs.strain_work == 0.0)
    strained = pairs.take(np.isfinite(pairs.strain_work))
    few = min(FEWEST, len(pairs))
    if len(in_one_cell) >= few:
        chosen, allowed, left = _closest(in_one_cell), ROUNDING, 0.0
    elif len(strained) >= few:
        chosen, allowed, left = _closest(strained), ROUNDING, UNEXPLAINED_STRAIN
    else:
        chosen, allowed, left = _closest(pairs), UNKNOWN_STRAIN, np.inf
    if chosen is None:
        return None
    stresses = left == UNEXPLAINED_STRAIN
    works = [chosen.work, chosen.strain_work] if stresses else [chosen.work]
    return _fit(chosen, np.column_stack(works), allowed, left)


def stress_slope(pairs: Pairs) -> Slope | None:
    """Slope of ΔE − W on the work of the stress, of pairs in two cells; None where there are few.

    What forces and distance leave open (`ROUNDING` + `ANHARMONIC` d² of W) counts as an error.
    """
    chosen = _closest(pairs.take(np.nan_to_num(pairs.strain_work) != 0.0))
    if chosen is None or len(chosen) < 3:
        return None
    sizes = np.sqrt([(chosen.work**2).mean(), (chosen.strain_work**2).mean()])
    unknown = ROUNDING + ANHARMONIC * float(np.median(chosen.distance)) ** 2
    allowed = STRESS_ROUNDING + unknown * float(sizes[0] / sizes[1])
    if not np.any(chosen.work):
        return _fit(chosen, chosen.strain_work[:, None], allowed, UNEXPLAINED_STRESS)
    works = np.column_stack([chosen.strain_work, chosen.work])
    return _fit(chosen, works, allowed, UNEXPLAINED_STRESS)


def _closest(pairs: Pairs) -> Pairs | None:
    """As many of the closest pairs as there are frames in them, and `FEWEST` at least."""
    moved = pairs.take(pairs.bound > 0)
    if not len(moved):
        return None
    count = len(np.unique([moved.first, moved.second]))
    order = np.argsort(moved.distance, kind="stable")
    return moved.take(order[: max(FEWEST, count)])


def _fit(pairs: Pairs, works: np.ndarray, rounding: float, left: float) -> Slope:
    """The coefficient of the first column of works (n, m) eV, with its jackknife error.

    Args:
        left: of the energies, what is allowed to be unexplained besides the distance's share.
    """
    d = pairs.distance
    weight = 1 / (d**3 + (0.1 * d.max()) ** 3) if d.max() > MOVED else np.ones(len(pairs))
    curved = len(pairs) >= FEWEST and d.max() > 2 * d.min() > MOVED

    x = np.column_stack([works, works[:, 0] * (d / d.max()) ** 2]) if curved else works
    x, y = x * weight[:, None], pairs.change * weight

    def solved(chosen: np.ndarray) -> np.ndarray:
        return np.linalg.lstsq(x[chosen], y[chosen])[0]

    slopes = solved(np.arange(len(pairs)))
    explained = float(((x @ slopes) ** 2).sum() / (y**2).sum()) if np.any(y) else 1.0
    numbers = np.unique([pairs.first, pairs.second])
    left_out = []
    for block in np.array_split(numbers, min(10, len(numbers))):
        kept = ~(np.isin(pairs.first, block) | np.isin(pairs.second, block))
        if kept.sum() > works.shape[1] + curved:
            left_out.append(float(solved(np.flatnonzero(kept))[0]))
    blocks, value = len(left_out), float(slopes[0])
    spread = (blocks - 1) * np.var(left_out) if blocks > 1 else 0.0
    if len(pairs) < FEWEST or blocks < 3:  # a jackknife of so few says little
        spread += (0.1 * value) ** 2
    middle = float(np.median(d))
    allowed = rounding + (EXTRAPOLATED if curved else ANHARMONIC) * middle**2
    change = weight * (pairs.change - works[:, 1:] @ slopes[1 : works.shape[1]])
    work = weight * works[:, 0]
    return Slope(
        value,
        float(np.sqrt(spread)),
        allowed,
        len(pairs),
        middle,
        value / max(explained, 1e-3),
        _unexplained(change, work),
        min(UNEXPLAINED[0] + UNEXPLAINED[1] * middle**2, UNEXPLAINED_MOST) + left,
        float(np.linalg.norm(change) / np.linalg.norm(work)) if rounding == ROUNDING else 1.0,
    )


def _unexplained(change: np.ndarray, work: np.ndarray) -> float:
    sizes = float((change**2).sum() + (work**2).sum())
    return float(((change - work) ** 2).sum()) / sizes if sizes else 0.0
