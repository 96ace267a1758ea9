"""Training of one committee member through NequIP's Python interface.

Deterministic on one thread; resumable: the last epoch's checkpoint lies in the scratch folder.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from ase import Atoms
from hydra.utils import instantiate
from lightning.pytorch.callbacks import EarlyStopping
from nequip.utils import get_current_code_versions
from nequip.utils.global_state import get_latest_global_state, set_global_state

from umklapp import config, provenance
from umklapp.errors import CalculationError
from umklapp.files import copy, storing, write_json, write_text
from umklapp.logs import without_warnings
from umklapp.potentials import architectures
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip import parents, schedule, training_graph, training_settings
from umklapp.potentials.nequip.movable import MovableCheckpoint
from umklapp.potentials.nequip.progress import MONITOR, Progress
from umklapp.potentials.nequip.training_settings import Start
from umklapp.potentials.training_records import StageResult, TrainingResult

log = logging.getLogger(__name__)

__all__ = ["MONITOR", "Progress", "StageResult", "TrainingResult", "train"]

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
        parent: checkpoint to continue from. Where `training.warm_start` is set this is a warm
            start: its epochs and its learning rate, of a schedule only the last stage, and the
            parent's energies as they are. Where it is not, the parent is a start: everything is
            done as from scratch, and the zero of energy of every species is set by the labels.

    Raises:
        CalculationError: the loss became NaN.
        InputError: frames that train and validate at once; a parent that does not fit; a stage
            that asks for stress where no frame has one.
        StorageError: the disk of `scratch` is full.
    """
    schedule.check_apart(training, validation)
    is_warm = parent is not None and settings.training.warm_start is not None
    stages = schedule.stages(settings, is_warm)
    given = None if parent is None else Start(parent, keeps_zero=is_warm)
    if stages is None:
        alone = schedule.warm(settings) if is_warm else settings
        with storing(scratch / "last.ckpt"):
            return _fit((training, validation), alone, seed, out, scratch, given)
    results: list[StageResult] = []
    for stage_index, (stage, own) in enumerate(stages):
        folder = scratch / f"{stage_index}_{stage.name}"
        best = folder / "stage.ckpt"
        stage_seed = (
            seed if stage_index == 0 else provenance.seed_for(seed, "stage", stage_index) % 2**31
        )
        log.info(f"stage {stage_index + 1} of {len(stages)}, {stage.name}")
        schedule.check_stage(stage, training)
        result = _stage((training, validation), (stage, own), stage_seed, best, folder, given)
        results.append(result)
        given = Start(best, keeps_zero=True)
    copy(best, out)
    return TrainingResult(
        epochs=sum(result.epochs for result in results),
        best_epoch=results[-1].best_epoch,
        validation=results[-1].validation,
        seconds=sum(result.seconds for result in results),
        stages=tuple(results),
        compiled=any(result.compiled for result in results),
    )


def _stage(
    parts: Parts,
    stage: tuple[config.Stage, config.Potential],
    seed: int,
    out: Path,
    scratch: Path,
    start: Start | None,
) -> StageResult:
    described, own = stage
    note = scratch / "finished.json"
    with storing(scratch / "last.ckpt"):
        result = _fit(parts, own, seed, out, scratch, start, described.freeze, note)
    write_json(note, result.model_dump(mode="json"))
    return StageResult(
        name=described.name,
        epochs=result.epochs,
        best_epoch=result.best_epoch,
        validation=result.validation,
        seconds=result.seconds,
        frozen=list(described.freeze),
        with_stress=schedule.with_stress(parts[0]) if own.training.stress_weight > 0 else 0,
        compiled=result.compiled,
    )


@without_warnings()
def _fit(
    parts: Parts,
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    start: Start | None,
    frozen: Sequence[str] = (),
    finished: Path | None = None,
    eager: bool = False,
) -> TrainingResult:
    """One training; where `finished` belongs to the checkpoint at `out`, the result it recorded.

    With `eager` nothing is compiled; a graph that cannot be compiled leads there, with a warning.
    """
    training, validation = parts
    compiled = not eager and training_graph.asked(training, settings)
    one_thread()
    scratch.mkdir(parents=True, exist_ok=True)
    parent = None if start is None else parents.read(start.path)
    set_global_state()  # also seeds and sets float64 as default: first, then our own seed
    lightning.seed_everything(seed, workers=True, verbose=False)
    with_stress = schedule.with_stress(training)
    stress = settings.training.stress_weight > 0 and with_stress > 0
    data = training_settings.data_options(training, validation, settings, seed, scratch, stress)
    _forget_other_training(scratch, settings, seed, start, frozen)
    if finished is not None and finished.exists() and out.exists():
        log.info(f"finished already: {out}")
        return TrainingResult.model_validate_json(finished.read_text())
    if settings.training.stress_weight > 0 and with_stress < len(training):
        log.info(
            f"{len(training) - with_stress} of {len(training)} training frames have no stress: "
            "they are left out of its loss"
        )
    module_config = training_settings.module_options(data, settings, stress, training, frozen)
    builder, _ = architectures.architecture(settings)
    module_config["model"] = {
        "_target_": f"{builder.__module__}.{builder.__name__}",
        **training_settings.architecture_options(data, settings, seed, training, start, parent),
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
    with training_graph.graphs(compiled):
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
    progress = Progress(settings.training.epochs, seed, scratch / "progress.csv")
    best = MovableCheckpoint(
        dirpath=scratch, filename="best", monitor=MONITOR, enable_version_counter=False
    )
    last = MovableCheckpoint(dirpath=scratch, filename="last", enable_version_counter=False)
    trainer = lightning.Trainer(
        accelerator=chosen(),
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
        log.info(f"continuing from {resume}")
    try:
        trainer.fit(
            module,
            datamodule=datamodule,
            ckpt_path=resume if resume.exists() else None,
            weights_only=False,
        )
    except training_graph.ERRORS as error:
        if not compiled:
            raise
        log.warning(f"the training graph cannot be compiled, training goes on without: {error}")
        return _fit(parts, settings, seed, out, scratch, start, frozen, finished, eager=True)
    if not best.best_model_path or not np.isfinite(float(best.best_model_score)):
        raise CalculationError(f"training in {scratch} gave no finite loss; lower learning_rate")
    copy(Path(best.best_model_path), out)
    return progress.result().model_copy(update={"compiled": compiled})


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
        write_text(note, identity)
