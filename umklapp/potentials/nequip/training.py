"""Training of one committee member through NequIP's Python interface.

Deterministic on one thread; resumable: the last epoch's checkpoint lies in the scratch folder.
"""

from __future__ import annotations

import csv
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from hydra.utils import instantiate
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from nequip.utils import get_current_code_versions
from nequip.utils.global_state import get_latest_global_state, set_global_state

from umklapp import config, provenance
from umklapp.errors import CalculationError, InputError
from umklapp.frames import has_stress, stress_of
from umklapp.potentials.nequip import model

MONITOR = "val0_epoch/weighted_sum"
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


@dataclass(frozen=True)
class TrainingResult:
    """What a finished training has to say (units eV/atom, eV/Å, eV/Å³)."""

    epochs: int
    best_epoch: int
    validation: dict[str, float]
    seconds: float


def one_thread() -> None:
    """One thread per process: two threads on busy cores made an epoch 16 times slower."""
    torch.set_num_threads(1)


def train(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    say: Callable[[str], None] = print,
    parent: Path | None = None,
) -> TrainingResult:
    """Train a model and write its best checkpoint (EMA weights) to `out`.

    Args:
        training: labelled frames; stress is used when its weight is positive and some frame has it.
        validation: labelled frames for early stopping.
        settings: architecture and training settings.
        seed: of the initial weights and of the order of the frames.
        out: path of the checkpoint.
        scratch: folder whose `last.ckpt`, if it is of this very training, is continued.
        say: progress lines with epochs, errors and the time left.
        parent: checkpoint to continue from, with the epochs and the learning rate of
            `training.warm_start` (a new cycle of the schedule, a fresh optimiser); its energy
            shifts and scales are kept.

    Raises:
        CalculationError: the loss became NaN.
    """
    if parent is not None:
        settings = warm(settings)
    one_thread()
    warnings.filterwarnings("ignore")
    scratch.mkdir(parents=True, exist_ok=True)
    set_global_state()  # also seeds and sets float64 as default: first, then our own seed
    lightning.seed_everything(seed, workers=True, verbose=False)
    stress = settings.training.stress_weight > 0 and any(has_stress(f) for f in training)
    data = _data(training, validation, settings, seed, scratch, stress)
    _forget_other_training(scratch, settings, seed, parent)
    module_config = _module(data, settings, stress, len(training))
    module_config["model"] = (
        _architecture(data, settings, seed)
        if parent is None
        else {
            "_target_": "nequip.model.ModelFromCheckpoint",
            "checkpoint_path": str(parent.resolve()),
        }
    )
    information = {
        "versions": get_current_code_versions(verbose=False),
        "data": data,
        "trainer": {},
        "global_options": get_latest_global_state(),
        "runs": ["train"],
        "training_module": module_config,
    }
    datamodule = instantiate(data, _recursive_=False)
    module = instantiate(
        module_config,
        _recursive_=False,
        _convert_="all",
        num_datasets=datamodule.num_datasets,
        info_dict=information,
    )
    progress = Progress(settings.training.epochs, seed, scratch / "progress.csv", say)
    best = ModelCheckpoint(
        dirpath=scratch, filename="best", monitor=MONITOR, enable_version_counter=False
    )
    last = ModelCheckpoint(dirpath=scratch, filename="last", enable_version_counter=False)
    trainer = lightning.Trainer(
        accelerator="auto" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_epochs=settings.training.epochs,
        inference_mode=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=scratch,
        callbacks=[
            progress,
            EarlyStopping(MONITOR, patience=settings.training.patience, check_finite=True),
            best,
            last,
        ],
    )
    module.world_size = trainer.world_size
    resume = scratch / "last.ckpt"
    if resume.exists():
        say(f"continuing from {resume}")
    trainer.fit(
        module,
        datamodule=datamodule,
        ckpt_path=resume if resume.exists() else None,
        weights_only=False,
    )
    if not best.best_model_path or not np.isfinite(float(best.best_model_score)):
        raise CalculationError(f"training in {scratch} gave no finite loss; lower learning_rate")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    shutil.copyfile(best.best_model_path, part)
    part.replace(out)
    return progress.result()


