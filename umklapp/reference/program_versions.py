"""Which versions of a program made the labels of one folder of the ledger, and how far they agree.

A version is no setting: its labels have the hash of those before. The first label of another
version is therefore kept only after the new version has labelled a frame that an earlier one had.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from ase import Atoms

from umklapp.crystals import frame_info
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError
from umklapp.records import Part, Record

log = logging.getLogger(__name__)

SAME_ENERGY = 1e-3
"""eV per atom between two versions of a program on one frame that are still the same physics."""

SAME_FORCES = 1e-3
"""eV/Å (rms over the components), as `SAME_ENERGY`."""


class ProgramVersion(Part):
    """One version.

    program: name and version, as the program writes it. first: frame_id of its first label.
    compared_with: an earlier version that has labelled one frame, too. energy: |ΔE| on that frame,
    eV per atom; forces: rms difference, eV/Å. not_compared: why there is no such comparison.
    """

    program: str
    first: str
    compared_with: str | None = None
    energy_eV_per_atom: float | None = None
    forces_eV_per_A: float | None = None
    not_compared: str | None = None

    @property
    def words(self) -> str:
        """The version, and how far it is from an earlier one."""
        if self.forces_eV_per_A is None or self.energy_eV_per_atom is None:
            return self.program + (f" ({self.not_compared})" if self.not_compared else "")
        return (
            f"{self.program} (on one frame {1e3 * self.energy_eV_per_atom:.2g} meV per atom and "
            f"{1e3 * self.forces_eV_per_A:.2g} meV/Å rms from {self.compared_with})"
        )


class ProgramVersions(Record):
    """programs.json in a folder of the ledger: every version that made labels there."""

    FILE: ClassVar[str] = "programs.json"

    programs: list[ProgramVersion]

    @classmethod
    def of(cls, folder: Path) -> ProgramVersions:
        """Those of a folder of the ledger; none where no label says its version.

        Raises:
            InputError: the file is no such record.
        """
        path = folder / cls.FILE
        return cls.read(path) if path.exists() else cls(programs=[])

    def __contains__(self, program: str) -> bool:
        return any(version.program == program for version in self.programs)


@dataclass(frozen=True)
class Relabelling:
    """How a frame is labelled again: `label` gives None where the program fails."""

    earlier: Callable[[str], Atoms]
    label: Callable[[Atoms], Atoms | None]


def admit(label: Atoms, folder: Path, again: Relabelling | None) -> None:
    """Remember the version of a new label; compare it first where it is another one.

    Args:
        label: with `FrameInfo.program`; a label without one is passed over.
        folder: of the ledger, for the settings of the label.
        again: earlier labels by their frame_id, and how a frame is labelled; None where the program
            is kept running (MD, relaxation) and cannot label another frame.

    Raises:
        InputError: the two versions disagree by more than `SAME_ENERGY` or `SAME_FORCES`.
    """
    program, recorded = FrameInfo.of(label).program, ProgramVersions.of(folder)
    if program is None or program in recorded:
        return
    version = ProgramVersion(program=program, first=frame_info.identity(label))
    if recorded.programs:
        version = _compared(version, recorded.programs[0], again)
        log.warning(f"labels of another version of the program: {version.words}")
        _refuse_another(version, folder)
    latest = ProgramVersions.of(folder)  # another job may have met the version meanwhile
    if program not in latest:
        record = ProgramVersions(programs=[*latest.programs, version])
        record.write(folder / ProgramVersions.FILE)


def _compared(
    version: ProgramVersion, earlier: ProgramVersion, again: Relabelling | None
) -> ProgramVersion:
    update: dict[str, object] = {"compared_with": earlier.program}
    if again is None:
        update["not_compared"] = f"not compared with {earlier.program}"
        return version.model_copy(update=update)
    try:
        old = again.earlier(earlier.first)
    except InputError:
        why = f"not compared with {earlier.program}: its label {earlier.first} is gone"
        return version.model_copy(update={**update, "not_compared": why})
    new = again.label(old)
    if new is None:
        why = f"not compared with {earlier.program}: it gives no label for {earlier.first}"
        return version.model_copy(update={**update, "not_compared": why})
    apart = abs(new.get_potential_energy() - old.get_potential_energy()) / len(old)
    forces = np.sqrt(np.mean((new.get_forces() - old.get_forces()) ** 2))
    update |= {"energy_eV_per_atom": float(apart), "forces_eV_per_A": float(forces)}
    return version.model_copy(update=update)


def _refuse_another(version: ProgramVersion, folder: Path) -> None:
    energy, forces = version.energy_eV_per_atom or 0.0, version.forces_eV_per_A or 0.0
    if energy > SAME_ENERGY or forces > SAME_FORCES:
        raise InputError(
            f"reference: {version.words}. Labels may differ by {1e3 * SAME_ENERGY:g} meV per atom "
            f"and {1e3 * SAME_FORCES:g} meV/Å: the new one was not kept. Load "
            f"{version.compared_with} again, or move {folder} away: then {version.program} makes "
            "all labels of these settings"
        )
