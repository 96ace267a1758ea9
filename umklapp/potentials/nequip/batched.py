"""All members of a committee on batches of frames, through the compiled graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from umklapp.potentials import edge_sums
from umklapp.potentials.batches import Batches, atoms_that_fit
from umklapp.potentials.contract import CommitteePrediction, Prediction
from umklapp.potentials.neighbours import Neighbours, Slots
from umklapp.potentials.nequip.engine import Engine
from umklapp.potentials.nequip.inference import NequipPotential


@dataclass(frozen=True)
class Chunk:
    """Some frames on the device: graph as `Engine.graph` gives it, frame_of (N,), sizes of the n
    frames."""

    graph: list[torch.Tensor]
    frame_of: torch.Tensor
    sizes: list[int]

    def part(self, first: int, last: int) -> Chunk:
        """Frames `first` to `last`, without it; copies, since a compiled graph wants its inputs
        aligned."""
        begin, end = sum(self.sizes[:first]), sum(self.sizes[:last])
        vectors, source, *others = (tensor[begin:end].clone() for tensor in self.graph)
        graph = [vectors, source - begin, *others]
        return Chunk(graph, self.frame_of[begin:end] - first, self.sizes[first:last])


class BatchedMembers:
    """K members that share a compiled graph.

    Args:
        engine: with the weights of the members.
        networks: the members; they evaluate what the graph cannot (a frame of a single atom).
    """

    def __init__(self, engine: Engine, networks: Sequence[NequipPotential]) -> None:
        self.engine = engine
        self.networks = list(networks)
        self.batches: Batches | None = None  # known with the first neighbours

    def neighbours(self, frames: Sequence[Atoms], skin: float) -> Neighbours:
        """For frames that will move little between calls; skin: Å, as in `Neighbours`."""
        return Neighbours(self.engine.cutoff, [len(frame) for frame in frames], skin)

    def evaluate(
        self,
        frames: Sequence[Atoms],
        neighbours: Neighbours | None = None,
        members: Sequence[int] | None = None,
        stress: bool = True,
    ) -> CommitteePrediction:
        """All frames by each of the members (default: all).

        Args:
            stress: whether it is wanted; else it is NaN.

        Raises:
            CalculationError: a frame has a species that the models were not trained on.
        """
        numbers = range(len(self.networks)) if members is None else members
        if sum(map(len, frames)) < 2:
            single = [self.networks[member].evaluate(frames) for member in numbers]
            return CommitteePrediction.of_members(single)

        def predict(begin: int, end: int) -> CommitteePrediction:
            near = None if neighbours is None else neighbours.select(range(begin, end))
            part = frames[begin:end]
            volume = np.array([frame.cell.volume for frame in part]) if stress else None
            return self._predict(self._chunk(part, near), numbers, volume)

        parts = self._batches(frames).map(predict, [len(frame) for frame in frames])
        return CommitteePrediction(
            np.concatenate([part.energy for part in parts], axis=1),
            [forces for part in parts for forces in part.forces],
            np.concatenate([part.stress for part in parts], axis=1),
            [spread for part in parts for spread in part.spread],
        )

    def evaluate_each(
        self,
        frames: Sequence[Atoms],
        members: Sequence[int],
        neighbours: Neighbours | None = None,
        stress: bool = True,
    ) -> Prediction:
        """Every frame by the one member whose number is given for it, as `evaluate`."""
        order = sorted(range(len(frames)), key=lambda index: members[index])

        def predict(begin: int, end: int) -> list[np.ndarray]:
            chosen = order[begin:end]
            near = None if neighbours is None else neighbours.select(chosen)
            chunk, first, answers = self._chunk([frames[n] for n in chosen], near), 0, []
            for member, own in groupby(members[n] for n in chosen):
                last = first + len(list(own))
                answers.append(self._sums(chunk.part(first, last), member, stress))
                first = last
            return edge_sums.on_host(*map(torch.cat, zip(*answers, strict=True)))

        parts = self._batches(frames).map(predict, [len(frames[n]) for n in order])
        energy, forces, *virial = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        back = np.argsort(order)
        split = np.split(forces, np.cumsum([len(frames[n]) for n in order])[:-1])
        stresses = np.full((len(frames), 6), np.nan)
        if stress:
            stresses = _stress(virial[0], np.array([frames[n].cell.volume for n in order]))
        return Prediction(energy[back], [split[n] for n in back], stresses[back])

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Last-layer features of every atom by all members, n arrays (n_atoms, K d)."""
        members = range(len(self.networks))

        def describe(begin: int, end: int) -> list[np.ndarray]:
            chunk = self._chunk(frames[begin:end])
            parts = [self.engine.call(chunk.graph, member)[2] for member in members]
            (joined,) = edge_sums.on_host(torch.cat(parts, dim=1))
            return np.split(joined, np.cumsum(chunk.sizes)[:-1])

        parts = self._batches(frames).map(describe, [len(frame) for frame in frames])
        return [features for part in parts for features in part]

    def _predict(
        self, chunk: Chunk, members: Sequence[int], volume: np.ndarray | None
    ) -> CommitteePrediction:
        """What the members say of a chunk; all sums are made before the one copy to the host.

        Args:
            volume: (n,) Å³, where stresses are wanted.
        """
        single = [self._sums(chunk, member, volume is not None) for member in members]
        energies, forces, *virials = map(torch.stack, zip(*single, strict=True))
        energy, force, spread, *virial = edge_sums.on_host(
            energies, forces, edge_sums.spread(forces), *virials
        )
        starts = np.cumsum(chunk.sizes)[:-1]
        return CommitteePrediction(
            energy,
            np.split(force, starts, axis=1),
            np.full((*energy.shape, 6), np.nan) if volume is None else _stress(virial[0], volume),
            np.split(spread, starts),
        )

    def _sums(self, chunk: Chunk, member: int, stress: bool) -> list[torch.Tensor]:
        """Energies (n,) and forces (N, 3) of one member; virials (n, 3, 3) where wanted."""
        vectors, source = chunk.graph[:2]
        count = len(chunk.sizes)
        atomic, gradient, _ = self.engine.call(chunk.graph, member)
        energies = edge_sums.of_frames(atomic[:, 0].double(), chunk.frame_of, count)
        answers = [energies, edge_sums.forces(gradient, source)]
        if stress:
            answers.append(edge_sums.virials(vectors, gradient, chunk.frame_of, count))
        return answers

    def _batches(self, frames: Sequence[Atoms]) -> Batches:
        if self.batches is None:
            slots = self._slots(frames[:1]).source.shape[1] if frames else 1
            numbers = self.engine.numbers_per_edge
            self.batches = Batches(atoms_that_fit(self.engine.device, slots, numbers))
        return self.batches

    def _slots(self, frames: Sequence[Atoms], near: Neighbours | None = None) -> Slots:
        kept = near or self.neighbours(frames, 0.0)
        return kept.of(frames, self.engine.device)

    def _chunk(self, frames: Sequence[Atoms], near: Neighbours | None = None) -> Chunk:
        types = self.engine.types_of(np.concatenate([frame.numbers for frame in frames]))
        slots = self._slots(frames, near)
        return Chunk(
            self.engine.graph(slots, types),
            slots.frame_of,
            [len(frame) for frame in frames],
        )


def _stress(virial: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """Stresses (…, n, 6) eV/Å³ of virials (…, n, 3, 3) eV; volume (n,) Å³."""
    tensor = (virial + virial.swapaxes(-1, -2)) / (2 * volume[:, None, None])
    voigt = full_3x3_to_voigt_6_stress(tensor.reshape(-1, 3, 3))
    return np.asarray(voigt).reshape(*virial.shape[:-2], 6)
