"""What a labelled frame of another program has and no part of umklapp carries."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from umklapp.errors import InputError

CHARGES = "charge", "total_charge"
"""Entries of a frame that hold the charge of its cell (e)."""

NONE = 1e-2
"""Charge (e), moment (µB) or deviation of an occupancy that is none."""


def check(atoms: Atoms, where: str) -> str | None:
    """A sentence about magnetic moments; None without any.

    Raises:
        InputError: a charged cell, or sites that are not full.
    """
    for name in CHARGES:
        charge = atoms.info.get(name)
        if isinstance(charge, int | float | np.integer) and abs(float(charge)) > NONE:
            raise InputError(
                f"{where}: {name} {float(charge):g} e: no part of umklapp carries the "
                "charge of a cell; leave the file out"
            )
    occupancy = atoms.arrays.get("occupancy")
    if occupancy is not None and np.abs(np.asarray(occupancy, float) - 1).max() > NONE:
        raise InputError(f"{where}: sites that are not full; an ordered crystal is needed")
    results = atoms.calc.results if atoms.calc is not None else {}
    moments = [
        np.abs(np.asarray(source[name], float)).max(initial=0.0)
        for source in (atoms.arrays, results)
        for name in ("magmoms", "initial_magmoms")
        if source.get(name) is not None
    ]
    if max(moments, default=0.0) <= NONE:
        return None
    return (
        f"the frames have magnetic moments (up to {max(moments):.2g} µB): engines of umklapp "
        "calculate without spin, so that their labels would be of another state"
    )
