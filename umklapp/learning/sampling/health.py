"""Is a trajectory still physical? The first thing that is not ends a replica, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOUND_REACHED = "bound on steps reached"


@dataclass(frozen=True)
class Limits:
    """Beyond these a replica has exploded, or the committee is lost.

    temperature: K; distance: Å; force: eV/Å; uncertainty: largest u_I of the frame, eV/Å;
    drift: of the conserved energy, eV per atom.
    """

    temperature: float
    distance: float
    force: float
    uncertainty: float = float("inf")
    drift: float = float("inf")


@dataclass(frozen=True)
class State:
    """What the monitor looks at in one frame: finite says whether positions and forces are
    numbers; the others as in `Limits`."""

    finite: bool
    temperature: float
    distance: float
    force: float
    uncertainty: float = 0.0
    drift: float = 0.0

    @classmethod
    def of(
        cls,
        positions: np.ndarray,
        forces: np.ndarray,
        temperature: float,
        distance: float,
        uncertainty: float = 0.0,
        drift: float = 0.0,
    ) -> State:
        """State from positions (N, 3) Å and forces (N, 3) eV/Å."""
        finite = bool(np.isfinite(forces).all() and np.isfinite(positions).all())
        largest = float(np.linalg.norm(forces, axis=1).max())
        return cls(finite, temperature, distance, largest, uncertainty, drift)


def complaint(state: State, limits: Limits) -> str | None:
    """Why this frame is no longer physical, in words and numbers; None when it is."""
    if not state.finite:
        return "forces or positions are not finite"
    if state.temperature > limits.temperature:
        return f"temperature {state.temperature:.0f} K above {limits.temperature:.0f} K"
    if state.force > limits.force:
        return f"force {state.force:.1f} eV/Å above {limits.force:.1f} eV/Å"
    if state.distance < limits.distance:
        return f"two atoms {state.distance:.2f} Å apart, limit {limits.distance:.2f} Å"
    if state.uncertainty > limits.uncertainty:
        return (
            f"the members differ by {state.uncertainty:.1f} eV/Å, limit "
            f"{limits.uncertainty:.1f} eV/Å"
        )
    if abs(state.drift) > limits.drift:
        return (
            f"conserved energy drifted by {1e3 * state.drift:.0f} meV/atom, limit "
            f"{1e3 * limits.drift:.0f} meV/atom: the timestep is too long"
        )
    return None
