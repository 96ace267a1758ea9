"""Training of one committee member through NequIP's Python interface.

Deterministic on one thread; resumable: the last epoch's checkpoint lies in the scratch folder.
"""

from __future__ import annotations

import logging
import shutil
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
from umklapp.crystals.frames import stress_of
from umklapp.crystals.materials import composition
from umklapp.errors import CalculationError
from umklapp.potentials import architectures
from umklapp.potentials.nequip import parents, schedule
from umklapp.potentials.nequip.progress import MONITOR, Progress
from umklapp.potentials.training_records import StageResult, TrainingResult

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


Parts = tuple[Sequence[Atoms], Sequence[Atoms]]
"""Frames that train, and frames that only validate."""


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

    With `training.schedule` stage after stage, each from the best checkpoint of the one before with
    an optimiser of its own; a stage that is finished is not repeated after an interruption.

    Args:
        training: labelled frames; stress is used when its weight is positive and some frame has it.
        validation: labelled frames for early stopping; no stage trains on them.
        settings: architecture and training settings.
        seed: of the initial weights and of the order of the frames.
        out: path of the checkpoint.
        scratch: folder whose `last.ckpt`, if it is of this very training, is continued.
        say: progress lines with epochs, errors and the time left.
        parent: checkpoint to continue from. Where `training.warm_start` is set this is a warm
            start: its epochs and its learning rate, of a schedule only the last stage, and the
            parent's energies as they are. Where it is not, the parent is a start: everything is
            done as from scratch, and the zero of energy of every species is set by the labels.

    Raises:
        CalculationError: the loss became NaN.
        InputError: frames that train and validate at once; a parent that does not fit; a stage
            that asks for stress where no frame has one.
    """
    schedule.check_apart(training, validation)
    is_warm = parent is not None and settings.training.warm_start is not None
    stages = schedule.stages(settings, is_warm)
    given = None if parent is None else Start(parent, keeps_zero=is_warm)
    if stages is None:
        alone = schedule.warm(settings) if is_warm else settings
        return _fit((training, validation), alone, seed, out, scratch, say, given)
    results: list[StageResult] = []
    for number, (stage, own) in enumerate(stages):
        folder = scratch / f"{number}_{stage.name}"
        best = folder / "stage.ckpt"
        stage_seed = seed if number == 0 else provenance.seed_for(seed, "stage", number) % 2**31
        say(f"stage {number + 1} of {len(stages)}, {stage.name}")
        schedule.check_stage(stage, training)
        result = _stage((training, validation), (stage, own), stage_seed, best, folder, say, given)
        results.append(result)
        given = Start(best, keeps_zero=True)
    _copy(best, out)
    return TrainingResult(
        epochs=sum(result.epochs for result in results),
        best_epoch=results[-1].best_epoch,
        validation=results[-1].validation,
        seconds=sum(result.seconds for result in results),
        stages=tuple(results),
    )


@dataclass(frozen=True)
class Start:
    """A checkpoint to start from; `keeps_zero`: its energies need no other zero."""

    path: Path
    keeps_zero: bool


def _stage(
    parts: Parts,
    stage: tuple[config.Stage, config.Potential],
    seed: int,
    out: Path,
    scratch: Path,
    say: Callable[[str], None],
    start: Start | None,
) -> StageResult:
    described, own = stage
    note = scratch / "finished.json"
    result = _fit(parts, own, seed, out, scratch, say, start, described.freeze, note)
    provenance.write_json(note, result.model_dump(mode="json"))
    return StageResult(
        name=described.name,
        epochs=result.epochs,
        best_epoch=result.best_epoch,
        validation=result.validation,
        seconds=result.seconds,
        frozen=list(described.freeze),
        with_stress=schedule.with_stress(parts[0]) if own.training.stress_weight > 0 else 0,
    )


def _copy(source: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    shutil.copyfile(source, part)
    part.replace(out)


def _fit(
    parts: Parts,
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    say: Callable[[str], None],
    start: Start | None,
    frozen: Sequence[str] = (),
    finished: Path | None = None,
) -> TrainingResult:
    """One training. Where it is `finished` with its checkpoint at `out`, its result of then."""
    training, validation = parts
    one_thread()
    warnings.filterwarnings("ignore")
    scratch.mkdir(parents=True, exist_ok=True)
    parent = None if start is None else parents.read(start.path)
    set_global_state()  # also seeds and sets float64 as default: first, then our own seed
    lightning.seed_everything(seed, workers=True, verbose=False)
    with_stress = schedule.with_stress(training)
    stress = settings.training.stress_weight > 0 and with_stress > 0
    data = _data(training, validation, settings, seed, scratch, stress)
    _forget_other_training(scratch, settings, seed, start, frozen)
    if finished is not None and finished.exists() and out.exists():
        say(f"finished already: {out}")
        return TrainingResult.model_validate_json(finished.read_text())
    if settings.training.stress_weight > 0 and with_stress < len(training):
        say(
            f"{len(training) - with_stress} of {len(training)} training frames have no stress: "
            "they are left out of its loss"
        )
    module_config = _module(data, settings, stress, len(training), frozen)
    builder, _ = architectures.architecture(settings)
    module_config["model"] = {
        "_target_": f"{builder.__module__}.{builder.__name__}",
        **_architecture(data, settings, seed, training, start, parent),
    }
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
    if parent is not None:
        parents.take_over(parent, module.model["sole_model"], training[0])
        module.ema.num_updates = 0  # its average begins at these weights
        module.ema.update_parameters(module.model)
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
    _copy(Path(best.best_model_path), out)
    return progress.result()


def _forget_other_training(
    scratch: Path,
    settings: config.Potential,
    seed: int,
    start: Start | None,
    frozen: Sequence[str],
) -> None:
    """Remove checkpoints in `scratch` that are of other frames, settings or another seed."""
    files = [provenance.file_digest(scratch / f"{name}.extxyz") for name in ("train", "validation")]
    from_parent = [provenance.file_digest(start.path), start.keeps_zero] if start else []
    described = settings.model_dump(mode="json", exclude={"start"})
    identity = provenance.digest([described, seed, *files, *from_parent, *frozen])
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
    data: dict[str, Any],
    settings: config.Potential,
    stress: bool,
    n_frames: int,
    frozen: Sequence[str],
) -> dict[str, Any]:
    options = settings.training
    weights = {"total_energy": options.energy_weight, "forces": options.force_weight}
    loss: dict[str, Any] = {"per_atom_energy": True, "coeffs": weights}
    metrics: dict[str, Any] = {"coeffs": {"per_atom_energy_mae": 1.0, "forces_mae": 1.0}}
    target, kind = "nequip.train.EnergyForceLoss", "EnergyForce"
    if stress:
        target, kind = "nequip.train.EnergyForceStressLoss", "EnergyForceStress"
        weights["stress"] = options.stress_weight
        loss["ignore_nan"] = {"stress": True}
        metrics["coeffs"]["stress_mae"] = None
        metrics["ignore_nan"] = {"stress": True}
    optimizer: dict[str, Any] = {"_target_": "torch.optim.Adam", "lr": options.learning_rate}
    if options.weight_decay > 0:
        optimizer["_target_"] = "torch.optim.AdamW"
        optimizer["weight_decay"] = options.weight_decay
    if frozen:
        groups = {"_target_": "umklapp.potentials.nequip.parts.trainable", "frozen": list(frozen)}
        optimizer["param_groups"] = groups
    return {
        "_target_": "nequip.train.EMALightningModule",
        "ema_decay": options.ema_decay,
        "loss": {"_target_": target, **loss},
        "val_metrics": {"_target_": f"nequip.train.{kind}Metrics", **metrics},
        "optimizer": optimizer,
        "lr_scheduler": _learning_rates(options, -(-n_frames // options.batch_size)),
    }


def _learning_rates(options: config.Training, steps: int) -> dict[str, Any]:
    """Of a training with so many steps in an epoch."""
    if options.lr_schedule == "plateau":
        scheduler = {
            "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "factor": options.plateau_factor,
            "patience": options.plateau_patience,
        }
        return {"scheduler": scheduler, "monitor": MONITOR, "interval": "epoch", "frequency": 1}
    total = options.epochs * steps
    scheduler = {
        "_target_": "torch.optim.lr_scheduler.OneCycleLR",
        "max_lr": options.learning_rate,
        "total_steps": total,
        "pct_start": 0.2 if total == 10 else 0.1,  # a warm-up of one step is divided by zero
    }
    return {"scheduler": scheduler, "interval": "step", "frequency": 1}


def _architecture(
    data: dict[str, Any],
    settings: config.Potential,
    seed: int,
    training: Sequence[Atoms],
    start: Start | None,
    parent: parents.Parent | None,
) -> dict[str, Any]:
    """Arguments of the builder: from statistics of the labels, or from the parent."""
    types = data["stats_manager"]["type_names"]
    if start is not None and parent is not None:
        parents.check(parent, settings, types)
        zero = None if start.keeps_zero else parents.other_zero(parent, training)
        return parents.arguments(parent, settings, seed, types, zero)
    statistics = instantiate(data, _recursive_=False).get_statistics("train")
    shifts: float | dict[str, float] = statistics["per_atom_energy_mean"]
    if len({composition(frame) for frame in training}) > 1:  # one number would not do
        labels = np.array([frame.get_potential_energy() for frame in training])
        shifts = parents.species_shifts(types, training, labels)
    return architectures.architecture(settings)[1](
        settings,
        seed,
        types,
        statistics["num_neighbors_mean"],
        statistics["forces_rms"],
        shifts,
    )
