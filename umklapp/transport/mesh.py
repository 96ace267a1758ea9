"""Which q-mesh is enough for κ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from phono3py import Phono3py
from phonopy.phonon.grid import length2mesh

from umklapp.errors import InputError
from umklapp.transport.bte import Kappa
from umklapp.transport.kappa_records import MeshConvergence, MeshRow, at


def meshes(phonon: Phono3py, lengths: Sequence[float]) -> list[list[int]]:
    """Meshes of the primitive cell, one per length in Å, without repeats.

    A length is that of the crystal with periodic boundaries whose phonons the mesh has: the number
    of points along a reciprocal vector b (without 2π) is length × |b|, as phono3py has it.
    """
    rotations = phonon.primitive_symmetry.pointgroup_operations
    ladder: list[list[int]] = []
    for length in lengths:
        mesh = length2mesh(length, phonon.primitive.cell, rotations=rotations).tolist()
        if mesh not in ladder:
            ladder.append(mesh)
    return ladder


def converge(
    solve: Callable[[list[int]], Kappa],
    candidates: Sequence[list[int]],
    tolerance: float,
    temperature: float = 300.0,
) -> MeshConvergence:
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
    table: list[MeshRow] = []
    before: tuple[list[int], float] | None = None
    for mesh in candidates:
        solution = solve(mesh)
        values = solution.scalar()
        if values is None:
            table.append(MeshRow(mesh=mesh, kappa_W_per_mK=None, change=None))
            sentence = f"no κ on mesh {mesh}: {solution.reason}"
            return MeshConvergence(table=table, enough=None, words=sentence)
        kappa = at(solution.temperatures, values.tolist(), temperature)
        assert kappa is not None, "there are values"
        change = None if before is None else kappa / before[1] - 1
        table.append(MeshRow(mesh=mesh, kappa_W_per_mK=kappa, change=change))
        if before is not None and abs(kappa - before[1]) / kappa < tolerance:
            sentence = f"{before[0]} is enough: {mesh} changes κ by {100 * (change or 0.0):+.2f} %"
            return MeshConvergence(table=table, enough=before[0], words=sentence)
        before = mesh, kappa
    sentence = (
        f"none is enough: {candidates[-1]} still changes κ by {100 * (change or 0.0):+.2f} %, "
        f"tolerance {100 * tolerance:g} %; go on with denser meshes"
    )
    return MeshConvergence(table=table, enough=None, words=sentence)
