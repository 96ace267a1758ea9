"""The scale of `potentials.quiet_frames` in the words of NequIP's loss and validation."""

from __future__ import annotations

from typing import Any

import torch
from nequip.data import AtomicDataDict, BaseModifier

from umklapp.potentials.quiet_frames import LOUDEST, QUIETEST


class ScaledForces(BaseModifier):
    """Predicted and labelled forces of every frame, times its `quiet_frames.frame_scales`.

    Args:
        power: 0 to 1. typical: of `quiet_frames.typical_force`, eV/Å.
    """

    def __init__(self, power: float, typical: float) -> None:
        super().__init__(AtomicDataDict.FORCE_KEY)
        self.power, self.typical = power, typical

    def __call__(
        self, data1: AtomicDataDict.Type, data2: AtomicDataDict.Type | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of predictions and labels, each (N, 3)."""
        labels = data1 if data2 is None else data2
        forces = labels[self.field]
        frame = labels.get(AtomicDataDict.BATCH_KEY)
        if frame is None:
            frame = torch.zeros(len(forces), dtype=torch.long, device=forces.device)
        atoms = torch.bincount(frame)
        squares = forces.new_zeros(len(atoms)).index_add(0, frame, forces.square().mean(dim=1))
        loudness = ((squares / atoms).sqrt() / self.typical).clamp(min=QUIETEST)
        beyond = (loudness / LOUDEST).clamp(min=1.0) if self.power else torch.ones_like(loudness)
        scales = ((loudness / beyond) ** -self.power / beyond)[frame, None]
        return data1[self.field] * scales, forces * scales


def metric(name: str, error: str, power: float, typical: float, weight: float) -> dict[str, Any]:
    """A further metric of NequIP's loss or validation.

    Args:
        name: of the metric. error: class of `nequip.train`. power, typical: of `ScaledForces`.
        weight: of this metric in the sum.
    """
    field = {
        "_target_": f"{ScaledForces.__module__}.{ScaledForces.__name__}",
        "power": power,
        "typical": typical,
    }
    return {
        "name": name,
        "field": field,
        "coeff": weight,
        "metric": {"_target_": f"nequip.train.{error}"},
    }
