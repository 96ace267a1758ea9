"""All members of a committee on batches of frames, through the compiled graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from umklapp.potentials import edge_sums
from umklapp.potentials.batches import Batches, atoms_that_fit
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.neighbours import Neighbourhood, join
from umklapp.potentials.nequip.engine import Engine
from umklapp.potentials.nequip.inference import NequipPotential


@dataclass(frozen=True)
class Chunk:
    """Some frames on the device: graph as `Engine.graph` gives it, frame_of (N,), sizes of the n
    frames, volume (n,) Å³."""

    graph: list[torch.Tensor]
    frame_of: torch.Tensor
    sizes: tuple[int, ...]
    volume: np.ndarray


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

    def evaluate(
        self,
        frames: Sequence[Atoms],
        neighbours: Sequence[Neighbourhood] | None = None,
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
        near = neighbours or [Neighbourhood(self.engine.cutoff) for _ in frames]

        def predict(begin: int, end: int) -> CommitteePrediction:
            return self._predict(self._chunk(frames[begin:end], near[begin:end]), numbers, stress)

        parts = self._batches(frames, near).map(predict, [len(frame) for frame in frames])
        return CommitteePrediction(
            np.concatenate([part.energy for part in parts], axis=1),
            [forces for part in parts for forces in part.forces],
            np.concatenate([part.stress for part in parts], axis=1),
            [spread for part in parts for spread in part.spread],
        )

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Last-layer features of every atom by all members, n arrays (n_atoms, K d)."""
        near = [Neighbourhood(self.engine.cutoff) for _ in frames]
        members = range(len(self.networks))

        def describe(begin: int, end: int) -> list[np.ndarray]:
            chunk = self._chunk(frames[begin:end], near[begin:end])
            parts = [self.engine.call(chunk.graph, member)[2] for member in members]
            (joined,) = edge_sums.on_host(torch.cat(parts, dim=1))
            return np.split(joined, np.cumsum(chunk.sizes)[:-1])

        parts = self._batches(frames, near).map(describe, [len(frame) for frame in frames])
        return [features for part in parts for features in part]

    def _predict(self, chunk: Chunk, members: Sequence[int], stress: bool) -> CommitteePrediction:
        """What the members say of a chunk; all sums are made before the one copy to the host."""
        vectors, source = chunk.graph[:2]
        count = len(chunk.sizes)
        energies, forces, virials = [], [], []
        for member in members:
            atomic, gradient, _ = self.engine.call(chunk.graph, member)
            energies.append(edge_sums.of_frames(atomic[:, 0].double(), chunk.frame_of, count))
            forces.append(edge_sums.forces(gradient, source))
            if stress:
                virials.append(edge_sums.virials(vectors, gradient, chunk.frame_of, count))
        by_member = torch.stack(forces)
        answers = [torch.stack(energies), by_member, edge_sums.spread(by_member)]
        if stress:
            answers.append(torch.stack(virials))
        energy, force, spread, *virial = edge_sums.on_host(*answers)
        starts = np.cumsum(chunk.sizes)[:-1]
        return CommitteePrediction(
            energy,
            np.split(force, starts, axis=1),
            _stress(virial[0], chunk.volume) if stress else np.full((*energy.shape, 6), np.nan),
            np.split(spread, starts),
        )

    def _batches(self, frames: Sequence[Atoms], near: Sequence[Neighbourhood]) -> Batches:
        if self.batches is None:
            slots = near[0].update(frames[0])[1].shape[1] if frames else 1
            numbers = self.engine.numbers_per_edge
            self.batches = Batches(atoms_that_fit(self.engine.device, slots, numbers))
        return self.batches

    def _chunk(self, frames: Sequence[Atoms], near: Sequence[Neighbourhood]) -> Chunk:
        parts = [
            neighbourhood.update(frame) for neighbourhood, frame in zip(near, frames, strict=True)
        ]
        slots = join(parts, self.engine.cutoff)
        numbers = np.concatenate([frame.numbers for frame in frames])
        types = self.engine.types_of(numbers)
        vectors, source, frame_of = (
            torch.from_numpy(np.ascontiguousarray(array)).to(self.engine.device)
            for array in (slots.vectors, slots.source, slots.frame_of)
        )
        graph = self.engine.graph(vectors, source, types)
        volume = np.array([frame.cell.volume for frame in frames])
        return Chunk(graph, frame_of, slots.sizes, volume)


def _stress(virial: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """Stresses (K, n, 6) eV/Å³ of virials (K, n, 3, 3) eV; volume (n,) Å³."""
    tensor = (virial + virial.swapaxes(2, 3)) / (2 * volume[:, None, None])
    voigt = full_3x3_to_voigt_6_stress(tensor.reshape(-1, 3, 3))
    return np.asarray(voigt).reshape(*virial.shape[:2], 6)
