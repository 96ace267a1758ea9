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
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.potentials.contract import Potential
from umklapp.reference import relaxation
from umklapp.wording import by_member

log = logging.getLogger(__name__)

MODULI = ("bulk_GPa", "shear_GPa", "young_GPa", "poisson", "anisotropy")


def member(
    cell: Atoms,
    potential: Potential,
    settings: config.Elastic,
    workdir: Path,
) -> dict[str, Any]:
    """Elastic constants of one potential, at its own lattice where `settings.relax` says so.

    Returns:
        `Measurement.as_dict` with `volume_A3_per_atom`; or `not_computed`, the reason.
    """
    calculator = PotentialCalculator(potential)
    try:
        if settings.relax:
            cell, _ = relaxation.relax_with(cell, calculator, workdir, settings.fmax, settings.smax)
        measurement = strain.measure(cell, calculator, settings.amplitudes, settings.fmax)
    except CalculationError as error:
        return {"not_computed": str(error)}
    return {
        **measurement.as_dict(),
        "volume_A3_per_atom": cell.cell.volume / len(cell),
        "not_computed": None,
    }


def combine(members: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and population standard deviation over the members.

    Where a member has no tensor, the committee has none: the reasons are kept instead. A mean
    modulus is None where a member has none (its tensor is not positive definite).
    """
    reasons = {
        k: member["not_computed"] for k, member in enumerate(members) if member["not_computed"]
    }
    record: dict[str, Any] = {
        "members": list(members),
        "not_computed": by_member(reasons) if reasons else None,
    }
    names = ("C_GPa", "C_standard_GPa", *MODULI, "volume_A3_per_atom")
    if reasons:
        return {**record, "stable_members": None, **_spread(dict.fromkeys(names))}
    return {
        **record,
        **{key: members[0][key] for key in ("space_group", "laue_class", "independent_constants")},
        "stable_members": sum(member["stable"] for member in members),
        **_spread({name: [member[name] for member in members] for name in names}),
    }


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    spread: dict[str, Any] = {}
    for name, of_members in values.items():
        complete = of_members is not None and not any(value is None for value in of_members)
        spread[name] = np.mean(of_members, axis=0).tolist() if complete else None
        spread[f"{name}_std"] = np.std(of_members, axis=0).tolist() if complete else None
    return spread


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
