"""σᴬ: how much of the forces is not harmonic, frame by frame and over streams.

Knoop et al., Phys. Rev. Materials 4, 083809 (2020): F^A = F − F^(2) with F^(2) = −Φ u, and
σᴬ = sqrt(⟨F^A²⟩ / ⟨F²⟩).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def sigma(forces: np.ndarray, harmonic: np.ndarray) -> np.ndarray:
    """Frame-resolved σᴬ = std(F − F_ha) / std(F) over all components of a frame.

    Args:
        forces, harmonic: (..., N, 3) eV/Å.

    Returns:
        (...,); NaN where the forces do not vary at all.
    """
    flat = np.reshape(forces, (*np.shape(forces)[:-2], -1))
    rest = np.reshape(forces - harmonic, flat.shape)
    size = flat.std(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, rest.std(axis=-1) / size, np.nan)


@dataclass
class RunningSigma:
    """σᴬ of a stream that does not fit into memory, chunk by chunk."""

    anharmonic: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)

    def add(self, forces: np.ndarray, harmonic: np.ndarray) -> None:
        """Take a chunk of frames, both (n, N, 3) eV/Å."""
        self.anharmonic.append(float(((forces - harmonic) ** 2).sum()))
        self.total.append(float((forces**2).sum()))

    def result(self) -> tuple[float, float]:
        """σᴬ over all chunks, and its standard error from leaving out one chunk at a time.

        The error is NaN for a single chunk; chunks longer than the correlation time make it honest.
        """
        rest, size = np.array(self.anharmonic), np.array(self.total)
        value = float(np.sqrt(rest.sum() / size.sum()))
        n_chunks = len(size)
        if n_chunks < 2:
            return value, float("nan")
        left_out = np.sqrt((rest.sum() - rest) / (size.sum() - size))
        return value, float(np.sqrt((n_chunks - 1) * left_out.var()))