class Progress(lightning.Callback):
    """A line per tenth of the training with errors and ETA, and a csv of every epoch."""

    columns = ("epoch", "seconds", "energy_mae_eV_per_atom", "force_mae_eV_per_A", "loss")

    def __init__(self, epochs: int, seed: int, path: Path, say: Callable[[str], None]) -> None:
        self.epochs, self.seed, self.path, self.say = epochs, seed, path, say
        self.rows: list[tuple[float, ...]] = []
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
        return {"rows": list(self.rows)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The epochs before the interruption."""
        self.rows = state_dict["rows"]

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: object) -> None:
        """Record the validation errors of the epoch."""
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        epoch, spent = trainer.current_epoch + 1, time.monotonic() - self.began
        self._seed_order(trainer, epoch)
        energy = metrics.get("val0_epoch/per_atom_energy_mae", np.nan)
        force = metrics.get("val0_epoch/forces_mae", np.nan)
        self.rows.append((epoch, spent, energy, force, metrics.get(MONITOR, np.nan)))
        with self.path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(self.columns)
            table.writerows(self.rows)
        if epoch % max(1, self.epochs // 10) == 0:
            left = spent / len(self.rows) * (self.epochs - epoch)
            self.say(
                f"epoch {epoch}/{self.epochs}  force MAE {1e3 * force:.1f} meV/Å  "
                f"energy MAE {1e3 * energy:.2f} meV/atom  {spent:.0f} s, at most {left:.0f} s left"
            )

    def result(self) -> TrainingResult:
        """Best epoch and its validation errors."""
        row = min(self.rows, key=lambda item: item[4])
        errors = dict(zip(self.columns[2:4], row[2:4], strict=True))
        return TrainingResult(len(self.rows), int(row[0]), errors, self.rows[-1][1])


def warm(settings: config.Potential) -> config.Potential:
    """The settings of a warm start: its epochs and learning rate in place of those of scratch."""
    start = settings.training.warm_start
    if start is None:
        raise InputError("a parent model needs potential.training.warm_start")
    changes = {"epochs": start.epochs, "learning_rate": start.learning_rate}
    return settings.model_copy(update={"training": settings.training.model_copy(update=changes)})


def _forget_other_training(
    scratch: Path, settings: config.Potential, seed: int, parent: Path | None
) -> None:
    """Remove checkpoints in `scratch` that are of other frames, settings or another seed."""
    files = [provenance.file_digest(scratch / f"{name}.extxyz") for name in ("train", "validation")]
    from_parent = [provenance.file_digest(parent)] if parent else []
    identity = provenance.digest([settings.model_dump(mode="json"), seed, *files, *from_parent])
    note = scratch / "identity.txt"
    if not note.exists() or note.read_text() != identity:
        for checkpoint in scratch.glob("*.ckpt"):
            checkpoint.unlink()
        note.write_text(identity)


def _write(path: Path, frames: Sequence[Atoms], stress: bool) -> None:
    """NequIP wants the same keys in every frame of a file: a missing stress becomes NaN here."""
    items = []
    for frame in frames:
        atoms = Atoms(frame.numbers, cell=frame.cell, positions=frame.positions, pbc=True)
        labels: dict[str, Any] = {
            "energy": frame.get_potential_energy(),
            "forces": frame.get_forces(),
        }
        if stress:
            labels["stress"] = stress_of(frame)
        atoms.calc = SinglePointCalculator(atoms, **labels)
        items.append(atoms)
    write(path, items, format="extxyz")


def _data(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    scratch: Path,
    stress: bool,
) -> dict[str, Any]:
    types = sorted({symbol for frame in training for symbol in frame.get_chemical_symbols()})
    for name, frames in (("train", training), ("validation", validation)):
        _write(scratch / f"{name}.extxyz", frames, stress)
    loader = {"_target_": "torch.utils.data.DataLoader", "num_workers": 0}
    return {
        "_target_": "nequip.data.datamodule.ASEDataModule",
        "seed": seed,
        "train_file_path": str(scratch / "train.extxyz"),
        "val_file_path": str(scratch / "validation.extxyz"),
        "transforms": [
            {
                "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
                "model_type_names": types,
            },
            {"_target_": "nequip.data.transforms.NeighborListTransform", "r_max": settings.cutoff},
        ],
        "train_dataloader": {
            **loader,
            "batch_size": settings.training.batch_size,
            "shuffle": True,
        },
        "val_dataloader": {**loader, "batch_size": 8},
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": types,
        },
    }


def _module(
    data: dict[str, Any], settings: config.Potential, stress: bool, n_frames: int
) -> dict[str, Any]:
    options = settings.training
    weights = {"total_energy": options.energy_weight, "forces": options.force_weight}
    kind = "EnergyForceStress" if stress else "EnergyForce"
    loss: dict[str, Any] = {"per_atom_energy": True, "coeffs": weights}
    metrics: dict[str, Any] = {"coeffs": {"per_atom_energy_mae": 1.0, "forces_mae": 1.0}}
    if stress:
        weights["stress"] = options.stress_weight
        loss["ignore_nan"] = {"stress": True}
        metrics["coeffs"]["stress_mae"] = None
        metrics["ignore_nan"] = {"stress": True}
    steps = options.epochs * -(-n_frames // options.batch_size)
    return {
        "_target_": "nequip.train.EMALightningModule",
        "ema_decay": options.ema_decay,
        "loss": {"_target_": f"nequip.train.{kind}Loss", **loss},
        "val_metrics": {"_target_": f"nequip.train.{kind}Metrics", **metrics},
        "optimizer": {"_target_": "torch.optim.Adam", "lr": options.learning_rate},
        "lr_scheduler": {
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.OneCycleLR",
                "max_lr": options.learning_rate,
                "total_steps": steps,
                "pct_start": 0.1,
            },
            "interval": "step",
            "frequency": 1,
        },
    }


def _architecture(data: dict[str, Any], settings: config.Potential, seed: int) -> dict[str, Any]:
    statistics = instantiate(data, _recursive_=False).get_statistics("train")
    types = data["stats_manager"]["type_names"]
    builder, arguments = model.architecture(settings)
    return {
        "_target_": f"{builder.__module__}.{builder.__name__}",
        **arguments(
            settings,
            seed,
            types,
            statistics["num_neighbors_mean"],
            statistics["forces_rms"],
            statistics["per_atom_energy_mean"],
        ),
    }
