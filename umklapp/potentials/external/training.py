"""Training of a committee member in the environment of its backend."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals.frames import stress_of
from umklapp.errors import InputError
from umklapp.files import storing, write_text
from umklapp.potentials.external import bridge, potential
from umklapp.potentials.quiet_frames import frame_scales, typical_force
from umklapp.potentials.training_records import TrainingResult

log = logging.getLogger(__name__)

COLUMNS = ("epoch", "seconds", "energy_mae_eV_per_atom", "force_mae_eV_per_A", "loss")


def train(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    parent: Path | None = None,
) -> TrainingResult:
    """Train a model and write it to `out`; as `nequip.training.train`.

    Loss, schedule, averages and the choice of the best epoch are those of NequIP's training
    (`worker.loop`), so the keys of `potential.training` mean the same.

    Raises:
        InputError: no such environment; a parent of another architecture or other species.
        CalculationError: the worker failed, or the errors became NaN.
    """
    if parent is not None:
        start = settings.training.warm_start
        if start is None:
            raise InputError("a parent model needs potential.training.warm_start")
        changes = {"epochs": start.epochs, "learning_rate": start.learning_rate}
        changed = settings.training.model_copy(update=changes)
        settings = settings.model_copy(update={"training": changed})
    plain = settings.model_dump(mode="json", exclude={"environment"})
    species = sorted({int(n) for frame in (*training, *validation) for n in frame.numbers})
    if parent is not None:
        _check_parent(parent, plain, species)
    python = bridge.interpreter(settings.backend, settings.environment)
    scratch.mkdir(parents=True, exist_ok=True)
    worker = bridge.Worker(settings.backend, python, scratch / "worker.log")
    typical = typical_force([frame.get_forces() for frame in training])
    arrays = {
        f"{name}_{key}": value
        for name, frames in (("training", training), ("validation", validation))
        for key, value in _labels(frames, settings.training.quiet_frames, typical).items()
    }
    identity = provenance.digest(
        [
            *(plain, seed, worker.versions, parent and provenance.file_digest(parent)),
            *(value.tolist() for value in arrays.values()),
        ]
    )
    _forget_other_training(scratch, identity)
    listen = _Progress(settings.training.epochs, scratch / "progress.csv")
    with storing(scratch / "progress.csv"):
        answer, _ = worker.ask(
            "train",
            arrays,
            listen,
            settings=plain,
            species=species,
            seed=seed,
            scratch=str(scratch.resolve()),
            parent=str(parent.resolve()) if parent else None,
        )
    worker.close()
    rows = answer["rows"]
    best = min(rows, key=lambda row: row[4])
    errors = dict(zip(COLUMNS[2:4], best[2:4], strict=True))
    potential.write(
        out,
        settings.backend,
        answer["options"],
        (scratch / "best.pt").read_bytes(),
        environment=settings.environment,
        worker=worker.versions,
    )
    return TrainingResult(
        epochs=len(rows), best_epoch=int(best[0]), validation=errors, seconds=rows[-1][1]
    )


class _Progress:
    """A line per tenth of the training, and a csv of every epoch."""

    def __init__(self, epochs: int, path: Path) -> None:
        self.epochs, self.path = epochs, path

    def __call__(self, event: dict[str, Any]) -> None:
        if "continued" in event:
            log.info(f"continuing after epoch {event['continued']}")
            return
        epoch, spent, energy, force, _ = event["row"]
        new = epoch == 1
        with self.path.open("w" if new else "a", newline="") as file:
            table = csv.writer(file)
            if new:
                table.writerow(COLUMNS)
            table.writerow(event["row"])
        if epoch % max(1, self.epochs // 10) == 0:
            left = spent / epoch * (self.epochs - epoch)
            log.info(
                f"epoch {epoch}/{self.epochs}  force MAE {1e3 * force:.1f} meV/Å  "
                f"energy MAE {1e3 * energy:.2f} meV/atom  {spent:.0f} s, at most {left:.0f} s left"
            )


def _labels(frames: Sequence[Atoms], power: float, typical: float) -> dict[str, np.ndarray]:
    forces = [frame.get_forces() for frame in frames]
    return {
        **potential.packed(frames),
        "energy": np.array([frame.get_potential_energy() for frame in frames]),
        "forces": np.concatenate(forces),
        "scales": frame_scales(forces, power, typical),
        "stress": np.array([stress_of(frame) for frame in frames]),
    }


def _check_parent(parent: Path, plain: dict[str, Any], species: list[int]) -> None:
    header = potential.read(parent)
    if header is None:
        raise InputError(f"{parent}: not a model of backend '{plain['backend']}'")
    old = header["options"]
    same = {key: value for key, value in plain.items() if key != "training"}
    if {key: old["settings"].get(key) for key in same} != same:
        raise InputError(f"{parent}: the parent has another architecture than potential says")
    if unknown := set(species) - set(old["species"]):
        raise InputError(f"{parent}: the parent does not know the elements {sorted(unknown)}")


def _forget_other_training(scratch: Path, identity: str) -> None:
    """Remove what is left in `scratch` of other frames, settings or another seed."""
    note = scratch / "identity.txt"
    if not note.exists() or note.read_text() != identity:
        for name in ("last.ckpt", "best.pt"):
            (scratch / name).unlink(missing_ok=True)
        write_text(note, identity)
