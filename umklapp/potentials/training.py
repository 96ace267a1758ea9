"""Training of one member by the configured backend, wherever that runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ase import Atoms

from umklapp import config
from umklapp.potentials.abilities import BACKENDS
from umklapp.potentials.nequip.training import TrainingResult


def train(
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
    say: Callable[[str], None] = print,
    parent: Path | None = None,
) -> TrainingResult:
    """Train a model and write it to `out`: `nequip.training.train` or `external.training.train`."""
    from umklapp.potentials.external import training as external
    from umklapp.potentials.nequip import training as nequip

    chosen = nequip if BACKENDS[settings.backend].environment is None else external
    return chosen.train(training, validation, settings, seed, out, scratch, say, parent)
