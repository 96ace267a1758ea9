"""A committee of K potentials: one call evaluates all members on a batch of frames.

Members of one NequIP architecture run on the compiled graph where there is one; any other members
one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from umklapp import config, provenance
from umklapp.errors import InputError
from umklapp.potentials import loading
from umklapp.potentials.contract import CommitteePrediction, Potential, Prediction
from umklapp.potentials.training_residuals import group_of

if TYPE_CHECKING:
    from umklapp.potentials.neighbours import Neighbours


class Committee:
    """K members; as a potential it is their mean.

    Args:
        members: potentials.
        engine: folder of a compiled graph for them (`nequip.engine.prepare`).

    Raises:
        InputError: no member.
    """

    def __init__(self, members: Sequence[Potential], engine: Path | None = None) -> None:
        if not members:
            raise InputError("a committee needs at least one member")
        self.members = list(members)
        self.batched = loading.batched(self.members, engine) if engine is not None else None

    @classmethod
    def load(cls, paths: Sequence[Path], engine: Path | None = None) -> Committee:
        """Committee of trained models (`loading.load`), in the order of the paths.

        They run on the device that the compiled graph is for.
        """
        device = loading.device_of(engine) if engine is not None else None
        return cls([loading.load(Path(path), device) for path in paths], engine)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def cutoff(self) -> float:
        """Largest distance (Å) of direct neighbours; 0 where the members do not say."""
        return max(float(getattr(member, "cutoff", 0.0)) for member in self.members)

    def neighbours(self, frames: Sequence[Atoms], skin: float) -> Neighbours | None:
        """For frames that will move little between calls; None where members find their own.

        Args:
            skin: Å, as in `Neighbours`.
        """
        return None if self.batched is None else self.batched.neighbours(frames, skin)

    def evaluate_members(
        self,
        frames: Sequence[Atoms],
        neighbours: Neighbours | None = None,
        stress: bool = True,
    ) -> CommitteePrediction:
        """Predictions of every member for every frame.

        Args:
            neighbours: of the frames, kept by a caller whose frames move little between calls.
            stress: whether it is wanted; else it may be NaN.
        """
        if self.batched is not None:
            return self.batched.evaluate(frames, neighbours, stress=stress)
        return CommitteePrediction.of_members([member.evaluate(frames) for member in self.members])

    def evaluate_each(
        self,
        frames: Sequence[Atoms],
        members: Sequence[int],
        neighbours: Neighbours | None = None,
        stress: bool = True,
    ) -> Prediction:
        """Every frame by the one member whose number is given for it.

        Args:
            neighbours, stress: as for `evaluate_members`.
        """
        together = getattr(self.batched, "evaluate_each", None)
        if together is not None and sum(map(len, frames)) > 1:
            prediction: Prediction = together(frames, members, neighbours, stress)
            return prediction
        energy = np.empty(len(frames))
        stresses = np.empty((len(frames), 6))
        forces: list[np.ndarray] = [np.empty(0)] * len(frames)
        for member in sorted(set(members)):
            own_frames = [n for n, chosen in enumerate(members) if chosen == member]
            own = self.members[member].evaluate([frames[n] for n in own_frames])
            energy[own_frames], stresses[own_frames] = own.energy, own.stress
            for frame_index, force in zip(own_frames, own.forces, strict=True):
                forces[frame_index] = force
        return Prediction(energy, forces, stresses)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """The committee mean for every frame."""
        return self.evaluate_members(frames).mean

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray] | None:
        """Invariant features of every atom by all members, n arrays (n_atoms, d).

        None where a member has none (it is no network).
        """
        if self.batched is not None:
            return self.batched.features(frames)
        if not all(hasattr(member, "features") for member in self.members):
            return None
        single = [member.features(frames) for member in self.members]  # type: ignore[attr-defined]
        return [np.concatenate(parts, axis=1) for parts in zip(*single, strict=True)]


def stream_of(root: int, material: str) -> int:
    """Seed of everything that is drawn for the committees of one material, in all rounds."""
    return provenance.seed_for(root, material)


def member_frames(
    labels: Sequence[Atoms], settings: config.Committee, root: int, material: str, member: int
) -> tuple[list[Atoms], list[Atoms]]:
    """What a member trains on and what validates it, the same in every stage that trains it.

    Validation frames are drawn in blocks of every kind and cell (`training_residuals.group_of`), so
    that no kind is validated, or left out of the training, by chance alone.

    Training, and fine-tuning after it, must draw the same parts: else a member would be validated
    on frames that it has learned.

    Args:
        labels: the data set of a round, in its order.
        root: seed of the campaign. member: number k of the member.

    Raises:
        InputError: fewer than two frames.
    """
    stream = stream_of(root, material)
    groups = [group_of(label) for label in labels]
    parts = subsample_groups(groups, settings.fraction, stream, member, settings.seeds)
    learned, held_back = ([labels[index] for index in part] for part in parts)
    return learned, held_back


def subsample_groups(
    groups: Sequence[tuple[str, int]], fraction: float, seed: int, member: int, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `subsample`, with blocks of consecutive frames of one group.

    A group that is smaller than a block gives a frame of the smaller part with the share that it
    has of the block. Where no group gives one, all frames are one group.

    Args:
        groups: of every frame, in the order of the data set.
    """
    block = _block(fraction)
    chosen: list[int] = []
    for group in dict.fromkeys(groups):
        own = [index for index, label_group in enumerate(groups) if label_group == group]
        stream = provenance.seed_for(seed, *group)
        for block_index, first in enumerate(range(0, len(own), block)):
            generator = provenance.generator(stream, "subsample", member // seeds, block_index)
            place = first + int(generator.integers(block))
            chosen += own[place : place + 1]
    if not chosen or len(chosen) == len(groups):
        return subsample(len(groups), fraction, seed, member, seeds)
    smaller = np.array(sorted(chosen))
    larger = np.setdiff1d(np.arange(len(groups)), smaller)
    return (larger, smaller) if fraction >= 0.5 else (smaller, larger)


def _block(fraction: float) -> int:
    """Frames of which one is drawn for the smaller part."""
    return max(2, round(1 / min(fraction, 1 - fraction)))


def subsample(
    n_frames: int, fraction: float, seed: int, member: int, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation frames of one member.

    Members share a subsample in groups of `seeds`: member k has subsample k // seeds. Of every
    block of consecutive frames one frame is drawn for the smaller part, so a data set that grows
    at its end never moves a frame from one part to the other: what has validated a member has
    never trained it, in any round (but for data sets smaller than one block).

    Args:
        n_frames: frames in the training set.
        fraction: share of frames that a subset trains on; the rest is its validation set.
        seed: root seed of the material.
        member: number k of the member.
        seeds: initialisations per subsample.

    Returns:
        Sorted indices to train on and to validate on (at least one each).

    Raises:
        InputError: fewer than two frames.
    """
    if n_frames < 2:
        raise InputError(f"{n_frames} training frames: at least 2 are needed")
    block = _block(fraction)
    chosen = []
    for block_index, first in enumerate(range(0, n_frames, block)):
        generator = provenance.generator(seed, "subsample", member // seeds, block_index)
        place = first + int(generator.integers(block))
        if first == 0:
            place %= min(block, n_frames)  # the smaller part is never empty
        if place < n_frames:
            chosen.append(place)
    smaller = np.array(chosen)
    larger = np.setdiff1d(np.arange(n_frames), smaller)
    return (larger, smaller) if fraction >= 0.5 else (smaller, larger)
