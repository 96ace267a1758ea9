"""What a trained member leaves of the labels that it learned, by their kind and cell.

Hot small cells have the largest forces and so the loss; what is left in quiet large cells, which
make κ, does not show in a mean over all labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from umklapp.crystals.frame_info import FrameInfo
from umklapp.potentials.contract import Potential
from umklapp.records import Part


class Left(Part):
    """Labels of one kind (`frame_info.OriginKind`) with as many atoms.

    frames: their number. force_rmse_eV_per_A: over their components. force_rms_eV_per_A: of the
    labels themselves.
    """

    kind: str
    atoms: int
    frames: int
    force_rmse_eV_per_A: float
    force_rms_eV_per_A: float

    @property
    def name(self) -> str:
        """For sentences."""
        return f"{self.frames} {self.kind} labels of {self.atoms} atoms"


def group_of(frame: Atoms) -> tuple[str, int]:
    """Kind of the origin of a frame, and its number of atoms."""
    origin = FrameInfo.of(frame).origin
    return ("other" if origin is None else origin.kind), len(frame)


def left_on(potential: Potential, learned: Sequence[Atoms]) -> list[Left]:
    """What the member leaves of every kind and cell, in the order in which they first come.

    Args:
        learned: labelled frames that it was trained on.
    """
    errors: dict[tuple[str, int], list[np.ndarray]] = {}
    labels: dict[tuple[str, int], list[np.ndarray]] = {}
    for frame, forces in zip(learned, potential.evaluate(learned).forces, strict=True):
        wanted = frame.get_forces()
        errors.setdefault(group_of(frame), []).append(forces - wanted)
        labels.setdefault(group_of(frame), []).append(wanted)
    return [
        Left(
            kind=kind,
            atoms=atoms,
            frames=len(parts),
            force_rmse_eV_per_A=_rms(parts),
            force_rms_eV_per_A=_rms(labels[kind, atoms]),
        )
        for (kind, atoms), parts in errors.items()
    ]


def _rms(parts: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
