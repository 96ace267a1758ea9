"""How much the forces of a frame count in the loss, so that quiet frames are learned, too.

Hot small cells have the largest forces, and so the mean square error; quiet large ones make κ.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

QUIETEST = 0.05
"""Of the rms force of all training labels; a frame that is quieter counts as one that has this."""


def typical_force(forces: Sequence[np.ndarray]) -> float:
    """F, the rms component of the forces (N, 3) of all training labels, eV/Å."""
    return float(np.sqrt(np.mean(np.concatenate(forces) ** 2)))


def frame_scales(forces: Sequence[np.ndarray], power: float, typical: float) -> np.ndarray:
    """(F / max(f, 0.05 F))^power, f the rms component of a frame: (n_frames,).

    The loss multiplies forces and their labels by it. With the power 0 every component counts
    alike, with 1 the relative error of every frame does.

    Args:
        forces: n_frames arrays (N, 3) eV/Å, labels. power: 0 to 1. typical: F, eV/Å.
    """
    rms = np.array([np.sqrt(np.mean(one**2)) for one in forces])
    return np.asarray((typical / np.maximum(rms, QUIETEST * typical)) ** power)
