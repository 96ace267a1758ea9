"""Stages of a training: their full settings, and what must hold of the frames.

Staged transfer after Jung, APL Mach. Learn. 2, 046102 (2024), but with frames that no stage trains
on: docs/training.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from umklapp import config
from umklapp.crystals.frames import frame_id, has_stress
from umklapp.errors import InputError


def check_apart(training: Sequence[Atoms], validation: Sequence[Atoms]) -> None:
    """Validation frames are held out of every stage.

    Raises:
        InputError: some frame is in both.
    """
    both = {frame_id(frame) for frame in training} & {frame_id(frame) for frame in validation}
    if both:
        raise InputError(
            f"{len(both)} frames train and validate at once ({', '.join(sorted(both)[:3])}): take "
            "them out of one of the two"
        )


def warm(settings: config.Potential) -> config.Potential:
    """The settings of a warm start: its epochs and learning rate in place of those of scratch.

    Raises:
        InputError: `training.warm_start` is not set.
    """
    start = settings.training.warm_start
    if start is None:
        raise InputError("a warm start needs potential.training.warm_start")
    changes = {"epochs": start.epochs, "learning_rate": start.learning_rate}
    return settings.model_copy(update={"training": settings.training.model_copy(update=changes)})


def as_start(settings: config.Potential) -> config.Potential:
    """Settings with which `train` takes its parent for a start, not for a warm start."""
    training = settings.training.model_copy(update={"warm_start": None})
    return settings.model_copy(update={"training": training})


def stages(
    settings: config.Potential, is_warm: bool
) -> list[tuple[config.Stage, config.Potential]] | None:
    """Every stage with its full settings; None where there is no schedule.

    A warm start goes on where the schedule ended: it has the last stage alone, with the epochs and
    the learning rate of `training.warm_start`.
    """
    options = settings.training
    if options.schedule is None:
        return None
    schedule = []
    for stage in options.schedule[-1:] if is_warm else options.schedule:
        changes = stage.model_dump(exclude={"name", "freeze"}, exclude_none=True)
        alone = {**changes, "schedule": None}
        own = settings.model_copy(update={"training": options.model_copy(update=alone)})
        schedule.append((stage, warm(own) if is_warm else own))
    return schedule


def with_stress(frames: Sequence[Atoms]) -> int:
    """Number of frames that have a stress."""
    return sum(has_stress(frame) for frame in frames)


def check_stage(stage: config.Stage, training: Sequence[Atoms]) -> None:
    """A stage that asks for stress needs some.

    Raises:
        InputError: no training frame has a stress.
    """
    if stage.stress_weight and not with_stress(training):
        raise InputError(
            f"potential.training.schedule: stage {stage.name!r} has stress_weight "
            f"{stage.stress_weight:g}, but none of {len(training)} training frames has a stress: "
            "set it to 0, or label with an engine that gives stress"
        )
