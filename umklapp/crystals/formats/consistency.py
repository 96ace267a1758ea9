"""Energies held against forces and stresses of the same file: are they of one physics and one unit?

Between two configurations of one cell ΔE = −∫F·dr. With the mean of the forces at both ends
(trapezoid rule) this is exact for a harmonic crystal; what is left grows with the square of the
distance d (Å, root mean square over the atoms). The slope b of ΔE on −½(F₁ + F₂)·Δr is 1 for right
labels, and every wrong unit has a slope of its own. A change of the cell adds the work of the
stress, ½(V₁σ₁ + V₂σ₂):ε.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from umklapp.crystals.formats.frame_pairs import Pairs

ENOUGH, OFF = 15, 1.375
"""Pairs from which on the sizes of ΔE and of the work W alone tell eV/bohr from eV/Å, and the
factor that they may differ by: √1.89. Right labels have 1.3 at most (hopping CuI, argon near
melting)."""

FEWEST = 8
"""Pairs, at least, that a slope is fitted to, where there are so many."""

ROUNDING = 0.06
"""Deviation of a slope from 1 that labels of real programs have at the smallest distances (4 % in
FHI-vibes' own aims_md.son, 5 % in a network's trajectory of CuI)."""

ANHARMONIC, EXTRAPOLATED = 2.0, 1.5
"""Å⁻²; allowed deviation from 1 per d², of a plain slope and of one extrapolated to d = 0. Argon
near melting has 1.7 at 0.5 Å, MgO 1.0 at 0.25 Å; of an extrapolated one the dynamics of the
double-well crystal (`umklapp testbed`) has 1.0 at 0.25 Å."""

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

BEYOND = 5.0
"""|ΔE| may be so many times the sum of |F·Δr| over atoms and ends; in harmonic crystals it is 1."""

STAND_OUT = (5, 8.0, 20.0)
"""Frames at least, and medians of the others' misfits that one frame must be off to stand out, the
second number where its energy is among those of the others: over a barrier the work of a right
label may be far off. It must be off by the typical work between it and the others, too."""

FARTHEST = 1.0
"""Å that one atom may lie apart in two frames whose misfit is believed: over a hop, or through the
repulsion of near atoms, the mean of the forces at both ends says nothing."""

NOISE = 0.005
"""eV per atom that two energies may differ by without any work."""

APART = 5.0
"""Times the width of a group of misfits, and the typical work, between those of two groups."""

DRAWS = 20000
"""Random energies that tell how often unrelated ones would be explained as well."""

FACTORS = np.geomspace(0.1, 10.0, 231)
"""Factors of 2 % that are tried on the energies; the one in the middle is 1."""


@dataclass(frozen=True)
class Slope:
    """A slope that should be 1.

    value, error: of the fit, and its jackknife error over blocks of frames. largest: the slope if
    all that the fit leaves open were errors of the work W, as it is in anharmonic crystals: they
    lower a slope on W by the share r² of ⟨ΔE²⟩ that the fit explains, so value / r². allowed:
    deviation of 1 from value to largest without a statistical reason. pairs: fitted. distance: Å,
    their median. unexplained: ⟨(ΔE − W)²⟩ / (⟨ΔE²⟩ + ⟨W²⟩), which is 0 where the work W explains
    every ΔE, 1 without any relation, 2 with the other sign; open: how much of it anharmonicity may
    leave. sizes: √(⟨ΔE²⟩ / ⟨W²⟩); alike: whether it must be near 1. chance: share of
    random energies of the same frames of which W explains as much.
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
    alike: bool = False
    chance: float = 0.0

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
        return self.alike and self.pairs >= ENOUGH and not 1 / OFF < self.sizes < OFF

    @property
    def passing(self) -> tuple[float, float]:
        """Wrong factors of the energies, about 1, that these pairs would not show: least, most."""
        right = [self.scaled(factor).right for factor in FACTORS]
        middle = len(FACTORS) // 2
        low = middle - right[middle::-1].index(False) + 1 if False in right[:middle] else 0
        high = middle + right[middle:].index(False) - 1 if False in right[middle:] else -1
        return float(1 / FACTORS[high]), float(1 / FACTORS[low])

    def scaled(self, factor: float) -> Slope:
        """The slope of the same pairs with every energy times a factor; −1: of the other sign."""
        sizes = abs(factor) * self.sizes
        before, after = (s / (1 + s**2) for s in (self.sizes, sizes))
        turned = np.sign(factor) * (1 - self.unexplained) * after / before if before else 0.0
        return replace(
            self,
            value=factor * self.value,
            error=abs(factor) * self.error,
            largest=factor * self.largest,
            unexplained=float(1 - turned),
            sizes=sizes,
        )

    def __str__(self) -> str:
        return (
            f"{self.value:.4g} ± {self.error:.1g} ({self.pairs} pairs, {self.distance:.2g} Å; "
            f"{100 * self.unexplained:.2g} % of the energies unexplained)"
        )


