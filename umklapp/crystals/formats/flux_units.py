"""The unit of heat fluxes that FHI-vibes wrote: eV/(Å² ps) before its version 1.1.0, later per fs.

Read in the wrong unit a flux makes κ wrong by 10⁶. Two things tell it: the version in the metadata,
and the flux Σ_I σ_I v_I from the atomic stresses and velocities that the same file holds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from umklapp.crystals.formats.steps import Step
from umklapp.errors import InputError

PER_PS = 1e-3
"""eV/(Å² fs) in one eV/(Å² ps)."""

CHANGED = (1, 1, 0)
"""The first version of FHI-vibes that writes eV/(Å² fs)."""

LIKE = 5.0
"""Factor within which a flux is the one from the stresses, whose mean may be taken out or not."""


def version_of(metadata: Any) -> str | None:
    """Version of FHI-vibes in its metadata: a mapping, or the text of one; None without."""
    try:
        content = json.loads(metadata) if isinstance(metadata, bytes | str) else metadata
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
