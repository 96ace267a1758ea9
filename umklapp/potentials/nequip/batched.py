"""All members of a committee on batches of frames, through the compiled graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from umklapp.errors import CalculationError
from umklapp.potentials.batches import Batches, atoms_that_fit
from umklapp.potentials.contract import Prediction
from umklapp.potentials.neighbours import Neighbourhood, Slots, join
from umklapp.potentials.nequip.engine import Engine
from umklapp.potentials.nequip.inference import NequipPotential


@dataclass(frozen=True)
class _Chunk:
    slots: Slots
    graph: list[torch.Tensor]
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
    ) -> list[Prediction]:
        """Energies, forces and stresses of all frames by each of the members (default: all).

        Raises:
            CalculationError: a frame has a species that the models were not trained on.
        """
        numbers = range(len(self.networks)) if members is None else members
        if sum(map(len, frames)) < 2:
            return [self.networks[member].evaluate(frames) for member in numbers]
        near = neighbours or [Neighbourhood(self.engine.cutoff) for _ in frames]

        def predict(begin: int, end: int) -> list[Prediction]:
            chunk = self._chunk(frames[begin:end], near[begin:end])
            return [self._predict(chunk, member) for member in numbers]

        parts = self._batches(frames, near).map(predict, [len(frame) for frame in frames])
        return [_concatenate(of_member) for of_member in zip(*parts, strict=True)]

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Last-layer features of every atom by all members, n arrays (n_atoms, K d)."""
        near = [Neighbourhood(self.engine.cutoff) for _ in frames]
        members = range(len(self.networks))

        def describe(begin: int, end: int) -> list[np.ndarray]:
            chunk = self._chunk(frames[begin:end], near[begin:end])
            parts = [self.engine.evaluate(chunk.graph, member).features for member in members]
            joined = np.concatenate(parts, axis=1).astype(float)
            return np.split(joined, np.cumsum(chunk.slots.sizes)[:-1])

        parts = self._batches(frames, near).map(describe, [len(frame) for frame in frames])
        return [features for part in parts for features in part]

    def _predict(self, chunk: _Chunk, member: int) -> Prediction:
        out, slots = self.engine.evaluate(chunk.graph, member), chunk.slots
        forces = edge_forces(out.gradient, slots.source)
        starts = np.cumsum((0, *slots.sizes[:-1]))
        work = np.einsum("nma,nmb->nab", slots.vectors, out.gradient)
        virial = np.add.reduceat(work, starts, axis=0)
        tensor = (virial + virial.transpose(0, 2, 1)) / (2 * chunk.volume[:, None, None])
        return Prediction(
            np.add.reduceat(out.energy.astype(float), starts),
            np.split(forces, starts[1:]),
            full_3x3_to_voigt_6_stress(tensor),
        )

    def _batches(self, frames: Sequence[Atoms], near: Sequence[Neighbourhood]) -> Batches:
        if self.batches is None:
            slots = near[0].update(frames[0])[1].shape[1] if frames else 1
            numbers = self.engine.numbers_per_edge
            self.batches = Batches(atoms_that_fit(self.engine.device, slots, numbers))
        return self.batches

    def _chunk(self, frames: Sequence[Atoms], near: Sequence[Neighbourhood]) -> _Chunk:
        parts = [
            neighbourhood.update(frame) for neighbourhood, frame in zip(near, frames, strict=True)
        ]
        slots = join(parts, self.engine.cutoff)
        graph = self.engine.prepare(slots, np.concatenate([self._types(frame) for frame in frames]))
        return _Chunk(slots, graph, np.array([frame.cell.volume for frame in frames]))

    def _types(self, frame: Atoms) -> np.ndarray:
        types = self.engine.types
        try:
            return np.array([types[symbol] for symbol in frame.get_chemical_symbols()])
        except KeyError:
            unknown = sorted(set(frame.get_chemical_symbols()) - set(types))
            raise CalculationError(
                f"the model knows {sorted(types)}, the frame has {unknown}"
            ) from None


def edge_forces(gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Forces (N, 3) eV/Å from ∂E/∂vectors (N, M, 3) eV/Å and the neighbours (N, M)."""
    forces = gradient.sum(axis=1)
    for axis in range(3):
        pull = np.bincount(source.ravel(), gradient[..., axis].ravel(), minlength=len(forces))
        forces[:, axis] -= pull
    return forces


def _concatenate(parts: Sequence[Prediction]) -> Prediction:
    return Prediction(
        np.concatenate([part.energy for part in parts]),
        [force for part in parts for force in part.forces],
        np.concatenate([part.stress for part in parts]),
    )