def stray_frames(pairs: Pairs, energies: np.ndarray, n_atoms: int) -> list[int]:
    """Frames whose energy no work explains while that of the others is explained.

    Either |ΔE| is far above the bound in all their pairs with other frames, or one frame alone
    stands out from the energies that the work gives all of them (`_misfits`, `STAND_OUT`).

    Args:
        energies: (n_frames,) eV.
    """
    away = np.abs(energies - np.median(energies))
    strays = _beyond_bounds(pairs, n_atoms)
    if strays:
        usual = np.delete(away, strays).max(initial=0.0)
        return [frame_index for frame_index in strays if away[frame_index] > usual]
    numbers, misfits, works = _misfits(pairs)
    if len(numbers) < STAND_OUT[0]:
        return []
    medians = np.where(away[numbers] == away.max(), *STAND_OUT[1:]) * np.median(np.abs(misfits))
    far = np.abs(misfits) > np.maximum(medians, works) + NOISE * n_atoms / 10
    return [int(numbers[far][0])] if far.sum() == 1 else []


def mixed(pairs: Pairs, n_atoms: int) -> tuple[int, int, float] | None:
    """A frame of each of two calculations in one file, and eV between their energies; None where
    the work explains all energies, or frames of the two cannot be compared.

    Energies that forces and stresses leave open (`_misfits`) fall into two groups, which are
    `APART` times farther apart than either is wide, and than the typical work.
    """
    numbers, misfits, works = _misfits(pairs)
    if len(numbers) < STAND_OUT[0]:
        return None
    order = np.argsort(misfits)
    values = misfits[order]
    cut = int(np.diff(values).argmax()) + 1
    low, high = values[:cut], values[cut:]
    gap = float(high[0] - low[-1])
    if min(len(low), len(high)) < 2:
        return None
    width = max(float(np.ptp(low)), float(np.ptp(high)), float(works.max()))
    if gap <= APART * width + NOISE * n_atoms:
        return None
    return int(numbers[order[0]]), int(numbers[order[-1]]), float(high.mean() - low.mean())


def _beyond_bounds(pairs: Pairs, n_atoms: int) -> list[int]:
    beyond = np.abs(pairs.change) > BEYOND * pairs.bound + NOISE * n_atoms
    if len(pairs) < 3 or not 0 < beyond.mean() <= 0.5:
        return []
    strays = []
    for frame_index in np.unique([pairs.first[beyond], pairs.second[beyond]]):
        touching = (pairs.first == frame_index) | (pairs.second == frame_index)
        if beyond[touching].mean() > 0.75:
            strays.append(int(frame_index))
    return strays


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
    where all distances are alike. Pairs in two cells count where there are few others: with the
    work of the stress as a second term (added to W where there are fewer than `FEWEST`), or
    without it and a wide bound where none is known, if the forces do more work than such strains
    may cost.
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
        if chosen is not None and (chosen.elastic**2).sum() > (chosen.work**2).sum():
            return None  # strains of unknown stress may have made all of the energies
    if chosen is None:
        return None
    if left != UNEXPLAINED_STRAIN:
        works = [chosen.work]
    elif len(chosen) < FEWEST:  # two slopes of so few pairs would say nothing
        works = [chosen.work + chosen.strain_work]
    else:
        works = [chosen.work, chosen.strain_work]
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
        if rounding == UNKNOWN_STRAIN and np.any(pairs.work):
            spread += float((pairs.elastic**2).sum() / (pairs.work**2).sum())
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
        float(_unexplained(change, work)),
        min(UNEXPLAINED[0] + UNEXPLAINED[1] * middle**2, UNEXPLAINED_MOST) + left,
        float(np.linalg.norm(change) / np.linalg.norm(work)),
        rounding == ROUNDING,
        _chance(pairs, weight, change, work),
    )


def _unexplained(change: np.ndarray, work: np.ndarray) -> np.ndarray:
    """⟨(ΔE − W)²⟩ / (⟨ΔE²⟩ + ⟨W²⟩) of change (…, n) and work (n,)."""
    sizes = (change**2).sum(axis=-1) + (work**2).sum()
    left = ((change - work) ** 2).sum(axis=-1)
    return np.asarray(np.divide(left, sizes, out=np.zeros_like(sizes), where=sizes > 0))


def _chance(pairs: Pairs, weight: np.ndarray, change: np.ndarray, work: np.ndarray) -> float:
    """Share of random energies, with differences as large, of which the work explains as much."""
    ends = np.unique([pairs.first, pairs.second])
    draws = max(DRAWS // (1 + len(pairs) // 20), 1000)
    drawn = np.random.default_rng(0).normal(size=(draws, len(ends)))
    second, first = (np.searchsorted(ends, side) for side in (pairs.second, pairs.first))
    unrelated = weight * (drawn[:, second] - drawn[:, first])
    unrelated *= np.linalg.norm(change) / (np.sqrt(2) * np.linalg.norm(weight))
    return float((_unexplained(unrelated, work) <= _unexplained(change, work)).mean())
