"""What trainings that take steps of their own share: the clock, averaged weights, going on.

NequIP's Lightning module has its own loop; workers of other environments have theirs, because they
import nothing of umklapp.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from nequip.train.ema import EMAWeights

from umklapp.potentials import checkpoints

log = logging.getLogger(__name__)

LAYOUT = 1
"""Of a state on disk; one of another layout is not continued."""


class StepLoop(ABC):
    """Steps of an optimiser, exponentially averaged weights, and the state on disk.

    Args:
        model: whose weights are trained, on its device. decay: of the average.
    """

    optimizer: torch.optim.Optimizer

    def __init__(self, model: torch.nn.Module, decay: float, device: str) -> None:
        self.model, self.device = model, device
        self.average = EMAWeights(model, decay).to(device)
        self.average.update_parameters(model)
        self.step, self._before, self._began = 0, 0.0, time.monotonic()

    def seconds(self) -> float:
        """Wall time so far (s), with that before an interruption."""
        return self._before + time.monotonic() - self._began

    def seconds_left(self, steps: int) -> float:
        """Wall time (s) to so many steps in all, at the mean speed so far."""
        return self.seconds() / max(1, self.step) * (steps - self.step)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model has its averaged weights within the block."""
        self.average.swap_parameters(self.model)
        try:
            yield
        finally:
            self.average.swap_parameters(self.model)

    @abstractmethod
    def more_state(self) -> dict[str, Any]:
        """What goes into the state besides weights, optimiser, step and time."""

    @abstractmethod
    def take_more(self, state: dict[str, Any]) -> None:
        """Go on with what `more_state` gave."""

    def save(self, path: Path, identity: str) -> None:
        """Write the state, atomically.

        Args:
            identity: hash of all inputs.
        """
        state = {
            "identity": identity,
            "layout": LAYOUT,
            "step": self.step,
            "seconds": self.seconds(),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **self.more_state(),
        }
        checkpoints.write(path, state)

    def restore(self, path: Path, identity: str) -> None:
        """Go on from the state at `path` if it is of the same inputs."""
        state = checkpoints.resume(path, identity, self.device)
        if state is None or state.get("layout") != LAYOUT:
            return
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self._before = state["step"], state["seconds"]
        self.take_more(state)
        log.info(f"continuing from step {self.step}")
