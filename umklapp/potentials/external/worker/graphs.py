"""Frames as graphs, several in one batch: the dictionary that MACE's family of models takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matscipy.neighbours import neighbour_list

from .frames import Frame

Edges = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Centres (E,), neighbours (E,) and cell shifts (E, 3): r = x_j − x_i + S·cell."""


def edges_of(frame: Frame, cutoff: float) -> Edges:
    """All pairs within the cutoff (Å)."""
    return neighbour_list(
        "ijS", positions=frame.positions, cell=frame.cell, pbc=[True] * 3, cutoff=cutoff
    )


def average_neighbours(edges: Sequence[Edges], frames: Sequence[Frame]) -> float:
    """Neighbours of an atom, over all atoms of all frames."""
    return sum(len(each[0]) for each in edges) / max(1, sum(len(each.numbers) for each in frames))


def batch_of(
    frames: Sequence[Frame],
    edges: Sequence[Edges],
    species: Sequence[int],
    dtype: torch.dtype,
    device: str,
) -> dict[str, torch.Tensor]:
    """One batch; `species` are the atomic numbers in the order of the model's one-hot vectors."""
    place = {number: index for index, number in enumerate(species)}
    sizes = np.array([len(each.numbers) for each in frames])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.concatenate([each.numbers for each in frames])
    kinds = np.array([place[number] for number in numbers.tolist()])
    shifts = [e[2] @ f.cell for e, f in zip(edges, frames, strict=True)]
    pairs = [np.stack(e[:2]) + start for e, start in zip(edges, starts[:-1], strict=True)]

    def real(value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    def whole(value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=torch.long, device=device)

    return {
        "positions": real(np.concatenate([each.positions for each in frames])),
        "cell": real(np.concatenate([each.cell for each in frames])),
        "edge_index": whole(np.concatenate(pairs, axis=1)),
        "shifts": real(np.concatenate(shifts)),
        "unit_shifts": real(np.concatenate([each[2] for each in edges])),
        "node_attrs": real(np.eye(len(species))[kinds]),
        "atomic_numbers": whole(numbers),
        "batch": whole(np.repeat(np.arange(len(frames)), sizes)),
        "ptr": whole(starts),
        "head": whole(np.zeros(len(frames))),
    }
