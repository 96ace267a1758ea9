"""One step of somebody else's calculation, in our units, and the labelled frame it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from umklapp.crystals import frames
from umklapp.crystals.formats import dropped
from umklapp.errors import InputError


@dataclass(frozen=True)
class Step:
    """What a file says of one configuration; what it does not say is None.

    Attributes:
        symbols: of the N atoms.
        cell, positions: (3, 3) and (N, 3), Å.
        pbc: whether the cell is periodic in all directions.
        energy: eV. forces: (N, 3), eV/Å.
        stress: (3, 3), eV/Å³, ASE's sign (the trace of a compressed crystal is negative),
            without the kinetic part.
        time: fs since the start of the trajectory.
        velocities: (N, 3), Å/fs. masses: (N,), atomic mass units.
        stresses: (N, 3, 3), eV/Å³, their sum is `stress`.
        heat_flux: (3,), eV/(Å² fs).
        others: further entries of the file, for `dropped`.
    """

    symbols: list[str]
    cell: np.ndarray
    positions: np.ndarray
    energy: float | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    time: float | None = None
    velocities: np.ndarray | None = None
    masses: np.ndarray | None = None
    stresses: np.ndarray | None = None
    heat_flux: np.ndarray | None = None
    pbc: bool = True
    others: Mapping[str, Any] = field(default_factory=dict)

    def frame(self, where: str) -> Atoms:
        """Labelled frame, not yet looked at.

        Raises:
            InputError: no labels, unknown species, or what umklapp does not carry (`dropped`);
                `where` is named.
        """
        try:
            atoms = Atoms(self.symbols, cell=self.cell, positions=self.positions, pbc=True)
        except (KeyError, ValueError, TypeError) as error:
            cause = " ".join(str(error).split())[:200]
            raise InputError(
                f"{where}: no configuration ({cause}); are the species known?"
            ) from None
        if self.energy is None:
            raise InputError(f"{where}: no energy label")
        if self.forces is None:
            raise InputError(f"{where}: no force labels")
        if isinstance(self.energy, bool) or not isinstance(self.energy, int | float | np.number):
            raise InputError(f"{where}: the energy is no number but {self.energy!r:.60}")
        if self.time is not None and not np.isfinite(self.time):
            raise InputError(f"{where}: a time of {self.time} fs")
        dropped.check_entries({"masses": self.masses, **self.others}, atoms.numbers, where)
        voigt = None if self.stress is None else full_3x3_to_voigt_6_stress(self.stress)
        info = {} if self.time is None else {"time": round(self.time, 6)}
        label = frames.labelled(atoms, self.energy, self.forces, voigt, **info)
        label.pbc = self.pbc  # the border refuses what is not periodic
        return label


def known_stress(stress: np.ndarray | None) -> np.ndarray | None:
    """A stress, unless it stands for none: zeros (to the last digit) or NaN mean "not computed"."""
    if stress is None or not np.any(stress) or np.isnan(stress).any():
        return None
    return stress


def intensive(
    stresses: np.ndarray | None, stress: np.ndarray | None, volume: float
) -> np.ndarray | None:
    """Atomic stresses whose sum is the stress (eV/Å³).

    Files hold them either so, or multiplied by the volume (eV); only the sum tells.

    Args:
        stresses: (N, 3, 3), or (N, 6) in Voigt order xx, yy, zz, yz, xz, xy. volume: Å³.
    """
    if stresses is None or stress is None or np.isnan(stresses).any():
        return None
    if stresses.shape[1:] == (6,):
        stresses = voigt_6_to_full_3x3_stress(stresses)
    total = stresses.sum(axis=0)
    size = np.abs(stress).max()
    if np.abs(total - stress).max() <= np.abs(total / volume - stress).max() and size > 0:
        return stresses
    return stresses / volume


def every_nth(steps: Iterator[Step], every: int, skip: int) -> Iterator[Step]:
    """Steps skip, skip + every, …, for formats that cannot leave out a step unread."""
    for step_index, step in enumerate(steps):
        if step_index >= skip and (step_index - skip) % every == 0:
            yield step
