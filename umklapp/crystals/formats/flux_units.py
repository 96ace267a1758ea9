"""The unit of heat fluxes that FHI-vibes wrote: eV/(Å² ps) before its version 1.1.0, later per fs.

Read in the wrong unit a flux makes κ wrong by 10⁶. Two things tell it: the version in the metadata,
and the flux Σ_I σ_I v_I from the atomic stresses and velocities that the same file holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from umklapp.crystals.formats.steps import Step
from umklapp.errors import InputError
from umklapp.files import json_of

PER_PS = 1e-3
"""eV/(Å² fs) in one eV/(Å² ps)."""

CHANGED = (1, 1, 0)
"""The first version of FHI-vibes that writes eV/(Å² fs)."""

LEAST, UNEXPLAINED = 10, 0.1
"""Fluxes that are held against stresses and velocities, and share of them that may be left."""

LIKE = 5.0
"""Factor within which a flux is the one from the stresses, whose mean may be taken out or not."""


def version_of(metadata: Any) -> str | None:
    """Version of FHI-vibes in its metadata: a mapping, or the text of one; None without."""
    try:
        content = json_of(metadata) if isinstance(metadata, bytes | str) else metadata
        version = content["vibes"]["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(version)


def _of_version(version: str | None) -> float | None:
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(?:[-.]?(?:a|b|rc|dev))?", version or "")
    if numbers is None:
        return None
    parts = tuple(int(part or 0) for part in numbers.groups())
    return 1.0 if parts >= CHANGED else PER_PS


def _of_stresses(flux: np.ndarray, computed: np.ndarray | None) -> float | None:
    """The unit that makes a flux (n, 3) the one from stresses and velocities, eV/(Å² fs)."""
    if computed is None:
        return None
    both = np.isfinite(flux).all(axis=1) & np.isfinite(computed).all(axis=1)
    sizes = [float(np.sqrt(np.mean(values[both] ** 2))) for values in (flux, computed)]
    if not both.any() or min(sizes) == 0.0:
        return None
    for unit in (1.0, PER_PS):
        if 1 / LIKE < unit * sizes[0] / sizes[1] < LIKE:
            return unit
    return float("nan")


def unit(flux: np.ndarray, computed: np.ndarray | None, version: str | None, source: str) -> float:
    """eV/(Å² fs) in the unit of a stored heat flux.

    Args:
        flux: (n, 3), as stored; NaN where none was. computed: (n, 3) eV/(Å² fs), from atomic
            stresses and velocities. version: of FHI-vibes, None where the file does not say.

    Raises:
        InputError: the two disagree, the flux is neither, or the file has neither.
    """
    stated, shown = _of_version(version), _of_stresses(flux, computed)
    names = {1.0: "eV/(Å² fs)", PER_PS: "eV/(Å² ps)"}
    if shown is not None and np.isnan(shown):
        raise InputError(
            f"{source}: the heat flux is not the one of the atomic stresses and velocities in the "
            "same file, neither per fs nor per ps: one of the three has another unit"
        )
    if None not in (stated, shown) and stated != shown:
        raise InputError(
            f"{source}: FHI-vibes {version} writes heat fluxes in {names[stated or 1.0]}, but "
            f"stresses and velocities of the same file say {names[shown or 1.0]}: which is right? "
            "κ would be wrong by 10⁶"
        )
    factor = shown if shown is not None else stated
    if factor is None:
        raise InputError(
            f"{source}: the unit of the heat flux is not known (eV/(Å² ps) before FHI-vibes 1.1.0, "
            "eV/(Å² fs) later): the file has neither a version nor atomic stresses; write it with "
            "`vibes output md` from a run with atomic stresses"
        )
    return factor


def check(flux: np.ndarray, stresses: np.ndarray, velocities: np.ndarray, source: str) -> None:
    """Refuse a flux that is not Σ_I σ_I v_I, with or without the mean stresses of the atoms.

    Args:
        flux: (n, 3) eV/(Å² fs). stresses: (n, N, 3, 3) eV/Å³. velocities: (n, N, 3) Å/fs.

    Raises:
        InputError: more than `UNEXPLAINED` of its square is something else.
    """
    whole = np.isfinite(flux).all(axis=1) & np.isfinite(stresses).all(axis=(1, 2, 3))
    whole &= np.isfinite(velocities).all(axis=(1, 2))
    flux, stresses, velocities = flux[whole], stresses[whole], velocities[whole]
    if len(flux) < LEAST or not np.any(flux):
        return
    computed = [
        np.einsum("tiab,tib->ta", part, velocities)
        for part in (stresses, stresses - stresses.mean(axis=0))
    ]
    left = min(((flux - values) ** 2).sum() for values in computed) / (flux**2).sum()
    if left > UNEXPLAINED:
        raise InputError(
            f"{source}: the heat flux is not the one of the atomic stresses and velocities in the "
            f"same file ({min(left, 1):.0%} of it is something else): a wrong factor, sign or "
            "order of axes, atoms or steps"
        )


def check_steps(steps: Sequence[Step], source: str) -> None:
    """As `check`, of the steps that have all three."""
    rows = [
        (step.heat_flux, step.stresses, step.velocities)
        for step in steps
        if step.heat_flux is not None and step.stresses is not None and step.velocities is not None
    ]
    if rows:
        flux, stresses, velocities = (np.array(part) for part in zip(*rows, strict=True))
        check(flux, stresses, velocities, source)


@dataclass
class Fluxes:
    """Heat fluxes of one file in eV/(Å² fs); the unit is decided by the first that tells it.

    Steps whose stresses are not read have no flux either: nothing could be held against it.
    """

    version: str | None
    source: str
    unit: float | None = None

    def converted(self, step: Step) -> Step:
        """The step with its flux in our unit, or without one."""
        if step.heat_flux is None or not np.any(step.heat_flux):  # atoms at rest
            return step
        if step.stresses is None or step.velocities is None:
            if self.unit is None:
                return replace(step, heat_flux=None)
            return replace(step, heat_flux=step.heat_flux * self.unit)
        if self.unit is None:
            computed = np.einsum("iab,ib->a", step.stresses, step.velocities)[None]
            self.unit = unit(step.heat_flux[None], computed, self.version, self.source)
        return replace(step, heat_flux=step.heat_flux * self.unit)
