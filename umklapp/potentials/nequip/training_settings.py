"""A training in the words of NequIP: data, loss, optimiser, learning rates and architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from hydra.utils import instantiate

from umklapp import config
from umklapp.crystals.frames import stress_of
from umklapp.crystals.materials import composition
from umklapp.potentials import architectures
from umklapp.potentials.nequip import parents
from umklapp.potentials.nequip.progress import MONITOR
from umklapp.potentials.nequip.scaled_forces import metric
from umklapp.potentials.quiet_frames import typical_force


@dataclass(frozen=True)
class Start:
    """A checkpoint to start from; `keeps_zero`: its energies need no other zero."""

    path: Path
    keeps_zero: bool


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


def data_options(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    scratch: Path,
    stress: bool,
) -> dict[str, Any]:
    """Options of NequIP's data module; the frames are written to `scratch`.

    Args:
        seed: of the order of the frames. stress: whether labels of stress take part.
    """
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


def module_options(
    data: dict[str, Any],
    settings: config.Potential,
    stress: bool,
    training: Sequence[Atoms],
    frozen: Sequence[str],
) -> dict[str, Any]:
    """Options of NequIP's training module without its model.

    Args:
        data: of `data_options`. training: labelled frames. frozen: parts whose weights stay.
    """
    options = settings.training
    energy, force, virial = loss_weights(options, stress)
    weights = {"total_energy": energy, "forces": None}
    shown = {"per_atom_energy_mae": 1.0, "forces_mae": None}  # unscaled, in eV/Å, for the record
    scale = options.quiet_frames, typical_force([frame.get_forces() for frame in training])
    squares = metric("scaled_forces_mse", "MeanSquaredError", *scale, force)
    absolute = metric("scaled_forces_mae", "MeanAbsoluteError", *scale, 1.0)
    loss: dict[str, Any] = {"per_atom_energy": True, "coeffs": weights, "extra_metrics": [squares]}
    metrics: dict[str, Any] = {"coeffs": shown, "extra_metrics": [absolute]}
    target, kind = "nequip.train.EnergyForceLoss", "EnergyForce"
    if stress:
        target, kind = "nequip.train.EnergyForceStressLoss", "EnergyForceStress"
        weights["stress"] = virial
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
        "lr_scheduler": _learning_rates(options, -(-len(training) // options.batch_size)),
    }


def loss_weights(options: config.Training, stress: bool) -> tuple[float, float, float]:
    """Weights of energy, forces and stress, whose sum is exactly 1 in whatever order.

    NequIP divides the weights by their sum whenever it reads them from a checkpoint: a training
    that goes on after an interruption would differ in the last bit.
    """
    given = options.energy_weight, options.force_weight, options.stress_weight * stress
    energy, virial = (round(one / sum(given) * 2**50) / 2**50 for one in (given[0], given[2]))
    return energy, 1 - energy - virial, virial


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


def architecture_options(
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
