"""Explorations made of numbers, for tests of what judges them."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from umklapp.learning.sampling import health
from umklapp.learning.sampling.exploration import CRYSTAL, Explored


def explored(
    sigma: Sequence[np.ndarray],
    starts: Sequence[str] | None = None,
    targets: Sequence[float] | None = None,
    spread: float | np.ndarray = 0.01,
    ended: Sequence[str] | None = None,
    every: float = 100.0,
) -> Explored:
    """One replica per series of σᴬ, a frame of one atom every `every` fs.

    Args:
        spread: largest u_I (eV/Å) of every frame.
    """
    count = len(sigma)
    lengths = [len(each) for each in sigma]
    n = sum(lengths)
    replica = np.repeat(np.arange(count), lengths)
    noise = np.random.default_rng(n).normal(size=n)
    doubt = np.full(n, spread) if np.isscalar(spread) else np.asarray(spread)
    atoms = Atoms("Si", cell=[5.4] * 3, pbc=True)
    return Explored(
        frames=[atoms] * n,
        forces=[np.zeros((1, 3))] * n,
        spread=[np.array([each]) for each in doubt],
        replica=replica,
        target_temperature=np.array(targets or [300.0] * count, float)[replica],
        time=every * np.concatenate([np.empty(0), *(np.arange(m) for m in lengths)]),
        energy=noise,
        temperature=np.full(n, 300.0),
        shortest_distance=np.full(n, 2.0),
        sigma=np.concatenate([np.empty(0), *sigma]),
        measures={"force_max": doubt},
        descriptors=np.zeros((n, 1)),
        ended=list(ended or [health.BOUND_REACHED] * count),
        starts=list(starts or [CRYSTAL] * count),
    )


def quiet(
    replicas: int, n: int = 50, mean: float = 0.4, width: float = 0.05, seed: int = 0
) -> list[np.ndarray]:
    """σᴬ of replicas without memory."""
    return list(np.random.default_rng(seed).normal(mean, width, size=(replicas, n)))
