"""Is a trajectory still physical? The first thing that is not ends a replica, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

BOUND_REACHED = "bound on steps reached"


@dataclass(frozen=True)
class Limits:
    """Beyond these a replica has exploded: K, Å, eV/Å."""

    temperature: float
    distance: float
    force: float


def shortest_distance(atoms: Atoms, search: float = 4.0) -> float:
    """Shortest interatomic distance (Å), periodic images included; `inf` beyond `search`."""
    distances = neighbour_list("d", atoms, search)
    return float(distances.min()) if len(distances) else float("inf")


def complaint(atoms: Atoms, forces: np.ndarray, temperature: float, limits: Limits) -> str | None:
    """Why this frame is no longer physical, in words and numbers; None when it is."""
    if not (np.isfinite(forces).all() and np.isfinite(atoms.positions).all()):
        return "forces or positions are not finite"
    if temperature > limits.temperature:
        return f"temperature {temperature:.0f} K above {limits.temperature:.0f} K"
    largest = float(np.linalg.norm(forces, axis=1).max())
    if largest > limits.force:
        return f"force {largest:.1f} eV/Å above {limits.force:.1f} eV/Å"
    distance = shortest_distance(atoms)
    if distance < limits.distance:
        return f"two atoms {distance:.2f} Å apart, limit {limits.distance:.2f} Å"
    return None
