"""Which q-mesh is enough for κ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from phono3py import Phono3py
from phonopy.phonon.grid import length2mesh

from umklapp.errors import InputError
from umklapp.transport.bte import Kappa


@dataclass(frozen=True)
class Convergence:
    """κ on meshes that grow.

    table: per mesh `mesh`, `kappa_W_per_mK` and `change`, the relative change from the mesh
    before (None for the first); enough: the first mesh that the next one changes by less than the
    tolerance, None where there is none; words: the outcome.
    """

    table: list[dict[str, Any]]
    enough: list[int] | None
    words: str


def meshes(phonon: Phono3py, lengths: Sequence[float]) -> list[list[int]]:
    """Meshes of the primitive cell, one per length in Å, without repeats.

    A length is that of the crystal with periodic boundaries whose phonons the mesh has: the number
    of points along a reciprocal vector b (without 2π) is length × |b|, as phono3py has it.
    """
    rotations = phonon.primitive_symmetry.pointgroup_operations
    found: list[list[int]] = []
    for length in lengths:
        mesh = length2mesh(length, phonon.primitive.cell, rotations=rotations).tolist()
        if mesh not in found:
            found.append(mesh)
    return found


def converge(
    solve: Callable[[list[int]], Kappa],
    candidates: Sequence[list[int]],
    tolerance: float,
    temperature: float = 300.0,
) -> Convergence:
    """Solve on one mesh after the other until κ changes by less than the tolerance.

    A small change between meshes that are nearly equal says little: let each be a third denser.

    Args:
        solve: κ on a mesh, for example `lambda mesh: bte.solve(phonon, settings, mesh, gate)`.
        candidates: meshes, coarse to fine, at least two.
        tolerance: of |κ − κ_before| / κ. temperature: K, one that `solve` has.

    Raises:
        InputError: fewer than two meshes, meshes that do not grow, or no such temperature.
    """
    sizes = [int(np.prod(mesh)) for mesh in candidates]
    if len(sizes) < 2 or (np.diff(sizes) <= 0).any():
        raise InputError(f"meshes {list(candidates)}: at least two are needed, coarse to fine")
    table: list[dict[str, Any]] = []
    before: tuple[list[int], float] | None = None
    for mesh in candidates:
        found = solve(mesh)
        values = found.scalar()
        row: dict[str, Any] = {"mesh": mesh, "kappa_W_per_mK": None, "change": None}
        table.append(row)
        if values is None:
            return Convergence(table, None, f"no κ on mesh {mesh}: {found.reason}")
        if temperature not in found.temperatures:
            raise InputError(f"κ at {temperature:g} K is not among {found.temperatures} K")
        kappa = float(values[found.temperatures.index(temperature)])
        row["kappa_W_per_mK"] = kappa
        if before is not None:
            row["change"] = kappa / before[1] - 1
            if abs(kappa - before[1]) / kappa < tolerance:
                return Convergence(
                    table,
                    before[0],
                    f"{before[0]} is enough: {mesh} changes κ by {100 * row['change']:+.2f} %",
                )
        before = mesh, kappa
    return Convergence(
        table,
        None,
        f"none is enough: {candidates[-1]} still changes κ by {100 * table[-1]['change']:+.2f} %, "
        f"tolerance {100 * tolerance:g} %; go on with denser meshes",
    )
