"""Training until little is left of the labels that are learned, of every kind and in every cell.

A number of epochs that is enough for hot cubes of 8 atoms is not enough for quiet cells of 64,
which make κ. What is left says so, and the training goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from umklapp import config, provenance
from umklapp.files import copy
from umklapp.potentials.loading import load
from umklapp.potentials.training import trainer
from umklapp.potentials.training_records import TrainingResult
from umklapp.potentials.training_residuals import Left, left_on

log = logging.getLogger(__name__)

SMALL = 0.005
"""eV/Å; labels of which no more is left have been learned, however quiet they are."""


def train(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    parent: Path | None = None,
) -> tuple[TrainingResult, list[Left]]:
    """Train as `training.trainer` does, then again from the best weights while too much is left.

    A repeat is a warm start: `training.warm_start`, or, without one, the epochs of the training and
    half its learning rate. It ends where no kind and cell of the training labels keeps more than
    `training.left` of its force, after `training.repeats`, or with the weights of before where a
    repeat has not lowered the largest share.

    Args and raises:
        as `nequip.training.train`.

    Returns:
        The result, with the epochs and seconds of all repeats and how many there were, and what is
        left.
    """
    options = settings.training
    result = trainer(settings)(training, validation, settings, seed, out, scratch, parent=parent)
    left = left_on(load(out), training)
    again = _repeated(settings)
    for repeat in range(1, options.repeats + 1):
        group = worst(left)
        if group is None or share(group) <= options.left:
            break
        log.info(f"{share(group):.0%} of the forces of {group.name} is left: training goes on")
        folder, best = scratch / f"again_{repeat}", scratch / f"before_{repeat}.ckpt"
        copy(out, best)
        other_seed = provenance.seed_for(seed, "again", repeat) % 2**31
        more = trainer(again)(training, validation, again, other_seed, out, folder, parent=best)
        after = left_on(load(out), training)
        if _largest(after) >= share(group):
            log.info("the repeat has not lowered the errors: the earlier weights are kept")
            copy(best, out)
            break
        left = after
        result = more.model_copy(
            update={
                "epochs": result.epochs + more.epochs,
                "seconds": result.seconds + more.seconds,
                "stages": result.stages + more.stages,
                "repeats": repeat,
            }
        )
    return result, left


def worst(left: Sequence[Left]) -> Left | None:
    """The labels of which the largest share is left; None where of none more than `SMALL` is."""
    large = [group for group in left if group.force_rmse_eV_per_A > SMALL]
    return max(large, key=share, default=None)


def share(group: Left) -> float:
    """What is left over the force of the labels, rms over rms; infinite where they have none."""
    force = group.force_rms_eV_per_A
    return group.force_rmse_eV_per_A / force if force else float("inf")


def _largest(left: Sequence[Left]) -> float:
    group = worst(left)
    return 0.0 if group is None else share(group)


def _repeated(settings: config.Potential) -> config.Potential:
    options = settings.training
    warm = options.warm_start or config.WarmStart(
        epochs=options.epochs, learning_rate=options.learning_rate / 2
    )
    training = options.model_copy(update={"warm_start": warm})
    return settings.model_copy(update={"training": training})
