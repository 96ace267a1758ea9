"""Errors on a few audit labels, and what so few labels can tell.

Components of one frame are correlated, and opposite displacements of one draw are too: the
independent unit is the *block*, one frame or one pair. Limits come from the scatter of the blocks
alone, so that two hundred components do not pass for two hundred measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from umklapp.potentials.contract import spread_of_forces

CONFIDENCE = 0.95

SMALLEST = 1e-12
"""eV/Å; errors below count as that, so that they have a logarithm."""

MANY = 100
"""Blocks; nobody labels more for one audit."""

MAE_OF_LENGTH = np.sqrt(2 / (3 * np.pi))
"""Mean |component| over rms length of an isotropic Gaussian 3-vector."""


@dataclass(frozen=True)
class FrameError:
    """One label against the committee that had predicted it.

    error: (N, 3) eV/Å, ⟨F⟩ − F(reference); spread: (N,) eV/Å, u_I of the members; reference,
    harmonic: (N, 3) eV/Å, forces of the label and −Φu of the committee (None where there are no
    force constants of its cell); energy: eV per atom, committee minus reference; energy_spread: eV
    per atom; pair: frames with one number are opposite displacements of one cell.
    """

    error: np.ndarray
    spread: np.ndarray
    reference: np.ndarray
    harmonic: np.ndarray | None
    energy: float
    energy_spread: float
    pair: int

    @classmethod
    def of(
        cls,
        forces: np.ndarray,
        energies: np.ndarray,
        harmonic: np.ndarray | None,
        reference: np.ndarray,
        reference_energy: float,
        pair: int,
    ) -> FrameError:
        """From a label and K members, forces (K, N, 3) eV/Å and energies (K,) eV."""
        atoms = forces.shape[1]
        return cls(
            forces.mean(axis=0) - reference,
            spread_of_forces(forces),
            reference,
            harmonic,
            float(energies.mean() - reference_energy) / atoms,
            float(energies.std()) / atoms,
            pair,
        )

    @property
    def mae(self) -> float:
        """Mean |component| of the error, eV/Å."""
        return float(np.abs(self.error).mean())

    @property
    def largest(self) -> float:
        """Largest error of an atom, eV/Å."""
        return float(np.linalg.norm(self.error, axis=1).max())

    def expected_mae(self, factor: float) -> float:
        """Mean |component| of Gaussian errors whose rms length is factor · u_I, eV/Å."""
        return float(MAE_OF_LENGTH * factor * self.spread.mean())

    def squares(self, factor: float) -> tuple[float, float]:
        """Mean over atoms of error² and of (factor · u_I)², (eV/Å)²."""
        observed = float((self.error**2).sum(axis=1).mean())
        return observed, float(((factor * self.spread) ** 2).mean())


def blocks(frames: Sequence[FrameError]) -> list[list[FrameError]]:
    """Frames that are not independent of one another, together."""
    pairs = dict.fromkeys(frame.pair for frame in frames)
    return [[frame for frame in frames if frame.pair == pair] for pair in pairs]


def spread_of_blocks(values: Sequence[float]) -> float | None:
    """Factor q: the truth lies within value/q and value·q with `CONFIDENCE`.

    Student's t on the logarithms of one positive value per block. None for a single block, which
    says nothing of its own scatter.
    """
    count = len(values)
    if count < 2:
        return None
    logarithms = np.log(np.maximum(values, SMALLEST))
    width = t.ppf((1 + CONFIDENCE) / 2, count - 1) * logarithms.std(ddof=1) / np.sqrt(count)
    return float(np.exp(width))


def blocks_within(scatter: float, count: int, room: float) -> int | None:
    """Fewest blocks whose limits would lie within a factor, if more of them scatter alike.

    Args:
        scatter: q of `count` blocks, as `spread_of_blocks`. room: the factor.

    Returns:
        None where it takes more than `MANY`.
    """
    deviation = np.log(scatter) * np.sqrt(count) / t.ppf((1 + CONFIDENCE) / 2, count - 1)
    for blocks in range(2, MANY + 1):
        width = t.ppf((1 + CONFIDENCE) / 2, blocks - 1) * deviation / np.sqrt(blocks)
        if width <= np.log(room):
            return blocks
    return None


def mae_with_limit(
    frames: Sequence[FrameError], factor: float | None
) -> tuple[float, float | None]:
    """Mean |component| of the error over all frames, and its upper limit (eV/Å); None: unknown.

    Blocks of different ensembles have errors of different sizes by nature, and the members say so:
    what scatters is the error over the expected one, where there is an expectation.

    Args:
        factor: calibration factor of the committee; None where it has none.
    """
    value = float(np.mean([frame.mae for frame in frames]))
    scatter = spread_of_blocks([_relative(block, factor) for block in blocks(frames)])
    return value, None if scatter is None else value * scatter


def _relative(block: Sequence[FrameError], factor: float | None) -> float:
    """Error of a block over the expected one; the plain error where nothing is expected."""
    observed = float(np.mean([frame.mae for frame in block]))
    expected = float(np.mean([frame.expected_mae(factor or 0.0) for frame in block]))
    return observed / expected if expected > SMALLEST else observed


def ratio_with_limits(
    frames: Sequence[FrameError], factor: float
) -> tuple[float, float | None, float | None] | None:
    """Found over expected error, rms over atoms, with both limits; None without an expectation.

    Blocks weigh by their expected error, as sqrt(Σ error² / Σ (factor · u)²) does, so that frames
    of cold cells with tiny errors do not decide.

    Args:
        factor: calibration factor of the committee (u_I to expected error).
    """
    squares = np.array(
        [np.sum([frame.squares(factor) for frame in block], axis=0) for block in blocks(frames)]
    )
    if (squares[:, 1] < SMALLEST**2).any():
        return None
    value = float(np.sqrt(squares[:, 0].sum() / squares[:, 1].sum()))
    width = spread_of_blocks(np.sqrt(squares[:, 0] / squares[:, 1]).tolist())
    if width is None:
        return value, None, None
    return value, value / width, value * width


def unseen_share(count: int) -> float:
    """Share of frames that may be worse than the worst of `count` independent ones.

    With `CONFIDENCE`, for any distribution: (1 − p)^count = 1 − `CONFIDENCE`.
    """
    return float(1 - (1 - CONFIDENCE) ** (1 / count))


@dataclass(frozen=True)
class Parts:
    """Errors of the harmonic and of the anharmonic forces, rms over components, eV/Å.

    Opposite displacements ±u tell them apart without a fit: half the difference of their forces is
    odd in u (harmonic, and fourth order), half the sum is even (third order: what scatters three
    phonons). anharmonic_force: the reference's even part.
    """

    harmonic_error: float
    anharmonic_error: float
    anharmonic_force: float


def parts(frames: Sequence[FrameError]) -> Parts | None:
    """Harmonic and anharmonic errors of all complete pairs; None where there is none."""
    pairs = [block for block in blocks(frames) if len(block) == 2]
    if not pairs:
        return None

    def rms(arrays: list[np.ndarray]) -> float:
        return float(np.sqrt(np.mean(np.square(arrays))))

    return Parts(
        rms([(up.error - down.error) / 2 for up, down in pairs]),
        rms([(up.error + down.error) / 2 for up, down in pairs]),
        rms([(up.reference + down.reference) / 2 for up, down in pairs]),
    )


def anharmonic_force(frames: Sequence[FrameError]) -> float | None:
    """rms of F(reference) + Φu over components, eV/Å, with Φ of the committee."""
    rest = [frame.reference - frame.harmonic for frame in frames if frame.harmonic is not None]
    return float(np.sqrt(np.mean(np.square(rest)))) if rest else None
