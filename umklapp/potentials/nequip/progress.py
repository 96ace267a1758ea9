"""What is written and said while a network trains, and the result."""

from __future__ import annotations

import csv
import logging
import time
from pathlib import Path
from typing import Any

import lightning
import numpy as np

from umklapp import provenance
from umklapp.files import replacing
from umklapp.potentials.training_records import TrainingResult

log = logging.getLogger(__name__)

MONITOR = "val0_epoch/weighted_sum"


class Progress(lightning.Callback):
    """A line per tenth of the training with errors and ETA, and a csv of every epoch."""

    columns = ("epoch", "seconds", "energy_mae_eV_per_atom", "force_mae_eV_per_A", "loss")
    stress = "stress_mae_eV_per_A3"

    def __init__(self, epochs: int, seed: int, path: Path) -> None:
        self.epochs, self.seed, self.path = epochs, seed, path
        self.rows: list[tuple[float, ...]] = []
        self.stresses: list[float] = []
        self.began = 0.0

    def on_train_start(self, *_: object) -> None:
        """Start the clock, or go on with that of the training that is continued."""
        self.began = time.monotonic() - (self.rows[-1][1] if self.rows else 0.0)

    def on_fit_start(self, trainer: lightning.Trainer, module: object) -> None:
        """Order the frames of an epoch by seed and epoch: the same after an interruption."""
        self._seed_order(trainer, len(self.rows))

    def _seed_order(self, trainer: lightning.Trainer, epoch: int) -> None:
        generator = trainer.datamodule.train_generator
        generator.manual_seed(provenance.seed_for(self.seed, "epoch", epoch))

    def state_dict(self) -> dict[str, Any]:
        """The epochs so far, kept in checkpoints."""
        return {"rows": list(self.rows), "stresses": list(self.stresses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The epochs before the interruption."""
        self.rows = state_dict["rows"]
        self.stresses = state_dict["stresses"]

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: object) -> None:
        """Record the validation errors of the epoch."""
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        epoch, spent = trainer.current_epoch + 1, time.monotonic() - self.began
        self._seed_order(trainer, epoch)
        energy = metrics.get("val0_epoch/per_atom_energy_mae", np.nan)
        force = metrics.get("val0_epoch/forces_mae", np.nan)
        self.rows.append((epoch, spent, energy, force, metrics.get(MONITOR, np.nan)))
        self.stresses.append(metrics.get("val0_epoch/stress_mae", np.nan))
        with replacing(self.path) as part, part.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(self.columns)
            table.writerows(self.rows)
        if epoch % max(1, self.epochs // 10) == 0:
            left = spent / len(self.rows) * (self.epochs - epoch)
            log.info(
                f"epoch {epoch}/{self.epochs}  force MAE {1e3 * force:.1f} meV/Å  "
                f"energy MAE {1e3 * energy:.2f} meV/atom  {spent:.0f} s, at most {left:.0f} s left"
            )

    def result(self) -> TrainingResult:
        """Best epoch and its validation errors; that of the stress where it was validated."""
        row = min(self.rows, key=lambda item: item[4])
        errors = dict(zip(self.columns[2:4], row[2:4], strict=True))
        stress = self.stresses[self.rows.index(row)]
        if np.isfinite(stress):
            errors[self.stress] = stress
        return TrainingResult(
            epochs=len(self.rows),
            best_epoch=int(row[0]),
            validation=errors,
            seconds=self.rows[-1][1],
        )
