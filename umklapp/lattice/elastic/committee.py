"""Elastic constants of a committee: one tensor per member, so that each has its error bar."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.errors import CalculationError
from umklapp.lattice.elastic import strain
from umklapp.lattice.elastic.record import CommitteeTensor, MemberFailure, MemberTensor
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.potentials.contract import Potential
from umklapp.reference import relaxation
from umklapp.wording import by_member

log = logging.getLogger(__name__)

AVERAGED = (
    *("C_GPa", "C_standard_GPa", "bulk_GPa", "shear_GPa", "young_GPa", "poisson", "anisotropy"),
    "volume_A3_per_atom",
)


def member(
    cell: Atoms,
    potential: Potential,
    settings: config.Elastic,
    workdir: Path,
) -> MemberTensor | MemberFailure:
    """Elastic constants of one potential, at its own lattice where `settings.relax` says so.

    Returns:
        The tensor, or why there is none.
    """
    calculator = PotentialCalculator(potential)
    try:
        if settings.relax:
            cell, _ = relaxation.relax_with(cell, calculator, workdir, settings.fmax, settings.smax)
        measurement = strain.measure(cell, calculator, settings.amplitudes, settings.fmax)
    except CalculationError as error:
        return MemberFailure(not_computed=str(error))
    return MemberTensor(
        **dict(measurement.numbers()), volume_A3_per_atom=cell.cell.volume / len(cell)
    )


def combine(members: Sequence[MemberTensor | MemberFailure]) -> CommitteeTensor:
    """Mean and population standard deviation over the members.

    Where a member has no tensor, the committee has none: the reasons are kept instead. A mean
    modulus is None where a member has none (its tensor is not positive definite).
    """
    tensors = [member for member in members if isinstance(member, MemberTensor)]
    if len(tensors) < len(members):
        reasons = {k: m.not_computed for k, m in enumerate(members) if isinstance(m, MemberFailure)}
        return CommitteeTensor(
            members=list(members),
            not_computed=by_member(reasons),
            stable_members=None,
            **_spread([]),
        )
    first = tensors[0]
    return CommitteeTensor(
        members=list(members),
        not_computed=None,
        space_group=first.space_group,
        laue_class=first.laue_class,
        independent_constants=first.independent_constants,
        stable_members=sum(member.stable for member in tensors),
        **_spread(tensors),
    )


def _spread(tensors: Sequence[MemberTensor]) -> dict[str, Any]:
    """Fields of `CommitteeTensor`: mean and `*_std` of what all members have, else None."""
    fields: dict[str, Any] = {}
    for name in AVERAGED:
        values = [getattr(member, name) for member in tensors]
        complete = len(values) > 0 and all(value is not None for value in values)
        fields[name] = np.mean(values, axis=0).tolist() if complete else None
        fields[f"{name}_std"] = np.std(values, axis=0).tolist() if complete else None
    return fields


def constants(laue: str) -> tuple[tuple[int, int], ...]:
    """Indices (from 1) of constants in the standard setting that a table should show."""
    always = ((1, 1), (1, 2), (4, 4))
    if laue in ("m-3m", "m-3"):
        return always
    uniaxial = ((1, 1), (3, 3), (1, 2), (1, 3), (4, 4))
    if laue.startswith(("6", "-3", "4")):
        more = {"-3": ((1, 4), (1, 5)), "-3m": ((1, 4),), "4/m": ((6, 6), (1, 6))}
        return uniaxial + more.get(laue, ((6, 6),) if laue == "4/mmm" else ())
    orthorhombic = (*((n, n) for n in range(1, 7)), (1, 2), (1, 3), (2, 3))
    if laue == "mmm":
        return orthorhombic
    if laue == "2/m":  # b is the axis
        return (*orthorhombic, (1, 5), (2, 5), (3, 5), (4, 6))
    return tuple((i, j) for i in range(1, 7) for j in range(i, 7))
