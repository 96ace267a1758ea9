"""The reference engine as a calculator whose every answer is a label that is kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from umklapp.crystals import frame_info, frames
from umklapp.errors import CalculationError
from umklapp.reference.contract import Engine, Failure
from umklapp.reference.ledger import Ledger, label_frames

log = logging.getLogger(__name__)


class LabellingCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) from the ledger, or labelled now.

    Atoms that move with it leave a label at every step: a killed job goes on where it was, and
    what it cost can be counted (`asked`).

    Args:
        engine: what labels. ledger: where labels are kept. workdir: scratch of the engine.
        timeout: wall time of one label (s).
        origin: written to the labels.
    """

    implemented_properties: ClassVar[Any] = ["energy", "forces", "stress"]

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        workdir: Path,
        timeout: float,
        origin: str,
    ) -> None:
        super().__init__()
        self.engine, self.ledger = engine, ledger
        self.workdir, self.timeout, self.origin = workdir, timeout, origin
        self.asked: set[str] = set()
        """Identities of all labels that were needed, new and known."""

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Label the frame.

        Raises:
            CalculationError: there is no label, or no stress where one is asked for.
        """
        super().calculate(atoms, properties, system_changes)
        frame = frames.strip(self.atoms)
        frame_info.mark(frame, origin=self.origin)
        labels, failures = label_frames(
            [frame], self.engine, self.ledger, self.workdir, self.timeout
        )
        if failures:
            raise CalculationError(_told(self.origin, failures[0], self.workdir))
        label = labels[0]
        if "stress" in properties and not frames.has_stress(label):
            raise CalculationError(
                f"{self.origin}: the reference engine {self.engine.name!r} gives no stress; "
                "choose an engine that does, or leave this out"
            )
        self.asked.add(frame_info.identity(label))
        self.results = dict(label.calc.results)


def _told(origin: str, failure: Failure, workdir: Path) -> str:
    return (
        f"{origin}: frame {failure.frame_id} got no label, {failure.reason}: {failure.message} "
        f"(see {workdir}); its file in the ledger must go before it is tried again"
    )
