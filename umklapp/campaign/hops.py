"""Atoms that left their sites, told by displacements alone: the truth behind verdicts on events.

Independent of σᴬ and of everything that a verdict looks at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

OUT, BACK = 1.5, 0.9
"""Å; an atom is away once its median displacement exceeds OUT, until it is below BACK."""


def away(displacements: np.ndarray, window: int) -> np.ndarray:
    """Which atoms are away from their sites, (n, N) bool.

    Args:
        displacements: (n, N, 3) Å from the sites, frames in equal steps of time.
        window: frames of the running median, which takes out thermal motion and short excursions.
    """
    smooth = median_filter(displacements, size=(window, 1, 1), mode="nearest")
    length = np.linalg.norm(smooth, axis=-1)
    state = np.zeros(length.shape[1], bool)
    states = np.empty(length.shape, bool)
    for frame_index, row in enumerate(length):
        state = np.where(state, row > BACK, row > OUT)
        states[frame_index] = state
    return states


@dataclass(frozen=True)
class Occupation:
    """How often a crystal is left and restored.

    entries: times at which the first atom left; quiet: ps with every atom at its site;
    returns: times at which the last one came back; hopped: ps with at least one atom away.
    """

    entries: int
    quiet: float
    returns: int
    hopped: float

    @classmethod
    def of(cls, gone: np.ndarray, step: float) -> Occupation:
        """From one trajectory of `away` (n, N), frames `step` ps apart."""
        hopped = np.asarray(gone.any(axis=1))
        change = np.diff(hopped.astype(int))
        inside = float(hopped[:-1].sum()) * step
        return cls(
            int((change > 0).sum()), len(change) * step - inside, int((change < 0).sum()), inside
        )

    def __add__(self, other: Occupation) -> Occupation:
        return Occupation(
            self.entries + other.entries,
            self.quiet + other.quiet,
            self.returns + other.returns,
            self.hopped + other.hopped,
        )
