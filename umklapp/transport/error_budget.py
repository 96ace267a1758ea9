"""What the ± of κ is made of: named parts, each with what it is and where it comes from.

Parts with one `source` are several estimates of one error: the largest counts. Errors of different
sources are independent: they add in quadrature. A part that could not be computed stays in the
budget, with the reason; it is not a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import model_validator

from umklapp.records import Part, Record
from umklapp.transport.committee import member_spread
from umklapp.transport.kappa_records import ROOM, at

Source = Literal["potential", "mesh", "size", "statistics"]

SOURCES: dict[Source, str] = {
    "potential": "the potential's force constants are not the reference's",
    "mesh": "sums over q-points are not integrals",
    "size": "the supercell is finite",
    "statistics": "trajectories are finite",
}


class ErrorPart(Part):
    """One part of the error of κ.

    error_W_per_mK: (n_T,) standard deviation or, where the text says so, size of a bias; None
    where it could not be computed, and `not_computed` says why. text: what it is.
    """

    name: str
    source: Source
    text: str
    error_W_per_mK: list[float] | None
    not_computed: str | None = None

    @model_validator(mode="after")
    def _said(self) -> ErrorPart:
        if (self.error_W_per_mK is None) != (self.not_computed is not None):
            raise ValueError(f"{self.name}: an error, or the reason why there is none")
        if self.error_W_per_mK is not None and min(self.error_W_per_mK) < 0:
            raise ValueError(f"{self.name}: an error is not negative")
        return self


class ErrorBudget(Part):
    """The error of κ by one method, (n_T,) W/(m K): see the module."""

    temperatures_K: list[float]
    parts: list[ErrorPart]

    @property
    def total_W_per_mK(self) -> list[float] | None:
        """Quadrature over the sources of the largest estimate of each; None without any part."""
        sources = self.by_source()
        if not sources:
            return None
        return [float(total) for total in np.sqrt(sum(np.square(e) for e in sources.values()))]

    def by_source(self) -> dict[Source, np.ndarray]:
        """The largest estimate of every source that has one, (n_T,) W/(m K)."""
        largest: dict[Source, np.ndarray] = {}
        for part in self.parts:
            if part.error_W_per_mK is not None:
                before = largest.get(part.source, np.zeros(len(self.temperatures_K)))
                largest[part.source] = np.maximum(before, part.error_W_per_mK)
        return largest

    @property
    def missing(self) -> list[str]:
        """Parts that could not be computed, and why."""
        return [f"{part.name}: {part.not_computed}" for part in self.parts if part.not_computed]

    def total(self, temperature: float) -> float | None:
        """The total at a temperature (K), W/(m K); None without any part; raises as `at`."""
        return at(self.temperatures_K, self.total_W_per_mK, temperature)

    def sentence(self, temperature: float = ROOM) -> str:
        """Every part with its size at a temperature (K), for tables: "potential 0.3 (…), …"."""
        place = self.temperatures_K.index(temperature)
        said = []
        for source in SOURCES:
            own = [part for part in self.parts if part.source == source]
            sizes = [
                f"{part.name} {part.error_W_per_mK[place]:.2g}"
                if part.error_W_per_mK is not None
                else f"{part.name} not known"
                for part in own
            ]
            if len(sizes) > 1:
                said.append(f"largest of {' and '.join(sizes)}")
            else:
                said += sizes
        return "; ".join(said)


class KappaErrors(Record):
    """error_budget.json: the error of κ by every method that was run.

    audited: what the audit said of the labels behind the budget, or "not audited". moves_W_per_mK:
    by how much κ(300 K) by the Boltzmann equation would move if the fresh labels were learned,
    None where there were none.
    """

    material: str
    audited: str
    moves_W_per_mK: float | None
    boltzmann: ErrorBudget | None
    green_kubo: ErrorBudget | None


def members(
    values: Sequence[Sequence[float]], widening: float | None, because: str, corrected: bool
) -> ErrorPart:
    """Spread of κ over the members, never narrowed.

    Args:
        values: (K, n_T) W/(m K).
        widening: calibrated error of the forces over the spread of the members; None: as it is.
        because: what the widening is from, or why there is none.
        corrected: whether the members carry a Taylor correction from the same labels.
    """
    kappas = np.array(values, float)
    text = "spread of κ over the members, which share labels and architecture"
    text += " and the labels of their Taylor correction" if corrected else ""
    if len(kappas) < 2:
        return unknown("members", "potential", text, "one member has no spread")
    factor = max(1.0, widening or 1.0)
    text += f"; × {factor:.2f}, {because}"
    spread = (factor * np.array(member_spread(kappas))).tolist()
    return ErrorPart(name="members", source="potential", text=text, error_W_per_mK=spread)


def mesh(meshes: Sequence[Sequence[int]], kappas: Sequence[Sequence[float]]) -> ErrorPart:
    """Distance to the infinitely dense mesh; one-sided, as a standard error.

    The linear tetrahedron method errs in the square of the spacing of the q-points (Blöchl, Jepsen,
    Andersen, PRB 49, 16223). A coarser mesh with a mean of n < N points along an axis then gives
    |κ(∞) − κ(N)| = |κ(N) − κ(n)| n²/(N² − n²). κ also jumps between meshes by which q-points they
    have, so two coarser meshes are asked and the larger answer counts: of one alone, the truth lay
    within twice the answer in 85 % of 80 cases, of two in 91 % (benchmarks/mesh_convergence.py).

    Args:
        meshes: coarsest first; the last is that of κ.
        kappas: (n_T,) W/(m K) on each of them.
    """
    *coarser, fine = meshes
    sizes = [float(np.prod(points)) ** (1 / 3) for points in meshes]
    *fewer, many = sizes
    text = (
        "what an infinitely dense mesh would add, the larger of what "
        f"{' and '.join(map(_cross, coarser))} say with {_cross(fine)} "
        "(error quadratic in the spacing of the q-points; a bias, not a scatter)"
    )
    answers = [
        np.abs(np.array(kappas[-1]) - np.array(kappa)) * n**2 / (many**2 - n**2)
        for n, kappa in zip(fewer, kappas[:-1], strict=True)
        if n < many
    ]
    if not answers:
        why = f"only one mesh, {_cross(fine)}: conductivity.round_mesh must be coarser"
        return unknown("mesh", "mesh", text, why)
    error = np.max(answers, axis=0).tolist()
    return ErrorPart(name="mesh", source="mesh", text=text, error_W_per_mK=error)


def _cross(mesh: Sequence[int]) -> str:
    return "×".join(map(str, mesh))


def unknown(name: str, source: Source, text: str, why: str) -> ErrorPart:
    """A part that was not computed."""
    return ErrorPart(name=name, source=source, text=text, error_W_per_mK=None, not_computed=why)
