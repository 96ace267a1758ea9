"""One model of many materials, to start others from: knowledge across materials.

It is pretrained on the labels of a whole campaign; a later campaign names its members under
`potential.start` (docs/training.md).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError
from umklapp.potentials.committee import subsample
from umklapp.potentials.nequip import training
from umklapp.potentials.training_records import SharedMaterial, TrainingResult

log = logging.getLogger(__name__)


def gather(paths: Sequence[Path], leave_out: Sequence[str] = ()) -> list[Atoms]:
    """Labels of many files, each frame once, without those of some materials.

    Args:
        paths: labelled files whose frames have a `FrameInfo.material`.
        leave_out: materials.

    Raises:
        InputError: nothing is left, or a frame does not say of which material it is.
    """
    labels = []
    for path in paths:
        for frame_index, frame in enumerate(frames.read_labels(path)):
            material = FrameInfo.of(frame).material
            if material is None:
                raise InputError(f"{path} frame {frame_index}: info has no material")
            if material not in leave_out:
                labels.append(frame)
    if not labels:
        raise InputError(f"{len(paths)} files hold no labels besides those of {list(leave_out)}")
    return frames.unique(labels)


def content(labels: Sequence[Atoms]) -> dict[str, SharedMaterial]:
    """What went in: frames, engines' settings, and a hash of the frames, by material."""
    by_material: dict[str, SharedMaterial] = {}
    infos = [FrameInfo.of(frame) for frame in labels]
    for name in sorted({str(info.material) for info in infos}):
        own = [info for info in infos if info.material == name]
        by_material[name] = SharedMaterial(
            frames=len(own),
            settings=sorted({info.settings_hash or "unknown" for info in own}),
            hash=provenance.digest(sorted(str(info.frame_id) for info in own)),
        )
    return by_material


def one_reference(labels: Sequence[Atoms]) -> None:
    """Labels of different settings are not on one energy surface.

    Raises:
        InputError: naming the settings' hashes and their materials.
    """
    by_hash: dict[str, set[str]] = {}
    for info in map(FrameInfo.of, labels):
        by_hash.setdefault(info.settings_hash or "unknown", set()).add(str(info.material))
    if len(by_hash) > 1:
        listed = "; ".join(f"{key}: {', '.join(sorted(names))}" for key, names in by_hash.items())
        raise InputError(
            f"the labels are of {len(by_hash)} settings of the reference engine ({listed}): one "
            "model cannot learn them all; leave materials out with shared.leave_out"
        )


def settings_of(potential: config.Potential, shared: config.Shared) -> config.Potential:
    """The potential's settings with the training of the shared model, from random weights."""
    chosen = shared.training or potential.training
    training_ = chosen.model_copy(update={"warm_start": None})
    return potential.model_copy(update={"training": training_, "start": None})


def pretrain(
    labels: Sequence[Atoms],
    settings: config.Potential,
    committee: config.Committee,
    root: int,
    member: int,
    out: Path,
    scratch: Path,
) -> tuple[TrainingResult, dict[str, Any]]:
    """Train member `member` of the shared model on its own subsample of all labels.

    Returns:
        The result, and seed and counts for the record.
    """
    stream = provenance.seed_for(root, "shared")
    seed = provenance.seed_for(stream, "member", member) % 2**31
    chosen, held = subsample(len(labels), committee.fraction, stream, member, committee.seeds)
    learned, validated = ([labels[i] for i in indices] for indices in (chosen, held))
    result = training.train(learned, validated, settings, seed, out, scratch)
    counts = {"train": len(chosen), "validation": len(held), "all": len(labels)}
    return result, {"member": member, "seed": seed, "frames": counts}
