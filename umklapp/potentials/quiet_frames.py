"""How much the forces of a frame count in the loss, so that quiet frames are learned, too.

Hot small cells have the largest forces, and so the mean square error; quiet large ones make κ.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

QUIETEST, LOUDEST = 0.05, 3.0
"""Of the typical force. A frame that is quieter counts as one with the first; of one that is louder
than the second the relative error counts, as of one with that: a frame near a collapse, with forces
of 15 eV/Å, must not cost the crystal."""

NONE = 1e-9
"""eV/Å; forces of labels that have none."""


def typical_force(forces: Sequence[np.ndarray]) -> float:
    """F, the rms component of the forces (N, 3) of the training labels, eV/Å.

    Without frames that are louder than `LOUDEST` times the median frame: they would make all the
    others quiet.
    """
    rms = np.array([np.sqrt(np.mean(one**2)) for one in forces])
    loud = rms > LOUDEST * np.median(rms)
    kept = [one for one, is_loud in zip(forces, loud, strict=True) if not is_loud]
    typical = float(np.sqrt(np.mean(np.concatenate(kept) ** 2)))
    return max(typical, NONE)


def frame_scales(forces: Sequence[np.ndarray], power: float, typical: float) -> np.ndarray:
    """(F / max(f, 0.05 F))^power, f the rms component of a frame; beyond 3 F 3^(1 − power) F/f.

    The loss multiplies forces and their labels by it, (n_frames,). With the power 0 every component
    counts alike (all scales are 1), with 1 the relative error of every frame does.

    Args:
        forces: n_frames arrays (N, 3) eV/Å, labels. power: 0 to 1. typical: F, eV/Å.
    """
    rms = np.array([np.sqrt(np.mean(one**2)) for one in forces])
    loudness = np.maximum(rms / typical, QUIETEST)
    beyond = np.maximum(loudness / LOUDEST, 1.0) if power else 1.0
    return np.asarray((loudness / beyond) ** -power / beyond)
