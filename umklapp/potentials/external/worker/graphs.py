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
    n_atoms = sum(len(frame.numbers) for frame in frames)
    return sum(len(centres) for centres, _, _ in edges) / max(1, n_atoms)


def batch_of(
    frames: Sequence[Frame],
    edges: Sequence[Edges],
    species: Sequence[int],
    dtype: torch.dtype,
    device: str,
) -> dict[str, torch.Tensor]:
    """One batch; `species` are the atomic numbers in the order of the model's one-hot vectors."""
    place = {species_number: index for index, species_number in enumerate(species)}
    sizes = np.array([len(frame.numbers) for frame in frames])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.concatenate([frame.numbers for frame in frames])
    kinds = np.array([place[atomic_number] for atomic_number in numbers.tolist()])
    shifts = [e[2] @ f.cell for e, f in zip(edges, frames, strict=True)]
    pairs = [np.stack(e[:2]) + start for e, start in zip(edges, starts[:-1], strict=True)]

    def real(value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    def whole(value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=torch.long, device=device)

    return {
        "positions": real(np.concatenate([frame.positions for frame in frames])),
        "cell": real(np.concatenate([frame.cell for frame in frames])),
        "edge_index": whole(np.concatenate(pairs, axis=1)),
        "shifts": real(np.concatenate(shifts)),
        "unit_shifts": real(np.concatenate([cell_shifts for _, _, cell_shifts in edges])),
        "node_attrs": real(np.eye(len(species))[kinds]),
        "atomic_numbers": whole(numbers),
        "batch": whole(np.repeat(np.arange(len(frames)), sizes)),
        "ptr": whole(starts),
        "head": whole(np.zeros(len(frames))),
    }
