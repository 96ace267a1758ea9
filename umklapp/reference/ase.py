"""Any ASE calculator as a reference engine, and the base of the engines that ASE drives."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError

from umklapp import provenance
from umklapp.config import AseCalculator, Section
from umklapp.crystals import frame_info, frames
from umklapp.reference import calculators
from umklapp.reference.contract import Failure, Reason, time_limit

log = logging.getLogger(__name__)

METALLIC = 5e-4
"""eV per atom between free and extrapolated energy that an insulator does not have."""

CAP = "max_iterations"
"""Setting that decides whether there is a label, never what it is."""

LARGEST_CAP = 2000
"""Labels of earlier versions are looked for under the hashes of all smaller caps."""


def _hash(described: dict[str, Any]) -> str:
    return "s" + provenance.digest(described)


class CalculatorEngine(ABC):
    """Labels with an ASE calculator; subclasses say how it is made and what errors mean."""

    name = "ase"
    attempts = 2
    smears_energy = False
    """Whether its plain energy is extrapolated to zero smearing, and not the free energy."""

    def __init__(self, settings: Section) -> None:
        described = dict(self.identity(settings))
        cap = CAP if CAP in type(settings).model_fields else None
        if self.smears_energy and getattr(settings, "smearing", 0.0) > 0:
            described["energy"] = "free"  # labels of before were extrapolated
        self.limits: dict[str, float] = {}
        if cap:
            self.limits["scf_not_converged"] = float(getattr(settings, cap))
            described[cap] = type(settings).model_fields[cap].default
        self._described = described
        self.settings_hash = _hash(described)

    def identity(self, settings: Section) -> dict[str, Any]:
        """What makes labels comparable: all settings, the iteration cap as if by default."""
        return settings.model_dump(mode="json")

    @cached_property
    def earlier_hashes(self) -> dict[str, float | None]:
        """Hashes that took the iteration cap for physics, each with its cap."""
        if CAP not in self._described:
            return {}
        caps = {_hash({**self._described, CAP: cap}): float(cap) for cap in range(1, LARGEST_CAP)}
        return {name: cap for name, cap in caps.items() if name != self.settings_hash}

    def calculator(self, atoms: Atoms, workdir: Path, *, symmetric: bool = False) -> Calculator:
        """A calculator kept while atoms move."""
        return self.fresh_calculator(atoms, workdir, attempt=1, symmetric=symmetric)

    @abstractmethod
    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """A new calculator; from the second attempt on with the engine's remedy."""

    def reason(self, error: Exception) -> Reason:
        """What an exception of this engine means."""
        if isinstance(error, TimeoutError):
            return "timeout"
        if isinstance(error, FloatingPointError):
            return "not_finite"
        return "out_of_memory" if isinstance(error, MemoryError) else "crashed"

    def made_by(self, calculator: Calculator) -> str | None:
        """Name and version of the program behind a finished calculation; None: not known."""
        return None

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """Energy, forces and, where there is one, stress of `atoms`; else a `Failure`."""
        bare = frames.strip(atoms)
        identity = frame_info.identity(bare)
        failure = Failure(identity, "crashed", "never tried", 0)
        for attempt in range(1, self.attempts + 1):
            try:
                with time_limit(timeout):
                    return self._label_once(bare, workdir, attempt)
            except Exception as error:  # whatever an engine raises becomes a Failure with a reason
                text = f"{type(error).__name__}: {error}".rstrip(": ")
                reason = self.reason(error)
                limits = {**self.limits, "timeout": timeout}
                failure = Failure(identity, reason, text, attempt, limits.get(reason))
                if failure.reason in ("timeout", "out_of_memory"):
                    break
        return failure

    def _label_once(self, bare: Atoms, workdir: Path, attempt: int) -> Atoms:
        work = bare.copy()
        work.calc = self.fresh_calculator(work, workdir, attempt=attempt, symmetric=False)
        energy, forces = _free_energy(work), work.get_forces()
        try:
            stress = work.get_stress()
        except PropertyNotImplementedError:
            stress = None
        for name, value in (("energy", energy), ("forces", forces), ("stress", stress)):
            if value is not None and not np.all(np.isfinite(value)):
                raise FloatingPointError(f"{name} is not finite")
        return frames.labelled(
            bare,
            energy,
            forces,
            stress,
            engine=self.name,
            settings_hash=self.settings_hash,
            program=self.made_by(work.calc),
        )


def _free_energy(work: Atoms) -> float:
    """The energy (eV) whose slope the forces are: with smearing the free energy E − TS.

    A metal, or a gap that smearing closes, is said in the log.
    """
    plain = float(work.get_potential_energy())
    try:
        free = float(work.get_potential_energy(force_consistent=True))
    except (PropertyNotImplementedError, TypeError, KeyError):
        return plain
    entropy = abs(free - plain) / len(work)
    if np.isfinite(free) and entropy > METALLIC:
        log.warning(
            f"{work.symbols}: electrons are smeared ({1e3 * entropy:.2g} meV per atom between free "
            "and extrapolated energy): a metal or a small gap; labels are free energies, and κ has "
            "no electronic part"
        )
    return free if np.isfinite(free) else plain


class AseEngine(CalculatorEngine):
    """An ASE calculator named by its import path.

    Raises:
        InputError: the calculator cannot be imported.
    """

    def __init__(self, settings: AseCalculator) -> None:
        super().__init__(settings)
        self.settings = settings
        self._class = calculators.calculator_class(settings.calculator, "reference.calculator")
        self._kept: Calculator | None = None

    def fresh_calculator(
        self, atoms: Atoms, workdir: Path, *, attempt: int, symmetric: bool
    ) -> Calculator:
        """The calculator of this process: a network compiles once, not for every label.

        It has no remedy of its own; a second attempt gets a new one.
        """
        if self._kept is None or attempt > 1:
            self._kept = self._class(**self.settings.parameters)
        return self._kept

    def made_by(self, calculator: Calculator) -> str | None:
        """The package of the calculator, where it is an installed one."""
        return provenance.installed(self.settings.package)

    def label(self, atoms: Atoms, workdir: Path, timeout: float) -> Atoms | Failure:
        """As every engine; after a failure nothing of its calculator is used again."""
        label = super().label(atoms, workdir, timeout)
        if isinstance(label, Failure):
            self._kept = None
        return label
